"""Forums in containers that the tests of this folder share."""

from collections.abc import Iterator

import pytest

from forum.compose import Compose
from forum.places import SERVICES


@pytest.fixture(scope="session")
def forum(images: None) -> Iterator[Compose]:
    """One container of each service."""
    with Compose() as running:
        yield running


@pytest.fixture(scope="session")
def scaled(images: None) -> Iterator[Compose]:
    """Three containers of each service."""
    with Compose(scale=dict.fromkeys(SERVICES, 3)) as running:
        yield running
