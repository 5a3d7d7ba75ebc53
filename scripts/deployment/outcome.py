"""What a command comes to."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """The same said twice: `document` for programs (`--json`), `text` for people."""

    document: dict[str, Any]
    text: str
    status: int = 0
