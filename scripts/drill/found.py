"""What a forum shows of a load, held against what it had acknowledged."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import httpx

from drill.ledger import Ledger

JSON = dict[str, Any]
AT_ONCE = 100


def reader(url: str) -> httpx.Client:
    """Somebody who reads what a load has written."""
    return httpx.Client(base_url=url, timeout=30, trust_env=False)


class Found:
    """One reading of everything that a load has written, through the front door."""

    def __init__(self, http: httpx.Client, ledger: Ledger) -> None:
        self._ledger = ledger
        authors = {topic.author_id for topic in ledger.topics.values()}
        authors |= {message.author_id for message in ledger.messages.values()}
        self.people = {one["id"]: one for one in _people(http, ledger.people)}
        self.topics = {one["id"]: one for one in topics(http, ledger.tag)}
        written = [f"/api/messages?author_id={author}" for author in sorted(authors)]
        self.messages = {one["id"]: one for path in written for one in _all(http, path)}

    def lost(self) -> list[str]:
        """Each acknowledged write that is not there as it was acknowledged."""
        ledger = self._ledger
        people = [
            f"person {name}"
            for user_id, name in ledger.people.items()
            if self.people.get(user_id, {}).get("username") != name
        ]
        opened = [
            f"{topic}"
            for topic in ledger.topics.values()
            if self.topics.get(topic.id, {}).get("title") != topic.title
        ]
        posted = []
        for message in ledger.messages.values():
            found = self.messages.get(message.id, {})
            there = found.get("topic_id"), found.get("position"), found.get("body")
            if there != (message.topic_id, message.position, message.body):
                posted.append(f"{message}: {there}")
        return [*people, *opened, *posted]

    def doubled(self) -> list[str]:
        """Each thing that is there beside the one that was acknowledged."""
        beside = self.topics.keys() - self._ledger.topics.keys()
        opened = [f"topic {topic_id}" for topic_id in beside]
        beside = self.messages.keys() - self._ledger.messages.keys()
        return opened + [f"message {message_id}" for message_id in beside]

    def gaps(self) -> list[str]:
        """Each topic whose positions are not 1, 2, 3 …"""
        positions = defaultdict(list)
        for message in self.messages.values():
            positions[message["topic_id"]].append(message["position"])
        return [
            f"topic {topic_id}: {sorted(found)}"
            for topic_id, found in positions.items()
            if sorted(found) != list(range(1, len(found) + 1))
        ]

    def miscounted(self) -> list[str]:
        """Each counter and last author that is not what the things themselves say."""
        wrong = []
        by_topic = defaultdict(list)
        for message in self.messages.values():
            by_topic[message["topic_id"]].append(message)
        for topic in self.topics.values():
            messages = sorted(by_topic[topic["id"]], key=lambda one: int(one["position"]))
            last = messages[-1] if messages else {"created_at": topic["created_at"], "author": None}
            shown = topic["message_count"], topic["last_activity_at"], topic["last_author"]
            if shown != (len(messages), last["created_at"], last["author"]):
                wrong.append(f"topic {topic['id']}: {shown} for {len(messages)} messages")
        opened = Counter(topic["author"]["id"] for topic in self.topics.values())
        posted = Counter(message["author"]["id"] for message in self.messages.values())
        for person in self.people.values():
            counted = person["topic_count"], person["message_count"]
            if counted != (opened[person["id"]], posted[person["id"]]):
                wrong.append(f"{person['username']}: {counted} is not what is there")
        return wrong


def behind(http: httpx.Client, ledger: Ledger) -> list[str]:
    """Each counter that does not have everything yet that was acknowledged when `ledger` was made.

    For use under load: counters go on growing.
    """
    posted = Counter(message.topic_id for message in ledger.messages.values())
    wrote = Counter(message.author_id for message in ledger.messages.values())
    opened = Counter(topic.author_id for topic in ledger.topics.values())
    shown = {one["id"]: one["message_count"] for one in topics(http, ledger.tag)}
    late = [f"topic {i}: {shown.get(i)} of {n}" for i, n in posted.items() if shown.get(i, -1) < n]
    for person in _people(http, wrote.keys() | opened.keys()):
        counted = person["topic_count"], person["message_count"]
        wanted = opened[person["id"]], wrote[person["id"]]
        if counted[0] < wanted[0] or counted[1] < wanted[1]:
            late.append(f"{person['username']}: {counted} of {wanted}")
    return late


def topics(http: httpx.Client, tag: str) -> Iterator[JSON]:
    """All topics with the tag."""
    return _all(http, f"/api/topics?tag={tag}&sort=created")


def _people(http: httpx.Client, ids: Iterable[int]) -> Iterator[JSON]:
    wanted = [str(user_id) for user_id in sorted(ids)]
    for first in range(0, len(wanted), AT_ONCE):
        some = ",".join(wanted[first : first + AT_ONCE])
        yield from _page(http, f"/api/users?ids={some}")["items"]


def _all(http: httpx.Client, path: str) -> Iterator[JSON]:
    cursor = ""
    while True:
        page = _page(http, f"{path}&limit={AT_ONCE}{cursor}")
        yield from page["items"]
        if page["next_cursor"] is None:
            return
        cursor = f"&cursor={page['next_cursor']}"


def _page(http: httpx.Client, path: str) -> JSON:
    page: JSON = http.get(path).raise_for_status().json()
    return page
