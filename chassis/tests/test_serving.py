"""A served process: what a SIGTERM does, as a load balancer and a client see it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from chassis.testing import SECRET

SERVE = """
from notes import create_app
from chassis.server import serve
from chassis.settings import ServiceSettings
from chassis.testing import Signer

settings = ServiceSettings.from_environment()
serve(create_app(settings, Signer()), settings)
"""
DRAIN_SECONDS = 2


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def served(database_url: str) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parent),
        "DATABASE_URL": database_url,
        "IDEMPOTENCY_SECRET": SECRET,
        "PORT": str(port),
        "DRAIN_SECONDS": str(DRAIN_SECONDS),
    }
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen([sys.executable, "-c", SERVE], env=environment) as process:
        until(lambda: answers(url))
        yield url, process
        process.kill()


def test_a_sigterm_drains_before_it_stops(
    served: tuple[str, "subprocess.Popen[bytes]"],
) -> None:
    url, process = served
    with httpx.Client(base_url=url) as client:
        assert "connection" not in client.get("/api/notes").headers
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        until(lambda: client.get("/readyz").status_code == 503)
        still = client.get("/api/notes")
        assert (still.status_code, still.headers["connection"]) == (200, "close")
        assert client.get("/livez").status_code == 200
    assert process.wait(20) == 0
    assert time.monotonic() - began >= DRAIN_SECONDS


def test_a_second_sigterm_stops_at_once(
    served: tuple[str, "subprocess.Popen[bytes]"],
) -> None:
    url, process = served
    process.send_signal(signal.SIGTERM)
    until(lambda: httpx.get(f"{url}/readyz").status_code == 503)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert time.monotonic() - began < DRAIN_SECONDS
