"""The topics service on a database of its own for each test."""

from collections.abc import AsyncIterator, Iterator

import pytest
from topics_harness import Service, topics_service

from chassis.testing import Databases, Signer
from topics.settings import MIGRATIONS


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """The URL of a new database."""
    url = databases.create(MIGRATIONS)
    yield url
    databases.drop(url)


@pytest.fixture
async def service(database_url: str, signer: Signer) -> AsyncIterator[Service]:
    """The running service."""
    async with topics_service(database_url, signer) as running_service:
        yield running_service
