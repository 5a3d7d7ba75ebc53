"""Messages: posting, reading, listing, editing and deleting them; their revisions."""

import pytest

from .client import Guest, Person, eventually, word
from .shapes import SINGLE_TAG, is_author, is_message, is_time, problem, refused


def test_answering_a_topic(alice: Person, bob: Person) -> None:
    topic = alice.open_topic()
    new = {"topic_id": topic["id"], "body": "A *first* answer"}
    response = bob.post("/api/messages", json=new)
    assert response.status_code == 201
    message = response.json()
    assert response.headers["Location"] == f"/api/messages/{message['id']}"
    assert SINGLE_TAG.fullmatch(response.headers["ETag"])
    assert is_message(message)
    assert new.items() <= message.items()
    assert message["body_html"].strip() == "<p>A <em>first</em> answer</p>"
    assert (message["position"], message["reply_to"], message["reactions"]) == (1, None, {})
    assert (message["edited_at"], message["deleted_at"]) == (None, None)
    assert message["author"]["username"] == bob.username
    assert bob.answer(topic)["position"] == 2


def test_everyone_reads_a_message(guest: Guest, alice: Person) -> None:
    message = alice.answer(alice.open_topic())
    response = guest.get(f"/api/messages/{message['id']}")
    assert response.status_code == 200
    assert is_message(response.json())
    assert response.json()["body"] == message["body"]
    assert SINGLE_TAG.fullmatch(response.headers["ETag"])


def test_a_message_may_answer_another(guest: Guest, alice: Person) -> None:
    topic = alice.open_topic()
    first = alice.answer(topic)
    reply = alice.answer(topic, reply_to=first["id"])
    assert reply["reply_to"] == first["id"]
    alice.remove(f"/api/messages/{first['id']}")
    assert alice.answer(topic, reply_to=first["id"])["reply_to"] == first["id"]
    elsewhere = {"topic_id": alice.open_topic()["id"], "body": "x", "reply_to": first["id"]}
    refused(alice.post("/api/messages", json=elsewhere), "/reply_to")
    for unknown in (999999999999, 10**30):
        new = {"topic_id": topic["id"], "body": "x", "reply_to": unknown}
        refused(alice.post("/api/messages", json=new), "/reply_to")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("body", ""),
        ("body", "a" * 32_001),
        ("body", None),
        ("reply_to", "1"),
        ("position", 1),
    ],
)
def test_answering_refuses(alice: Person, field: str, value: object) -> None:
    new = {"topic_id": alice.open_topic()["id"], "body": "Text", field: value}
    refused(alice.post("/api/messages", json=new), f"/{field}")


def test_answering_names_a_topic_as_a_number(alice: Person) -> None:
    refused(alice.post("/api/messages", json={"topic_id": "1", "body": "x"}), "/topic_id")
    refused(alice.post("/api/messages", json={}), "/topic_id", "/body")


def test_answering_an_unknown_topic_is_404(alice: Person) -> None:
    for unknown in (0, -1, 999999999999, 10**30):
        new = {"topic_id": unknown, "body": "x"}
        problem(alice.post("/api/messages", json=new), 404, "topic_not_found")


def test_answering_needs_a_token(guest: Guest) -> None:
    problem(guest.post("/api/messages", json={}), 401)


def test_an_unknown_message_is_404_for_everything(guest: Guest, alice: Person) -> None:
    unknown = "/api/messages/999999999999"
    problem(guest.get(unknown), 404, "message_not_found")
    problem(guest.get(f"{unknown}/revisions"), 404, "message_not_found")
    problem(alice.patch(unknown, json={"body": "x"}), 404, "message_not_found")
    problem(alice.delete(unknown), 404, "message_not_found")
    problem(alice.put(f"{unknown}/reactions/👍"), 404, "message_not_found")


def test_the_messages_of_a_topic_are_in_order_of_position(guest: Guest, alice: Person) -> None:
    topic = alice.open_topic()
    ids = [alice.answer(topic, f"Answer {n}")["id"] for n in range(1, 5)]

    def listed(**params: object) -> list[int]:
        messages = guest.items("/api/messages", topic_id=topic["id"], **params)
        assert all(is_message(message) for message in messages)
        return [message["id"] for message in messages]

    assert listed() == listed(order="asc") == ids
    assert listed(order="desc") == ids[::-1]
    assert listed(**{"from": 3}) == ids[2:]
    assert listed(**{"from": 3, "order": "desc"}) == ids[2::-1]
    assert listed(**{"from": 5}) == []


def test_messages_without_a_topic_are_newest_first(
    guest: Guest, alice: Person, bob: Person
) -> None:
    topics = [alice.open_topic(), alice.open_topic()]
    mine = [bob.answer(topic)["id"] for topic in (*topics, topics[0])]
    alice.answer(topics[0])

    newest = [message["id"] for message in guest.items("/api/messages", author_id=bob.id)]
    assert newest[:3] == mine[::-1]
    oldest = [
        message["id"] for message in guest.pages("/api/messages", author_id=bob.id, order="asc")
    ]
    assert oldest[-3:] == mine
    everyone = [message["id"] for message in guest.items("/api/messages", limit=100)]
    assert everyone == sorted(everyone, reverse=True)
    both = guest.items("/api/messages", author_id=bob.id, topic_id=topics[0]["id"])
    assert [message["id"] for message in both] == [mine[0], mine[2]]


@pytest.mark.parametrize(
    ("params", "pointer"),
    [
        ({"from": "1"}, "/from"),
        ({"order": "up"}, "/order"),
        ({"topic_id": "x"}, "/topic_id"),
        ({"author_id": "x"}, "/author_id"),
    ],
)
def test_a_list_refuses(guest: Guest, params: dict[str, str], pointer: str) -> None:
    refused(guest.get("/api/messages", params=params), pointer)


def test_the_messages_of_an_unknown_topic_are_404(guest: Guest) -> None:
    for unknown in (0, 999999999999, 10**30):
        params = {"topic_id": unknown}
        problem(guest.get("/api/messages", params=params), 404, "topic_not_found")


def test_a_new_topic_has_an_empty_list(guest: Guest, alice: Person) -> None:
    topic = alice.open_topic()

    def page() -> object:
        return guest.read("/api/messages", topic_id=topic["id"])

    eventually(lambda: page() == {"items": [], "next_cursor": None})


def test_an_author_edits_a_message(guest: Guest, alice: Person) -> None:
    message = alice.answer(alice.open_topic(), "Before")
    path = f"/api/messages/{message['id']}"
    response = alice.change(path, body="After, **bold**")
    assert response.status_code == 200
    edited = response.json()
    assert is_message(edited)
    assert edited["body"] == "After, **bold**"
    assert "<strong>bold</strong>" in edited["body_html"]
    assert edited["version"] == message["version"] + 1
    assert is_time(edited["edited_at"])
    assert (edited["created_at"], edited["position"]) == (message["created_at"], 1)
    assert guest.get(path).headers["ETag"] == response.headers["ETag"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("body", ""), ("body", "a" * 32_001), ("topic_id", 1), ("reply_to", None)],
)
def test_editing_a_message_refuses(alice: Person, field: str, value: object) -> None:
    message = alice.answer(alice.open_topic())
    change = {"body": "Text", field: value}
    refused(alice.change(f"/api/messages/{message['id']}", **change), f"/{field}")


def test_only_the_author_changes_or_deletes_a_message(alice: Person, bob: Person) -> None:
    message = alice.answer(alice.open_topic())
    path = f"/api/messages/{message['id']}"
    problem(bob.change(path, body="Mine now"), 403, "not_yours")
    problem(bob.remove(path), 403, "not_yours")


def test_revisions_tell_what_was_written_before(
    guest: Guest, alice: Person, moderator: Person
) -> None:
    message = alice.answer(alice.open_topic(), "One")
    path = f"/api/messages/{message['id']}"
    never_edited = guest.items(f"{path}/revisions")
    assert [(each["version"], each["body"]) for each in never_edited] == [(1, "One")]
    alice.change(path, body="Two")
    edited = moderator.change(path, body="Three").json()

    revisions = guest.items(f"{path}/revisions")
    assert [(each["version"], each["body"]) for each in revisions] == [
        (3, "Three"),
        (2, "Two"),
        (1, "One"),
    ]
    for revision in revisions:
        assert set(revision) == {"version", "body", "edited_at", "editor"}
        assert is_author(revision["editor"])
    assert [each["editor"]["id"] for each in revisions] == [moderator.id, alice.id, alice.id]
    assert revisions[0]["edited_at"] == edited["edited_at"]
    assert revisions[-1]["edited_at"] in (None, message["created_at"])


def test_a_deleted_message_leaves_a_tombstone(guest: Guest, alice: Person, bob: Person) -> None:
    needle = word()
    topic = alice.open_topic()
    message = alice.answer(topic, needle)
    path = f"/api/messages/{message['id']}"
    alice.change(path, body=f"{needle} again")
    bob.do("PUT", f"{path}/reactions/👍")
    response = alice.remove(path)
    assert (response.status_code, response.content) == (204, b"")

    stone = guest.read(path)
    assert is_message(stone)
    assert (stone["body"], stone["body_html"], stone["reactions"]) == ("", "", {})
    assert is_time(stone["deleted_at"])
    assert stone["position"] == 1
    assert guest.items("/api/messages", topic_id=topic["id"]) == [stone]
    assert guest.items(f"{path}/revisions") == []
    assert guest.items("/api/messages/search", q=needle) == []
    recent = guest.items("/api/messages", author_id=alice.id)
    assert message["id"] not in {each["id"] for each in recent}
    everyone = guest.items("/api/messages", limit=100)
    assert message["id"] not in {each["id"] for each in everyone}
    assert alice.answer(topic)["position"] == 2


def test_a_deleted_message_takes_no_change(alice: Person, bob: Person) -> None:
    path = f"/api/messages/{alice.answer(alice.open_topic())['id']}"
    alice.remove(path)
    tags = alice.etag(path)
    problem(alice.patch(path, json={"body": "Back"}, headers=tags), 410, "message_deleted")
    problem(alice.delete(path, headers=tags), 410, "message_deleted")
    problem(bob.put(f"{path}/reactions/👍"), 410, "message_deleted")
    problem(bob.delete(f"{path}/reactions/👍"), 410, "message_deleted")
