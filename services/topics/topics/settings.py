"""What the topics service is told by its environment."""

from pathlib import Path

from chassis.settings import InternalSettings

MIGRATIONS = Path(__file__).parents[1] / "migrations"


class Settings(InternalSettings):
    """`users_url` and `messages_url` are base addresses without a path."""

    users_url: str
    messages_url: str
