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
# Long enough to tell a stop at once from one after it, on a busy machine too.
DRAIN_SECONDS = 6


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


def test_a_connection_made_as_it_stops_listening_is_answered(
    served: tuple[str, "subprocess.Popen[bytes]"],
) -> None:
    url, process = served
    stops = time.monotonic() + DRAIN_SECONDS
    process.send_signal(signal.SIGTERM)
    until(lambda: httpx.get(f"{url}/readyz").status_code == 503)
    # It sleeps when it should stop listening, and finds the connections when it wakes.
    process.send_signal(signal.SIGSTOP)
    address = ("127.0.0.1", int(url.rpartition(":")[2]))
    clients = [socket.create_connection(address, timeout=10) for _ in range(5)]
    for client in clients[1:]:
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: notes\r\n\r\n")
    until(lambda: time.monotonic() > stops + 0.5)
    process.send_signal(signal.SIGCONT)
    clients[0].sendall(b"GET /livez HTTP/1.1\r\nHost: notes\r\n\r\n")
    for client in clients:
        assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
        client.close()
    assert process.wait(20) == 0
