"""Whether two forums give the same answers, for a sample of everything that can be read."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from chassis.archive import Archive
from forum.verdict import Verdict

SPREAD = 25
SPECIAL = 10
PAGES = 2


class Sample:
    """Rows of an archive: some from all over, and some of each kind that is answered otherwise."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = Archive(folder).files
        self.users = self._take("users", lambda row: row["suspension"] or row["erased_at"])
        self.topics = self._take(
            "topics", lambda row: row["deleted_at"] or row["locked"] or row["pinned"]
        )
        self.messages = self._take(
            "messages", lambda row: row["deleted_at"] or row["edited_at"] or row["reply_to"]
        )
        self.categories = self._take("categories", lambda row: False)
        self.reactions = self._take("reactions", lambda row: False)

    def _take(self, name: str, special: Any) -> list[dict[str, Any]]:
        total = self._files[f"{name}.ndjson"].rows
        step = max(1, total // SPREAD)
        taken, specials = [], 0
        with (self._folder / f"{name}.ndjson").open("rb") as lines:
            for number, line in enumerate(lines):
                row = json.loads(line)
                is_special = specials < SPECIAL and bool(special(row))
                specials += is_special
                if is_special or number % step == 0 or number == total - 1:
                    taken.append(row)
        return taken


def paths(sample: Sample) -> Iterator[tuple[str, str]]:
    """What is asked, and the path."""
    for user in sample.users:
        yield "people", f"/api/users/{user['id']}"
        yield "lists of people", f"/api/users?q={user['username'][:3]}"
        yield "lists of topics", f"/api/topics?author_id={user['id']}"
        yield "lists of messages", f"/api/messages?author_id={user['id']}"
    ids = ",".join(str(user["id"]) for user in sample.users[:100])
    yield "lists of people", f"/api/users?ids={ids}&limit=100"
    yield "lists of people", "/api/users?limit=100"
    yield "categories", "/api/topics/categories"
    for sort in ("activity", "created"):
        yield "lists of topics", f"/api/topics?sort={sort}"
        for category in sample.categories:
            yield "lists of topics", f"/api/topics?sort={sort}&category={category['slug']}"
    for topic in sample.topics:
        yield "topics", f"/api/topics/{topic['id']}"
        yield from _of_a_topic(topic)
    for message in [*sample.messages, *({"id": one["message_id"]} for one in sample.reactions)]:
        yield "messages", f"/api/messages/{message['id']}"
        yield "revisions", f"/api/messages/{message['id']}/revisions"
    for order in ("asc", "desc"):
        yield "lists of messages", f"/api/messages?order={order}&limit=100"
    for message in sample.messages:
        if words := _words(message["body"]):
            yield "searches", f"/api/messages/search?q={quote(words)}"


def _of_a_topic(topic: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for order in ("asc", "desc"):
        query = urlencode({"topic_id": topic["id"], "order": order})
        yield "messages of topics", f"/api/messages?{query}"
    yield "messages of topics", f"/api/messages?topic_id={topic['id']}&from=2"
    for tag in topic["tags"]:
        yield "lists of topics", f"/api/topics?tag={tag}"
    if words := _words(topic["title"]):
        yield "searches", f"/api/topics/search?q={quote(words)}"


def _words(text: str) -> str:
    words = [word for word in text.split() if word.isalpha() and len(word) > 3]
    return " ".join(words[:2])


def compare_answers(
    archive: Path, monolith: str, services: Mapping[str, str], verdict: Verdict
) -> None:
    """Ask both the same, and compare status, ETag and body, of lists two pages."""
    asked: dict[str, set[str]] = {}
    different: dict[str, int] = {}
    with httpx.Client(trust_env=False, timeout=30) as client:
        for what, path in paths(Sample(archive)):
            if path in asked.setdefault(what, set()):
                continue
            asked[what].add(path)
            service = services[path.split("/")[2].partition("?")[0]]
            difference = _difference(client, monolith + path, service + path)
            different[what] = different.get(what, 0) + bool(difference)
            if difference:
                verdict.explain(f"GET {path}: {difference}")
    for what, paths_asked in asked.items():
        count = f"{len(paths_asked):>9,} GETs"
        verdict.add(f"answers: {what}", count, count, same=not different[what])


def _difference(client: httpx.Client, ours: str, theirs: str) -> str:
    """In what two answers differ; pages are followed with each one's own cursor."""
    for _ in range(PAGES):
        one, other = client.get(ours), client.get(theirs)
        if one.status_code != other.status_code:
            return f"status {one.status_code}, services {other.status_code}"
        left, right = _told(one), _told(other)
        for name in left.keys() | right.keys():
            if left.get(name) != right.get(name):
                return f"{name} {left.get(name)!r:.200}, services {right.get(name)!r:.200}"
        if "next" not in one.links:
            return ""
        ours = str(one.url.join(one.links["next"]["url"]))
        theirs = str(other.url.join(other.links["next"]["url"]))
    return ""


def _told(answer: httpx.Response) -> dict[str, Any]:
    """What has to be the same: of an error its code, of the rest all but where the next page is."""
    body: dict[str, Any] = answer.json()
    if answer.is_error:
        return {"code": body["code"]}
    told = {"ETag": answer.headers.get("ETag"), "Link": "next" in answer.links}
    return told | body | {"next_cursor": None}
