"""Hand-picked bad input, byte by byte: each gets an answer below 500, and the forum goes on."""

import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from .conftest import Fuzzed

pytestmark = pytest.mark.xdist_group("fuzz")

PATHS = ["/api/users", "/api/topics", "/api/messages"]
LONG = 60_000
TARGETS = [
    *(b"/%", b"/%zz", b"/%ff", b"/%00", b"/%2e%2e/", b"/%F0%9F%91", b"/\xff\xfe", b"/\x01"),
    *(b"//", b"/../../internal/events", b"/;x", b"/1%2f2", b"/" + b"9" * 40, b"/" + b"9" * LONG),
    *(b"?cursor=%", b"?cursor=%ff", b"?limit=%00", b"?limit=" + b"9" * LONG, b"?q=" + b"x" * LONG),
    *(b"?" + b"&" * LONG, b"?a[b]=c", b"?limit=1&limit=2", b"?\xff=\xff", b"?=", b"?from=-1"),
    *(b"/search?q=%00", b"/search?q=%ed%a0%80", b"/search?q=%ff", b"?ids=" + b"1," * 20_000),
    *(b"?topic_id=-9" + b"9" * 40, b"?author_id=1e3", b"?tag=%00", b"?category=%ff", b"?q=%00"),
]
HEADERS = [
    b"Authorization: Bearer " + b"A" * LONG,
    b"Authorization: Bearer \xff\xfe",
    b"Authorization: Bearer ..",
    b"Authorization: Bearer " + b"." * 1000,
    b"If-None-Match: " + b'"a",' * 10_000,
    b"If-None-Match: \xff",
    b"If-Match: " + b'"1.0",' * 10_000,
    b'If-Match: "' + b"9" * 5000 + b'.0000000000000000"',
    b"Idempotency-Key: \xff",
    b"X-Request-ID: " + b"x" * 10_000,
    b"X-Forwarded-For: " + b"1.2.3.4," * 5000,
    b"X-Forwarded-For: nonsense, ::ffff:1.2.3.4, [::1]:80",
    b"X-Forwarded-For: fe80::1%25eth0",
    b"traceparent: 00-" + b"0" * 5000,
    b"Content-Length: 99999999999999999999",
    b"Content-Length: -1",
    b"Content-Length: 5\r\nContent-Length: 6",
    b"Transfer-Encoding: nonsense",
    b"Expect: 100-continue",
    b"Range: bytes=0-1,5-9",
    b"Accept: nothing/known",
    b"Upgrade: websocket\r\nConnection: Upgrade",
    b"Host: other.example",
    b"Content-Type: \x7f",
    b"X: " + b"y" * 200_000,
    *(b"".join(b"X-%d: y\r\n" % number for number in range(2000)).strip(),),
]
JSON = {"Content-Type": "application/json"}
BODIES = [
    b"",
    b"\x00",
    b'"\\ud800"',
    b'{"body": "\\u0000"}',
    b'{"\\ud800": 1}',
    b'{"title": "\\udc00\\ud800", "body": "\xed\xa0\x80"}',
    b"[" * 250_000,
    b'{"a":' * 80_000 + b"1" + b"}" * 80_000,
    b'{"a": ' + b"9" * 400_000 + b"}",
    b'{"topic_id": 1e400, "body": "x"}',
    b'{"topic_id": 1' + b"0" * 30 + b', "body": "x"}',
    b'{"topic_id": -9223372036854775809, "body": "x", "reply_to": 9223372036854775808}',
    b'{"topic_id": true, "body": "x"}',
    b'{"topic_id": 1.0, "body": "x"}',
    b'{"login": "member\\u0000", "password": "\\u0000"}',
    b'{"refresh_token": "\\ud800"}',
    b'{"__proto__": {}, "constructor": 1}',
    b"\xef\xbb\xbf{}",
    "{}".encode("utf-16"),
    b"x" * 1024 * 1024,
    b'{"title": "' + b"\\u0301" * 50_000 + b'"}',
]
MEDIA_TYPES = ["", "text/html", "application/json/x", "multipart/form-data", "*/*"]


def exchange(address: str, request: bytes) -> bytes:
    """The status line of the answer; nothing where the connection is closed without one."""
    url = urlsplit(address)
    with socket.create_connection((url.hostname, url.port), timeout=15) as connection:
        try:
            connection.sendall(request)
            return connection.recv(65_536).partition(b"\r\n")[0]
        except ConnectionError:
            return b""


def is_fine(status_line: bytes) -> bool:
    """Answered or cut off; no fault of ours. 501 and 505 refuse what nobody here speaks."""
    if not status_line:
        return True
    status = int(status_line.split()[1])
    return status < 500 or status in (501, 505)


@pytest.fixture(autouse=True)
def goes_on(fuzzed: Fuzzed) -> Iterator[None]:
    """Whatever a test sent, the forum answers afterwards."""
    yield
    for path in PATHS:
        assert httpx.get(fuzzed.url + path).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_odd_targets(fuzzed: Fuzzed, path: str) -> None:
    for address in fuzzed.addresses:
        for target in TARGETS:
            for method in (b"GET", b"DELETE"):
                line = method + b" " + path.encode() + target + b" HTTP/1.1\r\n"
                head = line + b"Host: localhost\r\nConnection: close\r\n\r\n"
                assert is_fine(answer := exchange(address, head)), (target[:40], answer)


@pytest.mark.parametrize("path", PATHS)
def test_odd_headers(fuzzed: Fuzzed, path: str) -> None:
    for address in fuzzed.addresses:
        for header in HEADERS:
            for method in (b"GET", b"PATCH"):
                line = method + b" " + path.encode() + b"/1 HTTP/1.1\r\nConnection: close\r\n"
                host = b"" if header.startswith(b"Host") else b"Host: localhost\r\n"
                answer = exchange(address, line + host + header + b"\r\n\r\n")
                assert is_fine(answer), (header[:40], answer)


@pytest.mark.parametrize(
    "request_line",
    [b"GET", b"GET /api/users", b"\x00", b"BREW /api/users HTTP/1.1", b"GET * HTTP/1.1",
     b"OPTIONS * HTTP/1.1", b"GET /api/users HTTP/9.9", b"GET http://other/api/users HTTP/1.1",
     b"CONNECT other:443 HTTP/1.1", b"TRACE /api/users HTTP/1.1", b"PRI * HTTP/2.0"],
)  # fmt: skip
def test_odd_request_lines(fuzzed: Fuzzed, request_line: bytes) -> None:
    for address in fuzzed.addresses:
        head = request_line + b"\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        assert is_fine(answer := exchange(address, head)), answer


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("POST", path) for path in PATHS),
        *(("POST", path) for path in ("/api/users/sessions", "/api/users/sessions/refresh")),
        *(("PATCH", f"{path}/1") for path in ("/api/topics", "/api/messages")),
        *(("PATCH", "/api/users/me"), ("DELETE", "/api/users/me")),
        *(("PUT", "/api/users/me/password"), ("PUT", "/api/users/1/suspension")),
        *(("PUT", "/api/users/1/role"), ("POST", "/api/topics/categories")),
    ],
)
def test_odd_bodies(fuzzed: Fuzzed, method: str, path: str) -> None:
    with httpx.Client(base_url=fuzzed.url, headers=fuzzed.people["moderator"]) as http:
        for body in BODIES:
            headers = {**JSON, "If-Match": "*"}
            answer = http.request(method, path, content=body, headers=headers)
            assert 400 <= answer.status_code < 500, (body[:40], answer.text)
            assert json.loads(answer.text)["status"] == answer.status_code
        for media_type in MEDIA_TYPES:
            headers = {"Content-Type": media_type, "If-Match": "*"}
            answer = http.request(method, path, content=b"{}", headers=headers)
            assert 400 <= answer.status_code < 500, (media_type, answer.text)


@pytest.mark.parametrize("token", [".", "..", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "é", "A" * 9000])
def test_odd_tokens(fuzzed: Fuzzed, token: str) -> None:
    headers = {b"Authorization": b"Bearer " + token.encode()}
    for method, path in (("GET", "/api/users/me"), ("POST", PATHS[1]), ("POST", PATHS[2])):
        answer = httpx.request(method, fuzzed.url + path, headers=headers)
        assert answer.status_code == 401, answer.text
