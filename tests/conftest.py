"""What all tests that cross services share: Docker, where an engine answers."""

import pytest
from _pytest.nodeid import NodeId

from forum import compose

NO_ENGINE = "no Docker engine answers here"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what needs Docker where there is none; the summary names each test."""
    if config.getoption("loadgroup", default=False):
        _tell_groups(items)
    needing = [item for item in items if item.get_closest_marker("docker")]
    if needing and not compose.engine_answers():
        for item in needing:
            item.add_marker(pytest.mark.skip(reason=NO_ENGINE))


def _tell_groups(items: list[pytest.Item]) -> None:
    """Let tests of one `xdist_group` run on one worker.

    The scheduler reads the group from a test's id, but xdist 3.8 writes it where pytest 9.2 does
    not look (pytest-dev/pytest-xdist#1386): without this the groups are as good as not there.
    """
    for item in items:
        group = item.get_closest_marker("xdist_group")
        if group and not item.nodeid.endswith(f"@{group.args[0]}"):
            item._id = NodeId.parse(f"{item.nodeid}@{group.args[0]}")  # noqa: SLF001


@pytest.fixture(scope="session")
def images() -> None:
    """The images of all services and of the monolith, as the checkout says."""
    compose.build()
