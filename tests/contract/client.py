"""People of a forum, as seen by an HTTP client: guests, members, and what they do.

`Guest` and `Person` hand back plain `httpx.Response`s; the helpers below them that do one whole
thing (`open_topic`, `answer`, `react`) insist that it works and hand back the JSON.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx

JSON = dict[str, Any]
PASSWORD = "a horse, a battery, a staple"
LONGEST_WAIT = 70
TOKEN_SECONDS = 480


def word(prefix: str = "w") -> str:
    """A word that nobody else uses, fit for names, tags, slugs and searches."""
    return prefix + secrets.token_hex(6)


def random_address() -> str:
    """An address of the documentation's network, alone in its /64."""
    return "2001:db8:" + ":".join(secrets.token_hex(2) for _ in range(2)) + "::1"


def eventually(condition: Callable[[], object], within: float = 2) -> None:
    """Wait for what the contract names as eventual: until `condition` is true, then go on.

    A condition may also assert; its last complaint is the one that is shown.
    """
    deadline = time.monotonic() + within
    while True:
        complaint: AssertionError | None = None
        try:
            if condition():
                return
        except AssertionError as error:
            complaint = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not so within {within} s: {complaint or condition}")
        time.sleep(0.05)


@dataclass
class Guest:
    """Somebody without a token, at an address of his own."""

    http: httpx.Client
    address: str = field(default_factory=random_address)
    # Waits where the forum says 429, for people whom several tests share.
    patient: bool = False

    def headers(self) -> dict[str, str]:
        return {"X-Forwarded-For": self.address}

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request; `headers` go on top of the person's own."""
        headers = {**self.headers(), **options.pop("headers", {})}
        until = time.monotonic() + LONGEST_WAIT
        while True:
            response = self.http.request(method, path, headers=headers, **options)
            if not self._asked_to_wait(response) or time.monotonic() > until:
                return response
            time.sleep(min(int(response.headers["Retry-After"]), LONGEST_WAIT))

    def _asked_to_wait(self, response: httpx.Response) -> bool:
        if response.status_code == 503:
            # Messages has not heard of a new topic and could not ask: the contract allows for it.
            return bool(response.json()["code"] == "topic_unheard")
        return self.patient and response.status_code == 429

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> httpx.Response:
        return self.request("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> httpx.Response:
        return self.request("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        return self.request("DELETE", path, **options)

    def read(self, path: str, **params: Any) -> JSON:
        """The JSON of a GET that works."""
        response = self.get(path, params=params or None)
        assert response.status_code == 200, response.text
        thing: JSON = response.json()
        return thing

    def items(self, path: str, **params: Any) -> list[JSON]:
        """The first page of a list."""
        items: list[JSON] = self.read(path, **params)["items"]
        return items

    def pages(self, path: str, **params: Any) -> list[JSON]:
        """All items of a list, page by page."""
        items: list[JSON] = []
        while True:
            page = self.read(path, **params)
            items += page["items"]
            if page["next_cursor"] is None:
                return items
            params["cursor"] = page["next_cursor"]


@dataclass
class Person(Guest):
    """A registered person who has logged in."""

    username: str = field(default_factory=lambda: word("p"))
    email: str = ""
    password: str = PASSWORD
    id: int = 0
    access_token: str = ""
    refresh_token: str = ""
    session_id: int = 0
    logged_in_at: float = 0

    def __post_init__(self) -> None:
        self.email = self.email or f"{self.username}@forum.example"

    def headers(self) -> dict[str, str]:
        return {**super().headers(), "Authorization": f"Bearer {self.access_token}"}

    def guest(self) -> Guest:
        """Somebody at the same address who has not logged in."""
        return Guest(self.http, self.address, self.patient)

    def register(self, **fields: Any) -> httpx.Response:
        body = {"username": self.username, "email": self.email, "password": self.password}
        response = self.guest().post("/api/users", json={**body, **fields})
        if response.status_code == 201:
            self.id = response.json()["id"]
        return response

    def log_in(self) -> "Person":
        """Start a session and speak in its name from now on."""
        response = self.guest().post(
            "/api/users/sessions", json={"login": self.username, "password": self.password}
        )
        assert response.status_code == 201, response.text
        session = response.json()
        self.access_token = session["access_token"]
        self.refresh_token = session["refresh_token"]
        self.session_id = session["session_id"]
        self.logged_in_at = time.monotonic()
        return self

    def with_fresh_token(self) -> "Person":
        """The same person, logged in again where the access token is about to end."""
        if time.monotonic() - self.logged_in_at > TOKEN_SECONDS:
            self.log_in()
        return self

    def made(self, path: str, **body: Any) -> JSON:
        """The thing that a POST made."""
        response = self.post(path, json=body)
        assert response.status_code == 201, response.text
        thing: JSON = response.json()
        return thing

    def open_topic(self, **fields: Any) -> JSON:
        body = {"title": "A title", "body": "Some text", "category": "general", "tags": []}
        return self.made("/api/topics", **{**body, **fields})

    def answer(self, topic: JSON, body: str = "An answer", **fields: Any) -> JSON:
        return self.made("/api/messages", topic_id=topic["id"], body=body, **fields)

    def do(self, method: str, path: str, **options: Any) -> None:
        """A request that answers 204."""
        response = self.request(method, path, **options)
        assert response.status_code == 204, response.text

    def etag(self, path: str) -> dict[str, str]:
        """The If-Match for a change of the thing as it is now."""
        response = self.get(path)
        assert response.status_code == 200, response.text
        return {"If-Match": response.headers["ETag"]}

    def change(self, path: str, **fields: Any) -> httpx.Response:
        """A PATCH on what one has just read."""
        return self.patch(path, json=fields, headers=self.etag(path))

    def remove(self, path: str) -> httpx.Response:
        """A DELETE on what one has just read."""
        return self.delete(path, headers=self.etag(path))


def promote(admin: Person, person: Person, role: str) -> None:
    """Give a role, which the person's next token says."""
    admin.do("PUT", f"/api/users/{person.id}/role", json={"role": role})
    person.log_in()


def await_moderation(person: Person, author: Person) -> None:
    """Wait until all parts of the forum let this person change what `author` wrote."""
    topic = author.open_topic(title=word())
    message = author.answer(topic)
    for path in (f"/api/topics/{topic['id']}", f"/api/messages/{message['id']}"):
        eventually(partial(may_change, person, path))


def may_change(person: Person, path: str) -> bool:
    """Whether a PATCH of this person lacks nothing but its If-Match."""
    return person.patch(path, json={}).status_code == 428
