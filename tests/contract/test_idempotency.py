"""`Idempotency-Key`: the same key with the same body gives the same answer, and makes one thing."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from .client import PASSWORD, Guest, Person, word
from .shapes import problem


def key(value: str | None = None) -> dict[str, str]:
    return {"Idempotency-Key": value or word("key-")}


def what_counts(response: httpx.Response) -> tuple[object, ...]:
    """What of an answer must be the same when it is given again."""
    headers = [response.headers.get(name) for name in ("Location", "ETag", "Content-Type")]
    return response.status_code, response.content, *headers


def new_topic(**fields: Any) -> dict[str, Any]:
    return {"title": "A title", "body": "Text", "category": "general", "tags": [], **fields}


def given_twice(person: Guest, path: str, body: dict[str, Any]) -> httpx.Response:
    """Send it twice with one key; the answers must be one."""
    headers = key()
    first, second = (person.post(path, json=body, headers=headers) for _ in range(2))
    assert first.status_code == 201, first.text
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert what_counts(second) == what_counts(first)
    return first


def test_registering_twice_makes_one_person(guest: Guest) -> None:
    name = word("p")
    body = {"username": name, "email": f"{name}@forum.example", "password": PASSWORD}
    given_twice(guest, "/api/users", body)
    assert len(guest.items("/api/users", q=name)) == 1


def test_opening_twice_makes_one_topic(guest: Guest, alice: Person) -> None:
    tag = word()
    given_twice(alice, "/api/topics", new_topic(tags=[tag]))
    assert len(guest.items("/api/topics", tag=tag)) == 1


def test_answering_twice_makes_one_message(guest: Guest, alice: Person) -> None:
    topic = alice.open_topic()
    given_twice(alice, "/api/messages", {"topic_id": topic["id"], "body": "Once"})
    assert len(guest.items("/api/messages", topic_id=topic["id"])) == 1


def test_making_a_category_twice_makes_one(admin: Person) -> None:
    body = {"slug": word("c"), "name": "Once", "description": ""}
    given_twice(admin, "/api/topics/categories", body)


def test_twenty_at_once_make_one_thing_and_get_equal_answers(guest: Guest, alice: Person) -> None:
    topic, headers = alice.open_topic(), key()
    body = {"topic_id": topic["id"], "body": "At once"}
    with ThreadPoolExecutor(20) as pool:
        answers = list(
            pool.map(lambda _: alice.post("/api/messages", json=body, headers=headers), range(20))
        )
    assert len({what_counts(answer) for answer in answers}) == 1
    assert answers[0].status_code == 201
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert len(guest.items("/api/messages", topic_id=topic["id"])) == 1


def test_an_answer_is_given_again_as_it_was_though_the_thing_has_changed(alice: Person) -> None:
    headers, body = key(), new_topic()
    first = alice.post("/api/topics", json=body, headers=headers)
    alice.change(first.headers["Location"], title="Changed meanwhile")
    assert what_counts(alice.post("/api/topics", json=body, headers=headers)) == what_counts(first)


def test_without_a_key_each_request_makes_a_thing(alice: Person) -> None:
    assert alice.open_topic()["id"] != alice.open_topic()["id"]


def test_a_key_with_another_body_is_refused(alice: Person) -> None:
    headers = key()
    assert alice.post("/api/topics", json=new_topic(), headers=headers).status_code == 201
    other = alice.post("/api/topics", json=new_topic(title="Another"), headers=headers)
    problem(other, 422, "idempotency_key_reused")


def test_a_failure_frees_the_key(alice: Person) -> None:
    headers = key()
    problem(alice.post("/api/topics", json=new_topic(title=""), headers=headers), 422)
    made = alice.post("/api/topics", json=new_topic(), headers=headers)
    assert made.status_code == 201
    assert "Idempotency-Replayed" not in made.headers


def test_a_key_belongs_to_a_person(alice: Person, bob: Person) -> None:
    headers = key()
    first = alice.post("/api/topics", json=new_topic(), headers=headers)
    second = bob.post("/api/topics", json=new_topic(title="Another"), headers=headers)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] != second.json()["id"]


@pytest.mark.usefixtures("own_addresses")
def test_a_guests_key_belongs_to_his_address(http: httpx.Client) -> None:
    headers = key()
    for _ in range(2):
        name = word("p")
        body = {"username": name, "email": f"{name}@forum.example", "password": PASSWORD}
        answer = Guest(http).post("/api/users", json=body, headers=headers)
        assert answer.status_code == 201
        assert answer.json()["username"] == name


def test_a_key_belongs_to_a_route(alice: Person) -> None:
    headers = key()
    topic = alice.post("/api/topics", json=new_topic(), headers=headers).json()
    body = {"topic_id": topic["id"], "body": "Text"}
    assert alice.post("/api/messages", json=body, headers=headers).status_code == 201


@pytest.mark.parametrize("value", ["", "a" * 256, "with space", "ümlaut", "tab\there"])
def test_a_key_has_1_to_255_visible_ascii_characters(alice: Person, value: str) -> None:
    headers = {"Idempotency-Key": value.encode()}
    response = alice.post("/api/topics", json=new_topic(), headers=headers)
    problem(response, 400, "idempotency_key_invalid")


def test_the_longest_key_is_fine(alice: Person) -> None:
    longest = key("~" * 255)
    assert alice.post("/api/topics", json=new_topic(), headers=longest).status_code == 201


def test_sessions_are_never_given_twice(alice: Person) -> None:
    headers = key()
    login = {"login": alice.username, "password": alice.password}
    answers = [
        alice.guest().post("/api/users/sessions", json=login, headers=headers) for _ in range(2)
    ]
    assert answers[0].json()["session_id"] != answers[1].json()["session_id"]
    assert answers[0].json()["refresh_token"] != answers[1].json()["refresh_token"]
