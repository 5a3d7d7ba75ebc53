"""The committed description of the API is what the code says."""

from chassis.openapi import text
from messages.app import create_app
from messages.openapi import FILE, settings


def test_the_committed_description_is_current() -> None:
    assert FILE.read_text(encoding="utf-8") == text(create_app(settings())), (
        "run: python -m messages.openapi"
    )
