"""What all tests that cross services share: Docker, where an engine answers."""

import pytest

from forum import compose

NO_ENGINE = "no Docker engine answers here"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs Docker where there is none; the summary names each test."""
    needing = [item for item in items if item.get_closest_marker("docker")]
    if needing and not compose.engine_answers():
        for item in needing:
            item.add_marker(pytest.mark.skip(reason=NO_ENGINE))


@pytest.fixture(scope="session")
def images() -> None:
    """The images of all services and of the monolith, as the checkout says."""
    compose.build()
