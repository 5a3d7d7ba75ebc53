"""Pages and cursors, the same on every list."""

import pytest

from .client import Guest, Person, word
from .shapes import CURSOR, problem, refused

LISTS = [
    "/api/users",
    "/api/topics",
    "/api/topics/categories",
    "/api/topics/search?q=text",
    "/api/messages",
    "/api/messages/search?q=text",
]


@pytest.fixture
def tag(alice: Person) -> str:
    """A tag on five topics."""
    tag = word()
    for _ in range(5):
        alice.open_topic(tags=[tag])
    return tag


def test_pages_together_are_the_list_and_link_to_each_other(guest: Guest, tag: str) -> None:
    whole = [topic["id"] for topic in guest.items("/api/topics", tag=tag)]
    url, seen, sizes = f"/api/topics?tag={tag}&limit=2&sort=created", [], []
    while url:
        response = guest.get(url)
        page = response.json()
        assert set(page) == {"items", "next_cursor"}
        seen += [topic["id"] for topic in page["items"]]
        sizes.append(len(page["items"]))
        url = response.links.get("next", {}).get("url", "")
        assert bool(url) == (page["next_cursor"] is not None)
        if url:
            assert CURSOR.fullmatch(page["next_cursor"])
            assert page["next_cursor"] in url
    assert (seen, sizes) == (whole, [2, 2, 1])


def test_a_full_last_page_has_no_next(guest: Guest, tag: str) -> None:
    page = guest.read("/api/topics", tag=tag, limit=5)
    assert (len(page["items"]), page["next_cursor"]) == (5, None)


def test_what_is_made_while_one_pages_changes_nothing(
    guest: Guest, alice: Person, tag: str
) -> None:
    params: dict[str, object] = {"tag": tag, "sort": "created"}
    before = [topic["id"] for topic in guest.items("/api/topics", **params)]
    first = guest.read("/api/topics", limit=2, **params)
    alice.open_topic(tags=[tag])
    alice.remove(f"/api/topics/{before[1]}")
    rest = guest.pages("/api/topics", limit=2, cursor=first["next_cursor"], **params)
    assert [topic["id"] for topic in rest] == before[2:]


def test_what_does_not_move_is_given_once_while_others_move(
    guest: Guest, alice: Person, moderator: Person, tag: str
) -> None:
    moderator.do("PUT", f"/api/topics/{guest.items('/api/topics', tag=tag)[2]['id']}/pin")
    before = [topic["id"] for topic in guest.items("/api/topics", tag=tag)]
    first = guest.read("/api/topics", tag=tag, limit=2)
    alice.answer({"id": before[3]})
    rest = guest.pages("/api/topics", tag=tag, limit=2, cursor=first["next_cursor"])
    seen = before[:2] + [topic["id"] for topic in rest if topic["id"] != before[3]]
    assert seen == [*before[:3], before[4]]


def test_every_page_of_messages(guest: Guest, alice: Person) -> None:
    topic = alice.open_topic()
    ids = [alice.answer(topic)["id"] for _ in range(5)]

    def paged(**params: object) -> list[int]:
        messages = guest.pages("/api/messages", topic_id=topic["id"], limit=2, **params)
        return [message["id"] for message in messages]

    assert paged() == ids
    assert paged(order="desc") == ids[::-1]
    assert paged(**{"from": 2}) == ids[1:]
    by_author = guest.pages("/api/messages", author_id=alice.id, limit=2)
    assert [message["id"] for message in by_author if message["topic_id"] == topic["id"]] == (
        ids[::-1]
    )


def test_every_page_of_a_search(guest: Guest, alice: Person) -> None:
    needle = word()
    topics = [alice.open_topic(body=needle) for _ in range(3)]
    messages = [alice.answer(topics[0], needle) for _ in range(3)]
    for path, made in (("/api/topics/search", topics), ("/api/messages/search", messages)):
        found = guest.pages(path, q=needle, limit=2)
        assert [item["id"] for item in found] == [item["id"] for item in made[::-1]]


def test_every_page_of_people_and_categories(guest: Guest, alice: Person, admin: Person) -> None:
    names = [person["username"] for person in guest.pages("/api/users", q=alice.username, limit=1)]
    assert names == [alice.username]
    new = {"slug": word("c"), "name": "Another", "description": ""}
    admin.made("/api/topics/categories", **new)
    slugs = [each["slug"] for each in guest.pages("/api/topics/categories", limit=1)]
    assert slugs == sorted(set(slugs))
    assert {"general", new["slug"]} <= set(slugs)


@pytest.mark.parametrize("path", LISTS)
def test_a_limit_is_from_1_to_100(guest: Guest, path: str) -> None:
    separator = "&" if "?" in path else "?"
    for limit in ("0", "-1", "101", "many", "1.5", "", str(10**30)):
        refused(guest.get(f"{path}{separator}limit={limit}"), "/limit")


@pytest.mark.parametrize("path", LISTS)
def test_a_page_has_20_items_if_nothing_is_said(guest: Guest, path: str) -> None:
    response = guest.get(path)
    assert response.status_code == 200
    assert len(response.json()["items"]) <= 20


def test_twenty_items_are_a_page(guest: Guest, alice: Person) -> None:
    topic = alice.open_topic()
    for _ in range(21):
        alice.answer(topic, "Short")
    page = guest.read("/api/messages", topic_id=topic["id"])
    assert len(page["items"]) == 20
    assert len(guest.items("/api/messages", topic_id=topic["id"], limit=100)) == 21
    # The page's size is no part of what a cursor is bound to.
    rest = guest.items("/api/messages", topic_id=topic["id"], cursor=page["next_cursor"], limit=7)
    assert [message["position"] for message in rest] == [21]


@pytest.mark.parametrize("path", LISTS)
def test_a_made_up_cursor_is_refused(guest: Guest, path: str) -> None:
    separator = "&" if "?" in path else "?"
    for cursor in ("", "x", "!!!", "AAAA", "bnVsbA", "W10", "%00", "A" * 2000):
        problem(guest.get(f"{path}{separator}cursor={cursor}"), 400, "cursor_invalid")


@pytest.mark.parametrize(
    "other",
    [
        {"sort": "created"},
        {"tag": "another"},
        {"category": "general"},
        {"author_id": 1},
    ],
)
def test_a_cursor_is_bound_to_its_list(guest: Guest, tag: str, other: dict[str, str]) -> None:
    cursor = guest.read("/api/topics", tag=tag, limit=2)["next_cursor"]
    params = {"tag": tag, "cursor": cursor, **other}
    problem(guest.get("/api/topics", params=params), 400, "cursor_invalid")


def test_a_cursor_of_one_list_is_refused_by_all_others(guest: Guest, tag: str) -> None:
    cursor = guest.read("/api/topics", tag=tag, limit=2)["next_cursor"]
    for path in LISTS:
        separator = "&" if "?" in path else "?"
        problem(guest.get(f"{path}{separator}cursor={cursor}"), 400, "cursor_invalid")


def test_a_cursor_of_messages_is_bound_to_topic_and_order(guest: Guest, alice: Person) -> None:
    topics = [alice.open_topic(), alice.open_topic()]
    for topic in topics:
        for _ in range(2):
            alice.answer(topic)
    cursor = guest.read("/api/messages", topic_id=topics[0]["id"], limit=1)["next_cursor"]
    for other in ({"topic_id": topics[1]["id"]}, {"topic_id": topics[0]["id"], "order": "desc"}):
        params = {**other, "cursor": cursor}
        problem(guest.get("/api/messages", params=params), 400, "cursor_invalid")


def test_unknown_parameters_are_ignored(guest: Guest, tag: str) -> None:
    assert len(guest.items("/api/topics", tag=tag, colour="blue")) == 5
