"""Empty databases for the parts of a forum, and loading into and dumping out of them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

import messages.archive
import messages.settings
import monolith.archive
import monolith.settings
import topics.archive
import topics.settings
import users.archive
import users.settings
from chassis.archive_copy import Part, connect, dump, load
from chassis.testing import Databases

MONOLITH = [(monolith.archive.PART, monolith.settings.MIGRATIONS)]
SERVICES = [
    (users.archive.PART, users.settings.MIGRATIONS),
    (topics.archive.PART, topics.settings.MIGRATIONS),
    (messages.archive.PART, messages.settings.MIGRATIONS),
]


class Store:
    """The databases of a monolith or of the services."""

    def __init__(self, parts: Sequence[tuple[Part, Path]], databases: Databases) -> None:
        self.parts = [part for part, _ in parts]
        self.urls = {part.name: databases.create(migrations) for part, migrations in parts}

    def load(self, folder: Path) -> None:
        """Load every part, or none."""
        with ExitStack() as stack:
            for part in self.parts:
                conn = stack.enter_context(connect(self.urls[part.name]))
                stack.enter_context(conn.transaction())
                load(conn, folder, part)

    def dump(self, folder: Path, *, credentials: bool = False) -> Path:
        """Dump every part."""
        for part in self.parts:
            with connect(self.urls[part.name]) as conn:
                dump(conn, folder, part, private=credentials)
        return folder


@pytest.fixture
def make_store(databases: Databases) -> Iterator[Callable[[str], Store]]:
    """Makes empty databases: of the `monolith` or of the `services`."""
    made: list[Store] = []

    def make(shape: str) -> Store:
        made.append(Store(MONOLITH if shape == "monolith" else SERVICES, databases))
        return made[-1]

    yield make
    for store in made:
        for url in store.urls.values():
            databases.drop(url)


@pytest.fixture(params=["monolith", "services"])
def store(request: pytest.FixtureRequest, make_store: Callable[[str], Store]) -> Store:
    """Empty databases, once of each shape."""
    return make_store(request.param)


@pytest.fixture(scope="module", params=["monolith", "services"])
def empty_store(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Store]:
    """Empty databases for tests that leave them so."""
    made = Store(MONOLITH if request.param == "monolith" else SERVICES, databases)
    yield made
    for url in made.urls.values():
        databases.drop(url)
