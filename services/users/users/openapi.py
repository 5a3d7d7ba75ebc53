"""`python -m users.openapi`: write openapi.json anew."""

from pathlib import Path

from chassis.openapi import write
from users.app import create_app
from users.settings import Settings

FILE = Path(__file__).parents[1] / "openapi.json"


def settings() -> Settings:
    """Enough to describe the API; nothing is opened."""
    unused = "unused-" * 5
    return Settings.model_validate(
        {
            "environment": "development",
            "database_url": "postgresql://",
            "idempotency_secret": unused,
            "internal_secrets": unused,
            "topics_url": "http://topics",
            "messages_url": "http://messages",
        }
    )


if __name__ == "__main__":
    write(create_app(settings()), FILE)
