"""What `scripts/deploy check` finds: one line each, with what to do about it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from deployment.problems import DeployError, in_plain_words

Level = Literal["ok", "warning", "stops"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; one that `stops` would stop `up`."""

    level: Level
    about: str
    found: str
    do: str = ""

    @property
    def line(self) -> str:
        """For a person."""
        advice = f" {self.do}" if self.do else ""
        return f"{self.level:<8} {self.about}: {self.found}{advice}"


def guarded(
    about: str, look: Callable[[], Iterable[Finding]], failing: Level = "stops"
) -> Iterator[Finding]:
    """What `look` finds; where it cannot look, that is a finding too, of the level `failing`."""
    try:
        yield from look()
    except DeployError as error:
        yield Finding(failing, about, " ".join(str(error).split()))
    except (BotoCoreError, ClientError) as error:
        yield Finding(failing, about, in_plain_words(error))
    except ResponseParserError as error:
        # The answer of something that is not AWS.
        said = " ".join(str(error).split())[:100]
        yield Finding(failing, about, f"what answers is not AWS ({said} …).", "Look for a proxy.")
