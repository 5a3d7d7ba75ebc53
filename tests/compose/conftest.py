"""Forums in containers that the tests of this folder share."""

from collections.abc import Callable, Iterator

import pytest

from forum.compose import Compose
from forum.places import SERVICES

from .operated import Operated
from .someone import Someone


@pytest.fixture(scope="session")
def forum(images: None) -> Iterator[Compose]:
    """One container of each service."""
    with Compose() as running:
        yield running


@pytest.fixture(scope="session")
def scaled(images: None) -> Iterator[Compose]:
    """Several containers of each service."""
    with Compose(scale=dict.fromkeys(SERVICES, 3)) as running:
        yield running


@pytest.fixture(scope="session")
def operated(images: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    """One container of each service, started from a copy of the checkout."""
    with Operated(tmp_path_factory.mktemp("checkout")) as running:
        yield running


@pytest.fixture
def someone(operated: Operated) -> Iterator[Callable[[], Someone]]:
    """Makes people of that forum."""
    made: list[Someone] = []

    def new() -> Someone:
        made.append(Someone(operated.url))
        return made[-1]

    yield new
    for each in made:
        each.http.close()
