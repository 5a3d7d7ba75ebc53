"""Searching topics and messages."""

import pytest

from .client import Guest, Person, word
from .shapes import is_message, is_topic_item, problem, refused


def test_topics_are_found_by_title_and_text_newest_first(guest: Guest, alice: Person) -> None:
    needle = word()
    by_title = alice.open_topic(title=f"About {needle}")["id"]
    by_text = alice.open_topic(body=f"It says {needle.upper()} here")["id"]
    alice.open_topic(title="Something else")
    found = guest.items("/api/topics/search", q=needle)
    assert all(is_topic_item(topic) for topic in found)
    assert [topic["id"] for topic in found] == [by_text, by_title]


def test_messages_are_found_by_text_newest_first(guest: Guest, alice: Person) -> None:
    needle = word()
    topic = alice.open_topic(title=needle)
    first, second = alice.answer(topic, needle)["id"], alice.answer(topic, f"* {needle}!")["id"]
    found = guest.items("/api/messages/search", q=needle)
    assert all(is_message(message) for message in found)
    assert [message["id"] for message in found] == [second, first]


@pytest.mark.parametrize("where", ["/api/topics/search", "/api/messages/search"])
def test_a_search_reads_like_a_web_search(guest: Guest, alice: Person, where: str) -> None:
    left, right = word(), word()
    topic = alice.open_topic(body=f"{left} between {right}")
    message = alice.answer(topic, f"{left} between {right}")
    expected = topic["id"] if "topics" in where else message["id"]

    def finds(query: str) -> bool:
        return [item["id"] for item in guest.items(where, q=query)] == [expected]

    assert finds(f"{right} {left}")
    assert finds(f'"{left} between"')
    assert finds(f"{left} or {word()}")
    assert not finds(f"{left} -{right}")
    assert not finds(f'"{right} between"')
    assert not finds(f"{left} {word()}")


@pytest.mark.parametrize("where", ["/api/topics/search", "/api/messages/search"])
def test_names_and_paths_are_found_whole_and_by_their_parts(
    guest: Guest, alice: Person, where: str
) -> None:
    left, right = word(), word()
    topic = alice.open_topic(body=f"{left}_{right} or /etc/{left}/{right}.txt")
    alice.answer(topic, topic["body"])
    for query in (left, f"{left}_{right}", f'"{left}/{right}.txt"'):
        assert len(guest.items(where, q=query)) == 1, query


@pytest.mark.parametrize("where", ["/api/topics/search", "/api/messages/search"])
def test_no_query_is_a_syntax_error(guest: Guest, where: str) -> None:
    for query in ("'", '"', "a & | ! ( ) :*", "\\", "-", "%_", "<->", "'); --"):
        assert set(guest.read(where, q=query)) == {"items", "next_cursor"}


@pytest.mark.parametrize("where", ["/api/topics/search", "/api/messages/search"])
def test_a_query_has_1_to_200_characters(guest: Guest, where: str) -> None:
    refused(guest.get(where), "/q")
    refused(guest.get(where, params={"q": ""}), "/q")
    refused(guest.get(where, params={"q": "x" * 201}), "/q")
    assert guest.items(where, q="ü" * 200) == []


@pytest.mark.parametrize("where", ["/api/topics/search", "/api/messages/search"])
def test_a_query_with_a_control_character_is_refused(guest: Guest, where: str) -> None:
    problem(guest.get(f"{where}?q=a%00b"), 422)


def test_what_was_edited_is_found_by_its_new_text_alone(guest: Guest, alice: Person) -> None:
    before, after = word(), word()
    topic = alice.open_topic(body=before)
    message = alice.answer(topic, before)
    alice.change(f"/api/topics/{topic['id']}", body=after)
    alice.change(f"/api/messages/{message['id']}", body=after)
    for where in ("/api/topics/search", "/api/messages/search"):
        assert guest.items(where, q=before) == []
        assert len(guest.items(where, q=after)) == 1
