"""A database for each test, with the tables of `migrations`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chassis.testing import Databases

MIGRATIONS = Path(__file__).parent / "migrations"


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """The URL of a new database."""
    url = databases.create(MIGRATIONS)
    yield url
    databases.drop(url)
