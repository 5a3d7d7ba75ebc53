"""The users service on a database of its own for each test."""

from collections.abc import AsyncIterator, Iterator

import pytest
from users_harness import Service, users_service

from chassis.testing import Databases
from users.settings import MIGRATIONS


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """The URL of a new database."""
    url = databases.create(MIGRATIONS)
    yield url
    databases.drop(url)


@pytest.fixture
async def service(database_url: str) -> AsyncIterator[Service]:
    """The running service."""
    async with users_service(database_url) as running_service:
        yield running_service
