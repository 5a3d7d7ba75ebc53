"""Forums to be fuzzed, with people and things in them."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from forum.instance import Forum, Mode
from forum.people import make_admin

PASSWORD = "only for a forum that ends with the tests"
# What is tested here is not the limits.
PLENTY = {
    "WRITES_BURST": "1000000",
    "WRITES_PER_SECOND": "10000",
    "REGISTRATIONS_PER_ADDRESS": "100000",
    "LOGINS_PER_ADDRESS": "100000",
    "LOGINS_PER_ACCOUNT": "100000",
}
# Enough that some are left when others were deleted.
THINGS = 40
# Whom moderators may suspend: the people who fuzz stay as they are.
BYSTANDER = 2


@dataclass
class Fuzzed:
    """A forum with a few topics and messages in it, and the headers of whoever asks.

    `addresses` are those of the gateway and of what is behind it.
    """

    url: str
    addresses: list[str]
    people: dict[str, dict[str, str]]


FindForum = Callable[[Mode], Fuzzed]


@pytest.fixture(scope="session")
def find_forum() -> Iterator[FindForum]:
    """The forum of a kind, started when it is first asked for."""
    running: dict[Mode, tuple[Forum, Fuzzed]] = {}

    def find(mode: Mode) -> Fuzzed:
        if mode not in running:
            forum = Forum(mode=mode, environment="production", env=PLENTY)
            forum.__enter__()
            running[mode] = forum, _fill(forum)
        return running[mode][1]

    yield find
    for forum, _ in running.values():
        forum.close()


@pytest.fixture(params=["monolith", "services"])
def fuzzed(request: pytest.FixtureRequest, find_forum: FindForum) -> Fuzzed:
    """Each kind of forum in turn."""
    return find_forum(request.param)


def _fill(forum: Forum) -> Fuzzed:
    make_admin(forum, "admin", PASSWORD)
    with httpx.Client(base_url=forum.url, timeout=30) as http:
        people = {name: _person(http, name) for name in ("bystander", "member", "moderator")}
        del people["bystander"]
        moderator = http.get("/api/users", params={"q": "moderator"}).json()["items"][0]["id"]
        path, admin = f"/api/users/{moderator}/role", _log_in(http, "admin")
        http.put(path, json={"role": "moderator"}, headers=admin).raise_for_status()
        people["moderator"] = _log_in(http, "moderator")
        for number in range(THINGS):
            _write(http, people["member"], f"Number {number}")
    addresses = [forum.url, *(part.url for part in forum.services.values())]
    return Fuzzed(forum.url, addresses, {"guest": {}, **people})


def _person(http: httpx.Client, name: str) -> dict[str, str]:
    body = {"username": name, "email": f"{name}@forum.example", "password": PASSWORD}
    http.post("/api/users", json=body).raise_for_status()
    return _log_in(http, name)


def _log_in(http: httpx.Client, name: str) -> dict[str, str]:
    answer = http.post("/api/users/sessions", json={"login": name, "password": PASSWORD})
    return {"Authorization": f"Bearer {answer.raise_for_status().json()['access_token']}"}


def _write(http: httpx.Client, author: dict[str, str], text: str) -> None:
    new: dict[str, Any] = {"title": text, "body": text, "category": "general", "tags": ["text"]}
    topic = http.post("/api/topics", json=new, headers=author).raise_for_status().json()
    answer = {"topic_id": topic["id"], "body": text}
    # A 503 says that messages has not heard of the topic yet and could not ask.
    while (made := http.post("/api/messages", json=answer, headers=author)).status_code == 503:
        time.sleep(int(made.headers["Retry-After"]))
    made.raise_for_status()
