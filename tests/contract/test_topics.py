"""Topics: opening, reading, listing, changing and deleting them; their counters."""

import pytest

from .client import Guest, Person, eventually, word
from .conftest import MakePerson
from .shapes import SINGLE_TAG, is_topic, is_topic_item, problem, refused


def test_opening_a_topic(alice: Person) -> None:
    body = {"title": "Hello, World!", "body": "A *first* text", "category": "general"}
    response = alice.post("/api/topics", json={**body, "tags": ["one", "2-two"]})
    assert response.status_code == 201
    topic = response.json()
    assert response.headers["Location"] == f"/api/topics/{topic['id']}"
    assert SINGLE_TAG.fullmatch(response.headers["ETag"])
    assert is_topic(topic)
    assert body.items() <= topic.items()
    assert (topic["slug"], topic["tags"]) == ("hello-world", ["one", "2-two"])
    assert topic["body_html"].strip() == "<p>A <em>first</em> text</p>"
    assert (topic["locked"], topic["pinned"]) == (False, False)
    assert (topic["message_count"], topic["last_author"]) == (0, None)
    assert topic["last_activity_at"] == topic["created_at"] == topic["updated_at"]
    author = {"id": alice.id, "username": alice.username, "state": "active"}
    assert author.items() <= topic["author"].items()


def test_everyone_reads_a_topic_as_it_was_made(guest: Guest, alice: Person) -> None:
    body = {"title": "Title", "body": "Text", "category": "general", "tags": []}
    made = alice.post("/api/topics", json=body)
    read = guest.get(made.headers["Location"])
    assert read.status_code == 200
    assert is_topic(read.json())
    names = set(made.json()) - {"author"}
    assert {name: read.json()[name] for name in names} == {
        name: made.json()[name] for name in names
    }


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Ein schöner Tag", "ein-schöner-tag"),
        ("  --What?! -- now  ", "what-now"),
        ("日本語の題名", "日本語の題名"),
        ("!!!", "topic"),
        ("x" * 200, "x" * 80),
    ],
)
def test_a_slug_is_made_of_the_title(alice: Person, title: str, slug: str) -> None:
    assert alice.open_topic(title=title)["slug"] == slug


def test_categories_and_tags_may_be_left_out_of_neither_a_title_nor_a_body(alice: Person) -> None:
    response = alice.post("/api/topics", json={"category": "general", "tags": []})
    refused(response, "/title", "/body")


@pytest.mark.parametrize(
    ("field", "value", "pointer"),
    [
        ("title", "ab", "/title"),
        ("title", "a" * 201, "/title"),
        ("title", "   ab   ", "/title"),
        ("title", ["a list"], "/title"),
        ("body", "", "/body"),
        ("body", "a" * 32_001, "/body"),
        ("category", "no-such-category", "/category"),
        ("category", 7, "/category"),
        ("tags", ["a", "b", "c", "d", "e", "f"], "/tags"),
        ("tags", ["same", "same"], "/tags"),
        ("tags", ["Upper"], "/tags/0"),
        ("tags", ["fine", "-dash"], "/tags/1"),
        ("tags", ["a" * 31], "/tags/0"),
        ("tags", [""], "/tags/0"),
        ("tags", "text", "/tags"),
        ("pinned", True, "/pinned"),
    ],
)
def test_opening_a_topic_refuses(alice: Person, field: str, value: object, pointer: str) -> None:
    body = {"title": "A title", "body": "Some text", "category": "general", "tags": []}
    refused(alice.post("/api/topics", json={**body, field: value}), pointer)


def test_titles_bodies_and_tags_at_the_limits_are_fine(alice: Person) -> None:
    assert alice.open_topic(title="abc", body="x")["title"] == "abc"
    tags = ["a" * 30, "0", "a-b", "c--", "z9"]
    topic = alice.open_topic(title="t" * 200, body="b" * 32_000, tags=tags)
    assert (topic["tags"], len(topic["body"])) == (tags, 32_000)


def test_opening_a_topic_needs_a_token(guest: Guest) -> None:
    problem(guest.post("/api/topics", json={}), 401)


def test_a_list_carries_excerpts(guest: Guest, alice: Person) -> None:
    tag = word()
    alice.open_topic(tags=[tag], body="# Heading\n\nSome *plain* text. " + "And more. " * 100)
    [item] = guest.items("/api/topics", tag=tag)
    assert is_topic_item(item)
    assert "plain text" in item["excerpt"]
    assert "*" not in item["excerpt"]
    assert len(item["excerpt"]) <= 201


def test_topics_are_filtered(guest: Guest, alice: Person, bob: Person) -> None:
    tag = word()
    hers, his = alice.open_topic(tags=[tag, "both"]), bob.open_topic(tags=[tag])

    def found(**filters: object) -> set[int]:
        return {topic["id"] for topic in guest.items("/api/topics", **filters)}

    assert found(tag=tag) == {hers["id"], his["id"]}
    assert found(tag=tag, author_id=bob.id) == {his["id"]}
    assert found(tag=tag, category="general") == {hers["id"], his["id"]}
    assert found(tag=tag, category="another") == set()
    assert found(tag=word()) == set()
    assert found(author_id=10**30) == set()


def test_topics_are_sorted_by_activity_with_pinned_ones_first(
    guest: Guest, alice: Person, moderator: Person
) -> None:
    tag = word()
    first, second, third = (alice.open_topic(tags=[tag])["id"] for _ in range(3))

    def order(**params: object) -> list[int]:
        return [topic["id"] for topic in guest.items("/api/topics", tag=tag, **params)]

    assert order() == order(sort="activity") == order(sort="created") == [third, second, first]
    alice.answer({"id": first})
    eventually(lambda: order(sort="activity") == [first, third, second])
    moderator.do("PUT", f"/api/topics/{second}/pin")
    assert order(sort="activity") == [second, first, third]
    assert order(sort="created") == [third, second, first]


@pytest.mark.parametrize("params", [{"sort": "hot"}, {"author_id": "me"}])
def test_a_list_refuses(guest: Guest, params: dict[str, str]) -> None:
    [name] = params
    response = guest.get("/api/topics", params=params)
    assert [error["pointer"] for error in problem(response, 422)["errors"]] == [f"/{name}"]


def test_a_topic_counts_its_messages(guest: Guest, alice: Person, bob: Person) -> None:
    topic = alice.open_topic()

    def read() -> dict[str, object]:
        return guest.read(f"/api/topics/{topic['id']}")

    def activity() -> tuple[object, object, object]:
        now = read()
        last = now["last_author"]
        return (
            now["message_count"],
            now["last_activity_at"],
            last["id"] if isinstance(last, dict) else None,
        )

    first, second = alice.answer(topic), bob.answer(topic)
    eventually(lambda: activity() == (2, second["created_at"], bob.id))
    assert read()["version"] == topic["version"]
    bob.remove(f"/api/messages/{second['id']}")
    eventually(lambda: activity() == (1, first["created_at"], alice.id))
    alice.remove(f"/api/messages/{first['id']}")
    eventually(lambda: activity() == (0, topic["created_at"], None))


def test_an_author_changes_a_topic(guest: Guest, alice: Person) -> None:
    topic = alice.open_topic(tags=["old"])
    path = f"/api/topics/{topic['id']}"
    changes = {"title": "Another title", "body": "Another **text**", "tags": ["new"]}
    response = alice.change(path, **changes)
    assert response.status_code == 200
    changed = response.json()
    assert is_topic(changed)
    assert changes.items() <= changed.items()
    assert changed["slug"] == "another-title"
    assert "<strong>text</strong>" in changed["body_html"]
    assert changed["version"] == topic["version"] + 1
    assert changed["updated_at"] > topic["updated_at"]
    assert changed["last_activity_at"] == topic["last_activity_at"]
    read = guest.get(path)
    assert read.json() == changed
    assert read.headers["ETag"] == response.headers["ETag"]


@pytest.mark.parametrize(
    ("field", "value", "pointer"),
    [
        ("title", None, "/title"),
        ("title", "ab", "/title"),
        ("body", "", "/body"),
        ("category", "no-such-category", "/category"),
        ("tags", ["UP"], "/tags/0"),
        ("locked", True, "/locked"),
        ("author_id", 1, "/author_id"),
    ],
)
def test_changing_a_topic_refuses(alice: Person, field: str, value: object, pointer: str) -> None:
    topic = alice.open_topic()
    refused(alice.change(f"/api/topics/{topic['id']}", **{field: value}), pointer)


def test_only_the_author_changes_or_deletes_a_topic(alice: Person, bob: Person) -> None:
    path = f"/api/topics/{alice.open_topic()['id']}"
    problem(bob.change(path, title="Mine now"), 403, "not_yours")
    problem(bob.remove(path), 403, "not_yours")


def test_a_deleted_topic_is_gone_with_all_that_is_in_it(
    guest: Guest, alice: Person, moderator: Person
) -> None:
    needle = word()
    topic = alice.open_topic(body=needle, tags=[needle])
    message = alice.answer(topic, needle)
    topic_path, message_path = f"/api/topics/{topic['id']}", f"/api/messages/{message['id']}"
    tags = alice.etag(message_path)
    response = alice.remove(topic_path)
    assert (response.status_code, response.content) == (204, b"")

    for person in (guest, alice, moderator):
        problem(person.get(topic_path), 410, "topic_deleted")
    problem(alice.patch(topic_path, json={}), 410, "topic_deleted")
    problem(alice.delete(topic_path), 410, "topic_deleted")
    for path in ("/lock", "/pin"):
        problem(moderator.put(topic_path + path), 410, "topic_deleted")
        problem(moderator.delete(topic_path + path), 410, "topic_deleted")
    assert guest.items("/api/topics", tag=needle) == []
    assert guest.items("/api/topics/search", q=needle) == []

    new = {"topic_id": topic["id"], "body": "Too late"}
    eventually(lambda: problem(alice.post("/api/messages", json=new), 410, "topic_deleted"))
    of_topic = {"topic_id": topic["id"]}
    problem(guest.get("/api/messages", params=of_topic), 410, "topic_deleted")
    problem(guest.get(message_path), 410, "topic_deleted")
    problem(guest.get(f"{message_path}/revisions"), 410, "topic_deleted")
    problem(alice.patch(message_path, json={"body": "x"}, headers=tags), 410, "topic_deleted")
    problem(alice.delete(message_path, headers=tags), 410, "topic_deleted")
    problem(alice.put(f"{message_path}/reactions/👍"), 410, "topic_deleted")
    assert guest.items("/api/messages/search", q=needle) == []
    recent = guest.items("/api/messages", author_id=alice.id, limit=100)
    assert message["id"] not in {each["id"] for each in recent}
    everyone = guest.items("/api/messages", limit=100)
    assert message["id"] not in {each["id"] for each in everyone}


def test_an_unknown_topic_is_404_for_everything(guest: Guest, alice: Person) -> None:
    unknown = "/api/topics/999999999999"
    problem(guest.get(unknown), 404, "topic_not_found")
    problem(alice.patch(unknown, json={}), 404, "topic_not_found")
    problem(alice.delete(unknown), 404, "topic_not_found")
    problem(alice.put(f"{unknown}/lock"), 404, "topic_not_found")


def test_a_moderator_locks_and_unlocks_a_topic(
    guest: Guest, alice: Person, moderator: Person
) -> None:
    topic = alice.open_topic()
    message = alice.answer(topic)
    path = f"/api/topics/{topic['id']}"
    moderator.do("PUT", f"{path}/lock")
    moderator.do("PUT", f"{path}/lock")
    assert guest.read(path)["locked"] is True
    assert guest.read(path)["version"] > topic["version"]

    new = {"topic_id": topic["id"], "body": "Let me in"}
    eventually(lambda: problem(alice.post("/api/messages", json=new), 409, "topic_locked"))
    problem(moderator.post("/api/messages", json=new), 409, "topic_locked")
    assert alice.change(f"/api/messages/{message['id']}", body="Edited").status_code == 200

    moderator.do("DELETE", f"{path}/lock")
    moderator.do("DELETE", f"{path}/lock")
    assert guest.read(path)["locked"] is False
    eventually(lambda: alice.post("/api/messages", json=new).status_code == 201)


def test_a_moderator_pins_and_unpins_a_topic(
    guest: Guest, alice: Person, moderator: Person
) -> None:
    path = f"/api/topics/{alice.open_topic()['id']}"
    moderator.do("PUT", f"{path}/pin")
    moderator.do("PUT", f"{path}/pin")
    assert guest.read(path)["pinned"] is True
    moderator.do("DELETE", f"{path}/pin")
    moderator.do("DELETE", f"{path}/pin")
    assert guest.read(path)["pinned"] is False


@pytest.mark.parametrize("what", ["lock", "pin"])
def test_only_moderators_lock_and_pin(guest: Guest, somebody: MakePerson, what: str) -> None:
    author = somebody()
    path = f"/api/topics/{author.open_topic()['id']}/{what}"
    for method in ("PUT", "DELETE"):
        problem(guest.request(method, path), 401)
        problem(author.request(method, path), 403, "role_required")
