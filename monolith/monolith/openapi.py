"""`python -m monolith.openapi`: write openapi.json anew."""

from pathlib import Path

from chassis.openapi import write
from monolith.app import create_app
from monolith.settings import Settings

FILE = Path(__file__).parents[1] / "openapi.json"


def settings() -> Settings:
    """Enough to describe the API; nothing is opened."""
    return Settings.model_validate(
        {
            "environment": "development",
            "database_url": "postgresql://",
            "idempotency_secret": "unused-" * 5,
        }
    )


if __name__ == "__main__":
    write(create_app(settings()), FILE)
