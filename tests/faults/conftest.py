"""One forum for all tests of a worker, started as scripts/up starts it."""

from collections.abc import Callable, Iterator

import pytest

from forum.instance import Forum

from .log import assert_clean
from .people import Person, Secrets

# What is tested here is not the limits.
PLENTY = {
    "WRITES_BURST": "100000",
    "WRITES_PER_SECOND": "1000",
    "REGISTRATIONS_PER_ADDRESS": "1000",
    "LOGINS_PER_ADDRESS": "1000",
}


@pytest.fixture(scope="session")
def secrets() -> Secrets:
    """What no log may show."""
    return Secrets()


@pytest.fixture(scope="session")
def forum(secrets: Secrets) -> Iterator[Forum]:
    """Three services, their databases and the gateway. At the end the log of it all is searched."""
    with Forum(environment="production", env=PLENTY) as running:
        yield running
        assert_clean(running, secrets)


@pytest.fixture
def person(forum: Forum, secrets: Secrets) -> Iterator[Callable[[], Person]]:
    """Makes people."""
    made = []

    def new() -> Person:
        made.append(Person(forum.url, secrets))
        return made[-1]

    yield new
    for someone in made:
        someone.http.close()
