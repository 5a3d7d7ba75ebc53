"""Text: one form for each character, no control characters, lengths in code points."""

import pytest

from .client import Guest, Person, word
from .shapes import problem, refused

DECOMPOSED, COMPOSED = "e\u0301", "\u00e9"


def test_text_is_kept_in_nfc(alice: Person) -> None:
    topic = alice.open_topic(title=f"Caf{DECOMPOSED}", body=f"R{DECOMPOSED}sum{DECOMPOSED}")
    assert (topic["title"], topic["slug"]) == (f"Caf{COMPOSED}", f"caf{COMPOSED}")
    assert topic["body"] == f"R{COMPOSED}sum{COMPOSED}"
    assert alice.answer(topic, DECOMPOSED)["body"] == COMPOSED


def test_what_is_searched_for_is_found_in_either_form(guest: Guest, alice: Person) -> None:
    needle = word()
    topic = alice.open_topic(body=f"{needle}{COMPOSED}")
    found = guest.items("/api/topics/search", q=f"{needle}{DECOMPOSED}")
    assert [each["id"] for each in found] == [topic["id"]]


def test_line_ends_are_lf(alice: Person) -> None:
    topic = alice.open_topic(body="one\r\ntwo\n\tthree")
    assert topic["body"] == "one\ntwo\n\tthree"


def test_text_is_otherwise_kept_as_written(alice: Person) -> None:
    text = "  <b>&amp;</b>  👩\u200d👩\u200d👧 \u202e \u00a0 * _x_\n\n"
    assert alice.open_topic(body=text)["body"] == text


def test_a_title_has_no_outer_white_space(alice: Person) -> None:
    assert alice.open_topic(title="  \u00a0A title ")["title"] == "A title"


@pytest.mark.parametrize("field", ["title", "body"])
def test_control_characters_are_refused(alice: Person, field: str) -> None:
    new = {"title": "A title", "body": "Text", "category": "general", "tags": []}
    for character in ("\x00", "\x07", "\x1b", "\x7f", "\x85", "\r"):
        refused(alice.post("/api/topics", json={**new, field: f"a{character}bc"}), f"/{field}")


def test_a_pile_of_combining_marks_is_refused(guest: Guest) -> None:
    pile = "a" + "\u0300\u0316" * 50_000
    login = guest.post("/api/users/sessions", json={"login": pile, "password": "a password"})
    refused(login, "/login")


@pytest.mark.parametrize("character", ["\n", "\t", "\u2028"])
def test_a_title_is_one_line(alice: Person, character: str) -> None:
    new = {"title": f"A{character}title", "body": "Text", "category": "general", "tags": []}
    refused(alice.post("/api/topics", json=new), "/title")


@pytest.mark.parametrize("surrogate", [r"\ud800", r"\udc00", r"\udc00\ud800"])
def test_lone_surrogates_are_refused(alice: Person, surrogate: str) -> None:
    json = {"Content-Type": "application/json"}
    new = f'{{"title": "A title", "body": "a{surrogate}b", "category": "general", "tags": []}}'
    refused(alice.post("/api/topics", content=new, headers=json), "/body")
    topic = alice.open_topic()
    new = f'{{"topic_id": {topic["id"]}, "body": "a{surrogate}b"}}'
    refused(alice.post("/api/messages", content=new, headers=json), "/body")


def test_pairs_of_surrogates_are_characters(alice: Person) -> None:
    new = r'{"title": "A \ud83d\udc96", "body": "Text", "category": "general", "tags": []}'
    headers = {"Content-Type": "application/json"}
    assert alice.post("/api/topics", content=new, headers=headers).json()["title"] == "A 💖"


def test_a_length_is_in_code_points_after_nfc(alice: Person) -> None:
    assert alice.open_topic(title="💖" * 200)["title"] == "💖" * 200
    assert alice.open_topic(title=DECOMPOSED * 200)["title"] == COMPOSED * 200
    new = {"title": "💖" * 201, "body": "Text", "category": "general", "tags": []}
    refused(alice.post("/api/topics", json=new), "/title")
    refused(alice.post("/api/topics", json={**new, "title": DECOMPOSED * 2}), "/title")
    assert len(alice.open_topic(body="💖" * 32_000)["body"]) == 32_000


def test_a_run_of_combining_marks_has_its_limit(alice: Person) -> None:
    assert alice.open_topic(body="a" + "\u0323" * 100)["body"]
    new = {"title": "A title", "body": "a" + "\u0323" * 101, "category": "general", "tags": []}
    refused(alice.post("/api/topics", json=new), "/body")


def test_a_password_is_left_as_it_is(guest: Guest) -> None:
    name, password = word("p"), f"  {DECOMPOSED}\t\n\x00 as it is "
    new = {"username": name, "email": f"{name}@forum.example", "password": password}
    assert guest.post("/api/users", json=new).status_code == 201

    def log_in(password: str) -> int:
        body = {"login": name, "password": password}
        return guest.post("/api/users/sessions", json=body).status_code

    assert log_in(password) == 201
    assert log_in(password.replace(DECOMPOSED, COMPOSED)) == 401
    assert log_in(password.strip()) == 401


def test_a_password_with_a_lone_surrogate_is_refused(guest: Guest) -> None:
    name = word("p")
    new = (
        f'{{"username": "{name}", "email": "{name}@forum.example",'
        r' "password": "ten chars \ud800"}'
    )
    headers = {"Content-Type": "application/json"}
    problem(guest.post("/api/users", content=new, headers=headers), 422)
