"""People who use a forum through its gateway, and go on trying while a part of it is down."""

import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx

PATIENCE_SECONDS = 20.0


@dataclass
class Secrets:
    """Everything that was typed or handed out and that no log may show."""

    seen: set[str] = field(default_factory=set)

    def note(self, *values: str) -> None:
        """Remember them for the search of the log."""
        self.seen.update(values)


class Person:
    """Someone who is registered and logged in."""

    def __init__(self, url: str, secrets: Secrets) -> None:
        self.name = f"p{uuid.uuid4().hex[:12]}"
        self.password = f"pass {uuid.uuid4().hex}"
        self.http = httpx.Client(base_url=url, timeout=10)
        email = f"{self.name}@example.org"
        register = {"username": self.name, "email": email, "password": self.password}
        self.id: int = self.create("/api/users", register)["id"]
        login = {"login": self.name, "password": self.password}
        answer = self.http.post("/api/users/sessions", json=login).raise_for_status().json()
        self.refresh_token: str = answer["refresh_token"]
        self.http.headers["Authorization"] = f"Bearer {answer['access_token']}"
        secrets.note(self.password, self.refresh_token, answer["access_token"], email)

    def create(self, path: str, thing: dict[str, Any]) -> dict[str, Any]:
        """POST with a key until it is acknowledged; the thing that was made."""
        key = {"Idempotency-Key": uuid.uuid4().hex}
        return self.until_answered("POST", path, 201, json=thing, headers=key)

    def until_answered(self, method: str, path: str, status: int, **more: Any) -> dict[str, Any]:
        """Send it again until it has this status; only what a fault explains is tried again."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = self.http.request(method, path, **more)
                if answer.status_code == status:
                    return answer.json() if answer.content else {}
                reason = f"{answer.status_code} {answer.text}"
                assert answer.status_code in (409, 502, 503), f"{method} {path}: {reason}"
            except httpx.TransportError as error:
                reason = repr(error)
            assert time.monotonic() < deadline, f"{method} {path}: {reason}"
            time.sleep(0.05)

    def topic(self, title: str = "a topic") -> int:
        """Open one; its id."""
        thing = {"title": title, "body": "text", "category": "general", "tags": []}
        return int(self.create("/api/topics", thing)["id"])

    def message(self, topic_id: int, body: str = "text") -> dict[str, Any]:
        """Answer in a topic."""
        return self.create("/api/messages", {"topic_id": topic_id, "body": body})

    def read(self, path: str) -> Any:
        """What a GET gives, once it gives something."""
        return self.until_answered("GET", path, 200)

    def read_all(self, path: str) -> list[dict[str, Any]]:
        """All items of a list."""
        items, cursor = [], ""
        while True:
            page = self.read(f"{path}&limit=100{cursor}")
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            cursor = f"&cursor={page['next_cursor']}"


class Load:
    """People who write, all at once, from the start of the block to its end.

    `messages` holds what was acknowledged: id → (topic, body).
    """

    def __init__(self, people: Iterable[Person], topics: list[int]) -> None:
        self.people = list(people)
        self.topics = topics
        self.messages: dict[int, tuple[int, str]] = {}
        self._failures: list[BaseException] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(p,)) for p in self.people]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self._failures:
            raise self._failures[0]

    def wait_for(self, more: int) -> None:
        """Until so many more messages are acknowledged."""
        wanted = len(self.messages) + more
        within(PATIENCE_SECONDS, lambda: len(self.messages) >= wanted or bool(self._failures))

    def _write(self, person: Person) -> None:
        try:
            turn = 0
            while not self._stop.is_set():
                turn += 1
                body = f"{person.name} {turn}"
                topic_id = self.topics[turn % len(self.topics)]
                made = person.message(topic_id, body)
                self.messages[made["id"]] = (topic_id, body)
                if turn % 5 == 0:
                    self.topics.append(person.topic(body))
        except BaseException as error:  # noqa: BLE001 -- told to the thread that waits
            self._failures.append(error)


def within(seconds: float, condition: Callable[[], bool]) -> None:
    """Wait until `condition` holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)


def assert_right(people: list[Person], topics: list[int]) -> None:
    """Every counter and last author is right within 5 s."""
    deadline = time.monotonic() + 5
    while wrong := _differences(people[0], people, topics):
        assert time.monotonic() < deadline, wrong
        time.sleep(0.1)


def _differences(reader: Person, people: Iterable[Person], topics: Iterable[int]) -> list[str]:
    """Each counter and last author that is not what the owner's lists say."""
    wrong = []
    for topic_id in topics:
        topic = reader.read(f"/api/topics/{topic_id}")
        messages = reader.read_all(f"/api/messages?topic_id={topic_id}")
        last = messages[-1] if messages else None
        shown = topic["message_count"], topic["last_activity_at"], topic["last_author"]
        expected = (
            len(messages),
            last["created_at"] if last else topic["created_at"],
            last["author"] if last else None,
        )
        if shown != expected:
            wrong.append(f"topic {topic_id}: {shown} is not {expected}")
    for person in people:
        user = reader.read(f"/api/users/{person.id}")
        counted = (
            len(reader.read_all(f"/api/topics?author_id={person.id}")),
            len(reader.read_all(f"/api/messages?author_id={person.id}")),
        )
        if (user["topic_count"], user["message_count"]) != counted:
            wrong.append(f"{person.name}: {user} is not {counted}")
    return wrong
