"""The emulators that tests of deploying share."""

import shutil
from collections.abc import Iterator

import docker
import pytest

from .emulator import Emulator


@pytest.fixture(scope="session")
def docker_host() -> None:
    """Skips, aloud, where no Docker engine answers."""
    try:
        with docker.from_env() as client:
            client.ping()
    except docker.errors.DockerException as error:
        pytest.skip(f"no Docker engine answers: {error}")
    if shutil.which("docker") is None:
        pytest.skip("there is no docker command")


@pytest.fixture(scope="session")
def emulator(docker_host: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An AWS whose tasks are real containers."""
    with Emulator(tmp_path_factory.mktemp("emulator") / "log") as running:
        yield running


@pytest.fixture(scope="session")
def records(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An AWS where nothing runs: quick, for what is about the calls and not about the tasks."""
    with Emulator(tmp_path_factory.mktemp("records") / "log", containers=False) as running:
        yield running
