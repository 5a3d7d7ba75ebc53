"""The emulators, and the deployed forum, that tests of deploying share."""

from collections.abc import Iterator

import pytest

from .deploying import Checkout, Deployment, write_size
from .emulator import Emulator


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An AWS whose tasks are real containers; its tests are marked `docker`."""
    with Emulator(tmp_path_factory.mktemp("emulator") / "log") as running:
        yield running


@pytest.fixture(scope="session")
def records(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An AWS where nothing runs: quick, for what is about the calls and not about the tasks."""
    with Emulator(tmp_path_factory.mktemp("records") / "log", containers=False) as running:
        yield running


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """What is deployed, as it is in this working tree; a test that changes it takes a copy."""
    return Checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="session")
def deployed(
    emulator: Emulator, checkout: Checkout, tmp_path_factory: pytest.TempPathFactory
) -> Deployment:
    """A forum that runs: tests may roll out other versions, and leave it running."""
    folder = tmp_path_factory.mktemp("deployed")
    authority = folder / "authority.pem"
    authority.write_bytes(emulator.get("/_ministack/rds/ca.pem"))
    forum = Deployment(emulator, checkout, write_size(folder / "size.json", authority))
    forum.ok("up")
    return forum
