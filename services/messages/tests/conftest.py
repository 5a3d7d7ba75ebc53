"""The messages service on a database of its own for each test."""

from collections.abc import AsyncIterator, Iterator

import pytest
from messages_harness import Service, messages_service

from chassis.testing import Databases, Signer
from messages.settings import MIGRATIONS


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """The URL of a new database."""
    url = databases.create(MIGRATIONS)
    yield url
    databases.drop(url)


@pytest.fixture
async def service(database_url: str, signer: Signer) -> AsyncIterator[Service]:
    """The running service, which has heard of topic 7."""
    signer.publish(database_url)
    async with messages_service(database_url, signer) as running_service:
        await running_service.hear_topic(7)
        yield running_service
