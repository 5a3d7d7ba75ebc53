"""Someone who uses a forum and sees whether its services tell each other what they should."""

import time
import uuid
from collections.abc import Callable
from typing import Any

import httpx

# For what takes 2 s, on a machine that does other things too; a key is asked for once in 10 s.
PATIENCE_SECONDS = 15.0


class Someone:
    """A member who is logged in.

    `sent` counts what was asked with `send`, `put_off` the answers that were a 503.
    """

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=30)
        self.sent = self.put_off = 0
        self.name = f"p{uuid.uuid4().hex[:12]}"
        self.password = f"pass {uuid.uuid4().hex}"
        email = f"{self.name}@example.org"
        register = {"username": self.name, "email": email, "password": self.password}
        self.id: int = self.send("POST", "/api/users", register)["id"]
        self.log_in()

    def log_in(self) -> str:
        """Use a new access token from now on; it."""
        login = {"login": self.name, "password": self.password}
        token = str(self.send("POST", "/api/users/sessions", login)["access_token"])
        self.http.headers["Authorization"] = f"Bearer {token}"
        return token

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The JSON of an answer, which must be a success; a 503 is tried again, as it says."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        answer = self.http.request(method, path, json=body, headers=headers)
        self.sent += 1
        while answer.status_code == 503 and time.monotonic() < deadline:
            self.put_off += 1
            time.sleep(0.1)
            answer = self.http.request(method, path, json=body, headers=headers)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def topic(self) -> int:
        """Open one; its id."""
        topic = {"title": "A topic", "body": "text", "category": "general", "tags": []}
        return int(self.send("POST", "/api/topics", topic)["id"])

    def message(self, topic_id: int) -> int:
        """Answer in a topic; the message's id."""
        return int(self.send("POST", "/api/messages", {"topic_id": topic_id, "body": "text"})["id"])

    def change(self, path: str, changes: dict[str, str] | None = None) -> None:
        """PATCH what is there now; DELETE it without `changes`."""
        etag = self.http.get(path).raise_for_status().headers["ETag"]
        self.send("PATCH" if changes else "DELETE", path, changes, **{"If-Match": etag})

    def erase(self) -> None:
        """Erase the account."""
        self.send("DELETE", "/api/users/me", {"password": self.password})

    def counts(self) -> tuple[int, int]:
        """How many topics and messages this person's profile shows."""
        profile = self.send("GET", f"/api/users/{self.id}")
        return profile["topic_count"], profile["message_count"]

    def counters_are_right(self, topic_id: int) -> bool:
        """Whether those of this person and of a topic say what the lists say."""
        shown = (*self.counts(), self.send("GET", f"/api/topics/{topic_id}")["message_count"])
        return shown == (
            self._length(f"topics?author_id={self.id}"),
            self._length(f"messages?author_id={self.id}"),
            self._length(f"messages?topic_id={topic_id}"),
        )

    def _length(self, listed: str) -> int:
        length, cursor = 0, ""
        while True:
            page = self.send("GET", f"/api/{listed}&limit=100{cursor}")
            length += len(page["items"])
            if page["next_cursor"] is None:
                return length
            cursor = f"&cursor={page['next_cursor']}"


def soon(condition: Callable[[], bool]) -> None:
    """Wait until `condition` holds; fail when it does not in time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.1)


def assert_events_arrive(someone: Someone) -> None:
    """Whatever one service tells another of this person and of a new topic is known there soon."""
    name, (topics, messages) = uuid.uuid4().hex, someone.counts()
    someone.change("/api/users/me", {"display_name": name})
    topic_id = someone.topic()
    topic, message = f"/api/topics/{topic_id}", f"/api/messages/{someone.message(topic_id)}"
    soon(
        lambda: all(
            someone.send("GET", p)["author"]["display_name"] == name for p in (topic, message)
        )
    )
    soon(lambda: someone.send("GET", topic)["message_count"] == 1)
    soon(lambda: someone.counts() == (topics + 1, messages + 1))
    someone.change(topic)
    soon(lambda: someone.http.get(message).status_code == 410)
    soon(lambda: someone.counts() == (topics, messages + 1))
