"""The gateway in containers: what it does about a replica that hangs, and how it gets new rules."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from forum.compose import Compose, docker
from forum.places import SERVICES

from .operated import Operated, blocks

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("compose")]

READERS = 12
SECONDS = 5
LONGEST_SECONDS = 60


@pytest.fixture
def hung(scaled: Compose) -> Iterator[Compose]:
    """One of three replicas of messages takes connections and never answers."""
    scaled.scale(**dict.fromkeys(SERVICES, 3))
    replica = scaled.containers("messages")[0]
    docker("pause", replica)
    yield scaled
    docker("unpause", replica)
    scaled.await_healthy("messages")


def test_a_replica_that_hangs_keeps_few_requests_and_none_for_ever(hung: Compose) -> None:
    ends = time.monotonic() + SECONDS

    def read() -> list[tuple[int, float]]:
        """Status and seconds of one answer after the other."""
        seen = []
        with httpx.Client(base_url=hung.url, timeout=LONGEST_SECONDS) as http:
            while time.monotonic() < ends:
                asked = time.monotonic()
                status = http.get("/api/messages", params={"author_id": 1}).status_code
                seen.append((status, time.monotonic() - asked))
        return seen

    with ThreadPoolExecutor(READERS) as pool:
        answers = [one for seen in pool.map(lambda _: read(), range(READERS)) for one in seen]
    late = [(status, seconds) for status, seconds in answers if seconds > SECONDS]
    assert 0 < len(late) <= READERS / 2
    # Sent already, so not sent to another.
    assert {status for status, _ in late} == {503}
    assert len(answers) > 10 * READERS
    assert {status for status, seconds in answers if seconds <= SECONDS} == {200}


def test_a_changed_file_reaches_the_gateway_as_the_runbook_says(operated: Operated) -> None:
    *_, replace = blocks("upgrade.md")
    file = operated.folder / "compose" / "Caddyfile"
    old = file.read_text()
    for text in (old.replace("Nothing is here", "Nothing of the next release is here"), old):
        # As git does it: another file of the same name.
        file.unlink()
        file.write_text(text)
        operated.follow(replace)
        title = httpx.get(f"{operated.url}/nowhere").json()["title"]
        assert f'"title": "{title}"' in text
