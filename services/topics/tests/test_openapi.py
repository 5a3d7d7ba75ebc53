"""The committed openapi.json is what the service says of itself."""

from chassis.openapi import text
from topics.app import create_app
from topics.openapi import FILE, settings


def test_the_committed_openapi_is_current() -> None:
    assert FILE.read_text(encoding="utf-8") == text(create_app(settings())), (
        "run python -m topics.openapi"
    )
