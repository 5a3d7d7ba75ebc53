"""`scripts/up` as a user starts it: a process of its own, and what is left when it has ended."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from forum import ports
from forum.leashed import leashed
from forum.places import ROOT

# Long: other tests run beside these.
SECONDS = 240


class Up:
    """A running `scripts/up` and all that it prints."""

    def __init__(self, data: Path, *arguments: str) -> None:
        self.data = data
        (self.port,) = ports.free(1)
        command = [sys.executable, str(ROOT / "scripts" / "up"), f"--data={data}"]
        if not any(argument.startswith("--port") for argument in arguments):
            command.append(f"--port={self.port}")
        self.process = subprocess.Popen(
            leashed([*command, *arguments], last_signal=signal.SIGTERM),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def facts(self) -> dict[str, Any]:
        """What it wrote down about itself."""
        facts: dict[str, Any] = json.loads((self.data / "run" / "forum.json").read_text())
        return facts

    def until(self, condition: Callable[[], object]) -> None:
        """Wait until it is so."""
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert self.process.poll() is None, f"it has ended:\n{self.output}"
            assert time.monotonic() < deadline, f"not within {SECONDS} s:\n{self.output}"
            time.sleep(0.02)

    def until_it_says(self, text: str) -> None:
        self.until(lambda: text in self.output)

    def until_it_answers(self) -> None:
        self.until_it_says("The forum answers at")

    def ended(self) -> int:
        """Its status, once it has ended and everything it printed is read."""
        status = self.process.wait(SECONDS)
        self._reader.join(SECONDS)
        return status

    def family(self) -> list[psutil.Process]:
        """Every process that it has started, and theirs."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.output += line

    def clear_away(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.ended()
        if self.process.stdout:
            self.process.stdout.close()


def gone(processes: list[psutil.Process]) -> bool:
    """Whether all of them end within a while."""
    _, alive = psutil.wait_procs(processes, timeout=20)
    return not alive


@pytest.fixture
def start(data: Path) -> Iterator[Callable[..., Up]]:
    """Starts `scripts/up` with these arguments."""
    started: list[Up] = []

    def run(*arguments: str) -> Up:
        started.append(Up(data, *arguments))
        return started[-1]

    yield run
    for up in started:
        up.clear_away()


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that all tests of a worker use in turn: each leaves it fit for the next."""
    return tmp_path_factory.mktemp("up") / "var"


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One with the sample in it that runs on, for tests that only look."""
    up = Up(tmp_path_factory.mktemp("running") / "var", "--sample")
    try:
        up.until_it_answers()
        yield up
    finally:
        up.clear_away()
