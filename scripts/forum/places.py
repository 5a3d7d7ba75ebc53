"""Where things lie in a checkout."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SERVICES = ("users", "topics", "messages")


def folder_of(part: str) -> Path:
    """The folder of a deployable: that of its pyproject.toml, migrations and package."""
    return ROOT / part if part == "monolith" else ROOT / "services" / part
