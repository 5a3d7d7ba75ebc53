"""Reactions: a fixed set of twelve, each once for each person."""

from urllib.parse import quote

import pytest

from .client import Guest, Person
from .shapes import problem

EMOJI = ["👍", "👎", "😄", "😢", "😮", "😡", "💖", "🎉", "🚀", "👀", "🤔", "🙏"]


def test_a_message_takes_each_of_the_twelve(guest: Guest, alice: Person, bob: Person) -> None:
    path = f"/api/messages/{alice.answer(alice.open_topic())['id']}"
    for emoji in EMOJI:
        bob.do("PUT", f"{path}/reactions/{quote(emoji)}")
    assert guest.read(path)["reactions"] == dict.fromkeys(EMOJI, 1)


def test_reactions_are_counted_once_for_each_person(
    guest: Guest, alice: Person, bob: Person
) -> None:
    message = alice.answer(alice.open_topic())
    path = f"/api/messages/{message['id']}"
    for person in (alice, bob, bob):
        person.do("PUT", f"{path}/reactions/🚀")
    assert guest.read(path)["reactions"] == {"🚀": 2}
    for _ in range(2):
        bob.do("DELETE", f"{path}/reactions/🚀")
    assert guest.read(path)["reactions"] == {"🚀": 1}
    alice.do("DELETE", f"{path}/reactions/🚀")
    assert guest.read(path)["reactions"] == {}
    assert guest.read(path)["version"] == message["version"]


@pytest.mark.parametrize("emoji", ["🍕", "x", "%F0%9F%91", "👍👍", "👍🏽"])
def test_another_reaction_is_refused(alice: Person, emoji: str) -> None:
    path = f"/api/messages/{alice.answer(alice.open_topic())['id']}/reactions/{emoji}"
    problem(alice.put(path), 422)
    problem(alice.delete(path), 422)


def test_reacting_needs_a_token(guest: Guest, alice: Person) -> None:
    path = f"/api/messages/{alice.answer(alice.open_topic())['id']}/reactions/👍"
    problem(guest.put(path), 401)
    problem(guest.delete(path), 401)
