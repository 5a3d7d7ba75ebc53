"""Reading a whole forum back through its API, as a client does."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx


def everything(client: httpx.Client, path: str) -> Iterator[dict[str, Any]]:
    """Every item of a list, page by page."""
    url: str | None = path
    while url:
        page = client.get(url).raise_for_status()
        yield from page.json()["items"]
        url = page.links["next"]["url"] if "next" in page.links else None


def rows(archive: Path, name: str) -> list[dict[str, Any]]:
    """The rows of a file of an archive."""
    with (archive / f"{name}.ndjson").open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def check_in_its_place(client: httpx.Client, archive: Path) -> None:
    """Every person, topic and message of the archive is in the forum, and nothing else is."""
    people = {row["id"]: row for row in rows(archive, "users")}
    topics = {row["id"]: row for row in rows(archive, "topics")}
    messages = rows(archive, "messages")
    shown = {item["id"]: item for item in everything(client, "/api/users?limit=100")}
    assert shown.keys() == {number for number, row in people.items() if not row["erased_at"]}
    topic_counts = Counter(row["author_id"] for row in topics.values() if not row["deleted_at"])
    message_counts = Counter(row["author_id"] for row in messages if not row["deleted_at"])
    for number, item in shown.items():
        assert item["username"] == people[number]["username"]
        assert item["bio"] == people[number]["bio"]
        assert item["topic_count"] == topic_counts[number]
        assert item["message_count"] == message_counts[number]
    listed = [item["id"] for item in everything(client, "/api/topics?sort=created&limit=100")]
    alive = [row for row in topics.values() if not row["deleted_at"]]
    assert sorted(listed) == [row["id"] for row in alive]
    of_topic: dict[int, list[dict[str, Any]]] = {number: [] for number in topics}
    for row in messages:
        of_topic[row["topic_id"]].append(row)
    for row in alive:
        check_topic(client, row, sorted(of_topic[row["id"]], key=lambda one: one["position"]))


def check_topic(
    client: httpx.Client, topic: dict[str, Any], messages: list[dict[str, Any]]
) -> None:
    """The topic says what its row says, and its messages are in their places."""
    item = client.get(f"/api/topics/{topic['id']}").raise_for_status().json()
    for name in ("title", "slug", "body", "category", "tags", "locked", "pinned", "version"):
        assert item[name] == topic[name]
    assert item["author"]["id"] == topic["author_id"]
    living = [row for row in messages if not row["deleted_at"]]
    assert item["message_count"] == len(living)
    assert item["last_activity_at"] == (living[-1] if living else topic)["created_at"]
    assert (item["last_author"] or {}).get("id") == (living[-1]["author_id"] if living else None)
    path = f"/api/messages?topic_id={topic['id']}&limit=100"
    for found, row in zip(everything(client, path), messages, strict=True):
        for name in ("id", "position", "body", "reply_to", "created_at", "version"):
            assert found[name] == row[name]
        assert found["author"]["id"] == row["author_id"]
        assert (found["body_html"] == "") == bool(row["deleted_at"])
