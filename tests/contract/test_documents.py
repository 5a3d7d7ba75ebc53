"""What the API says of itself: a page for people and an OpenAPI document for programs."""

import pytest

from .client import Guest


@pytest.mark.parametrize("part", ["users", "topics", "messages"])
def test_every_part_describes_its_endpoints(guest: Guest, part: str) -> None:
    document = guest.read(f"/api/{part}/openapi.json")
    assert document["openapi"].startswith("3.")
    assert f"/api/{part}" in document["paths"]
    page = guest.get(f"/api/{part}/docs")
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
