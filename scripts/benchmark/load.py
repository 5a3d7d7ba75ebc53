"""A small HTTP/1.1 client that keeps connections busy with ready-made requests."""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
CONNECTIONS = 8
Request = Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Load:
    """What one drive did. Latencies are in seconds, sorted."""

    requests: int
    seconds: float
    latencies: list[float]

    def percentile(self, share: float) -> float:
        """The latency that this share of the requests kept within, in milliseconds."""
        return self.latencies[min(int(len(self.latencies) * share), self.requests - 1)] * 1000


async def drive(url: str, request: Request, seconds: float) -> Load:
    """Send `request()` over and over on a few connections; any answer but 2xx is an error."""
    host, _, port = url.removeprefix("http://").partition(":")
    latencies: list[float] = []
    began = time.perf_counter()

    async def one_connection() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            while time.perf_counter() - began < seconds:
                sent = time.perf_counter()
                writer.write(request())
                head = await reader.readuntil(b"\r\n\r\n")
                length = LENGTH.search(head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                latencies.append(time.perf_counter() - sent)
                if not head.startswith(b"HTTP/1.1 2"):
                    raise RuntimeError(f"{url} answered {head[:40]!r} {body[:300]!r}")
        finally:
            writer.close()

    async with asyncio.TaskGroup() as connections:
        for _ in range(CONNECTIONS):
            connections.create_task(one_connection())
    elapsed = time.perf_counter() - began
    return Load(len(latencies), elapsed, sorted(latencies))


def get(path: str) -> bytes:
    """The bytes of a GET."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def post(path: str, token: str, key: str, body: bytes) -> bytes:
    """The bytes of a POST of JSON, with a token and an Idempotency-Key."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        f"Idempotency-Key: {key}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
