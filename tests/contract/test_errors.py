"""Errors: problem+json everywhere, and which one comes first when several apply."""

import json
from collections.abc import Iterator

import pytest

from .client import Guest, Person
from .shapes import problem, refused

KIB = 1024
JSON = {"Content-Type": "application/json"}
POSTS = ["/api/users", "/api/topics", "/api/messages", "/api/users/sessions"]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api",
        "/api/",
        "/api/usersX",
        "/api/other",
        "/API/users",
        "/internal/events",
        "/internal/snapshot",
        "/metrics",
        "/livez",
        "/readyz",
        "/api/user",
        "/wp-login.php",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_not_routed_is_404(guest: Guest, method: str, path: str) -> None:
    # A load balancer can only say application/json here, and knows of no request.
    response = guest.request(method, path)
    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith(
        ("application/problem+json", "application/json")
    )
    body = response.json()
    assert (body["status"], body["code"]) == (404, "not_found")
    assert body["type"] == "urn:forum:problem:not_found"


@pytest.mark.parametrize(
    "path",
    [
        "/api/users/",
        "/api/users/nobody",
        "/api/users/-1",
        "/api/users/1.0",
        "/api/users/1/nothing",
        "/api/topics/",
        "/api/topics/first",
        "/api/topics/1/messages",
        "/api/messages/",
        "/api/messages/x/revisions",
        "/api/messages/1/",
    ],
)
def test_an_unknown_path_is_404(guest: Guest, path: str) -> None:
    problem(guest.get(path), 404, "not_found")


@pytest.mark.parametrize("number", ["0", "9223372036854775807", "9223372036854775808", str(10**30)])
@pytest.mark.parametrize("kind", ["users", "topics", "messages"])
def test_a_number_that_is_too_large_is_nobodys(guest: Guest, kind: str, number: str) -> None:
    code = f"{kind.removesuffix('s')}_not_found"
    problem(guest.get(f"/api/{kind}/{number}"), 404, code)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/users", {"GET", "POST"}),
        ("DELETE", "/api/users", {"GET", "POST"}),
        ("POST", "/api/users/me", {"GET", "PATCH", "DELETE"}),
        ("GET", "/api/users/me/password", {"PUT"}),
        ("PATCH", "/api/topics", {"GET", "POST"}),
        ("PUT", "/api/topics/1", {"GET", "PATCH", "DELETE"}),
        ("POST", "/api/topics/1/lock", {"PUT", "DELETE"}),
        ("DELETE", "/api/messages", {"GET", "POST"}),
        ("POST", "/api/messages/1", {"GET", "PATCH", "DELETE"}),
        ("POST", "/api/messages/search", {"GET"}),
    ],
)
def test_another_method_is_405_and_says_which_are_allowed(
    guest: Guest, method: str, path: str, allowed: set[str]
) -> None:
    response = guest.request(method, path)
    problem(response, 405, "method_not_allowed")
    assert {name.strip() for name in response.headers["Allow"].split(",")} - {"HEAD"} == allowed


@pytest.mark.parametrize("path", POSTS)
def test_a_body_that_is_not_json_is_400(alice: Person, path: str) -> None:
    for content in (b"", b"{", b"not json", b'{"a": 1,}', b"{'a': 1}", b"\xff\xfe", b"{} {}"):
        problem(alice.post(path, content=content, headers=JSON), 400, "not_json")


@pytest.mark.parametrize("path", POSTS)
def test_json_that_is_no_object_is_422(alice: Person, path: str) -> None:
    for content in (b"[]", b"null", b'"text"', b"7", b"[" * 100 + b"]" * 100):
        refused(alice.post(path, content=content, headers=JSON), "")


@pytest.mark.parametrize("path", POSTS)
def test_what_parsers_disagree_on_is_refused(alice: Person, path: str) -> None:
    for content in (b'{"a": NaN}', b'{"a":' * 50_000, b"[" * 100_000 + b"]" * 100_000):
        response = alice.post(path, content=content, headers=JSON)
        assert problem(response, response.status_code)["status"] in (400, 422)


@pytest.mark.parametrize("path", POSTS)
def test_another_media_type_is_415(alice: Person, path: str) -> None:
    problem(alice.post(path, content=b"{}"), 415, "unsupported_media_type")
    for other in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp"):
        response = alice.post(path, content=b"{}", headers={"Content-Type": other})
        problem(response, 415, "unsupported_media_type")


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_parameters_and_case_of_the_media_type_do_not_matter(
    alice: Person, media_type: str
) -> None:
    body = {"title": "A title", "body": "Text", "category": "general", "tags": []}
    response = alice.post(
        "/api/topics", content=json.dumps(body), headers={"Content-Type": media_type}
    )
    assert response.status_code == 201


@pytest.mark.parametrize("path", POSTS)
def test_a_body_above_512_kib_is_413(alice: Person, path: str) -> None:
    for size in (600 * KIB, 1024 * KIB):
        body = b'{"body": "' + b"x" * size + b'"}'
        problem(alice.post(path, content=body, headers=JSON), 413, "body_too_large")


def test_a_body_without_a_length_is_measured_too(alice: Person) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"body": "'
        for _ in range(600):
            yield b"x" * KIB
        yield b'"}'

    response = alice.post("/api/messages", content=pieces(), headers=JSON)
    problem(response, 413, "body_too_large")


def test_a_body_below_512_kib_is_read(alice: Person) -> None:
    new = {"title": "A title", "body": "x" * 500 * KIB, "category": "general", "tags": []}
    refused(alice.post("/api/topics", json=new), "/body")


def test_several_faults_are_named_at_once(alice: Person) -> None:
    new = {"title": "", "body": 7, "category": "general", "tags": ["UP"], "colour": "blue"}
    refused(alice.post("/api/topics", json=new), "/title", "/body", "/tags/0", "/colour")


@pytest.mark.parametrize("kind", ["topics", "messages"])
def test_401_comes_before_404(guest: Guest, kind: str) -> None:
    problem(guest.patch(f"/api/{kind}/999999999999", json={}), 401)
    problem(guest.delete(f"/api/{kind}/999999999999"), 401)


@pytest.mark.parametrize("kind", ["topics", "messages"])
def test_404_comes_before_428_and_422(alice: Person, kind: str) -> None:
    problem(alice.patch(f"/api/{kind}/999999999999", json={"colour": "blue"}), 404)
    problem(alice.delete(f"/api/{kind}/999999999999"), 404)


def test_404_of_a_thing_comes_before_403_of_a_role(alice: Person) -> None:
    problem(alice.put("/api/topics/999999999999/lock"), 404)
    problem(alice.put("/api/users/999999999999/role", json={}), 404)
    problem(alice.put("/api/users/999999999999/suspension", json={}), 404)


def test_410_comes_before_403_428_and_422(alice: Person, bob: Person) -> None:
    topic = alice.open_topic()
    message = alice.answer(topic)
    alice.remove(f"/api/messages/{message['id']}")
    for person in (alice, bob):
        change = {"colour": "blue"}
        problem(person.patch(f"/api/messages/{message['id']}", json=change), 410)
    alice.remove(f"/api/topics/{topic['id']}")
    for person in (alice, bob):
        problem(person.patch(f"/api/topics/{topic['id']}", json={"colour": "blue"}), 410)


@pytest.mark.parametrize("kind", ["topics", "messages"])
def test_then_403_then_428_then_412_then_422(alice: Person, bob: Person, kind: str) -> None:
    topic = alice.open_topic()
    thing = topic if kind == "topics" else alice.answer(topic)
    path, bad = f"/api/{kind}/{thing['id']}", {"body": "Text", "colour": "blue"}
    old = {"If-Match": '"999.0000000000000000"'}
    problem(bob.patch(path, json=bad), 403)
    problem(alice.patch(path, json=bad), 428)
    problem(alice.patch(path, json=bad, headers=old), 412)
    refused(alice.patch(path, json=bad, headers=alice.etag(path)), "/colour")


def test_403_comes_before_422(alice: Person) -> None:
    problem(alice.put(f"/api/users/{alice.id}/role", json={"role": "king"}), 403, "role_required")
    problem(alice.post("/api/topics/categories", json={}), 403, "role_required")


def test_a_request_keeps_the_id_that_it_came_with(guest: Guest) -> None:
    headers = {"X-Request-ID": "0198c3f5a4b27d10b1c4a5e6f7a8b9c0"}
    response = guest.get("/api/topics/999999999999", headers=headers)
    assert problem(response, 404)["request_id"] == headers["X-Request-ID"]


def test_every_answer_has_a_request_id_of_its_own(guest: Guest) -> None:
    ids = {guest.get("/api/topics").headers["X-Request-ID"] for _ in range(2)}
    assert len(ids) == 2
    assert all(ids)


@pytest.mark.parametrize("bad", ["a b", "x" * 1000, "ü".encode(), "<script>"])
def test_a_request_id_that_is_no_id_is_replaced(guest: Guest, bad: str | bytes) -> None:
    response = guest.get("/api/topics", headers={"X-Request-ID": bad})
    made = response.headers["X-Request-ID"]
    assert made.isalnum() or made.replace("-", "").isalnum()
    assert len(made) <= 128
