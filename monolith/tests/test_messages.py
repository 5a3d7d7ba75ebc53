"""The monolith's messages: what the contract cannot see, such as counts and order under load."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row
from pydantic import SecretStr

from chassis.testing import SECRET, Databases, running
from monolith.app import create_app
from monolith.settings import MIGRATIONS, Settings


@dataclass
class Forum:
    """The running monolith with three people and one topic."""

    client: httpx.AsyncClient
    url: str
    people: list[dict[str, Any]]
    topic_id: int = 0

    def rows(self, statement: str) -> list[dict[str, Any]]:
        """What the database says, past the API."""
        with psycopg.connect(self.url, autocommit=True, row_factory=dict_row) as conn:
            cursor = conn.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    async def post(self, who: int = 0, body: str = "Hello", **fields: Any) -> httpx.Response:
        """Answer in the topic."""
        message = {"topic_id": self.topic_id, "body": body, **fields}
        return await self.client.post(
            "/api/messages", json=message, headers=self.people[who]["headers"]
        )

    async def change(self, method: str, message_id: int, who: int = 0, **given: Any) -> int:
        """PATCH or DELETE of whatever version there is; the status."""
        headers = {**self.people[who]["headers"], "If-Match": "*"}
        path = f"/api/messages/{message_id}"
        return (await self.client.request(method, path, headers=headers, **given)).status_code

    async def topic(self) -> Any:
        """The topic as the API shows it."""
        return (await self.client.get(f"/api/topics/{self.topic_id}")).json()


async def _person(client: httpx.AsyncClient, name: str) -> dict[str, Any]:
    account = {"username": name, "email": f"{name}@example.org", "password": "correct horse"}
    made = (await client.post("/api/users", json=account)).json()
    login = {"login": name, "password": "correct horse"}
    tokens = (await client.post("/api/users/sessions", json=login)).json()
    return {**made, "headers": {"Authorization": f"Bearer {tokens['access_token']}"}}


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """The URL of a new database."""
    url = databases.create(MIGRATIONS)
    yield url
    databases.drop(url)


@pytest.fixture
async def forum(database_url: str) -> AsyncIterator[Forum]:
    """The running monolith."""
    settings = Settings(
        environment="development",
        database_url=SecretStr(database_url),
        idempotency_secret=SecretStr(SECRET),
        writes_burst=10_000,
        writes_per_second=10_000.0,
    )
    async with running(create_app(settings)) as client:
        people = [await _person(client, name) for name in ("ada", "bob", "cyd")]
        made = Forum(client, database_url, people)
        topic = {"title": "First topic", "body": "Text", "category": "general", "tags": []}
        opened = await client.post("/api/topics", json=topic, headers=people[0]["headers"])
        assert opened.status_code == 201, opened.text
        made.topic_id = opened.json()["id"]
        yield made


async def test_fifty_posts_at_once_take_the_positions_one_to_fifty(forum: Forum) -> None:
    answers = await asyncio.gather(*(forum.post(number % 3) for number in range(50)))
    assert {answer.status_code for answer in answers} == {201}
    messages = sorted((answer.json() for answer in answers), key=lambda item: item["position"])
    assert [message["position"] for message in messages] == list(range(1, 51))
    moments = [message["created_at"] for message in messages]
    assert moments == sorted(moments)
    topic = await forum.topic()
    assert topic["message_count"] == 50
    assert topic["last_activity_at"] == moments[-1]
    counts = forum.rows("SELECT message_count FROM users ORDER BY id")
    assert [row["message_count"] for row in counts] == [17, 17, 16]


async def test_a_refused_post_counts_nothing(forum: Forum) -> None:
    refused = [await forum.post(body=""), await forum.post(reply_to=99), await forum.post(body=" ")]
    assert {answer.status_code for answer in refused} == {422}
    forum.rows("UPDATE topics SET locked = true")
    assert (await forum.post()).status_code == 409
    forum.rows("UPDATE topics SET locked = false")
    assert (await forum.post()).json()["position"] == 1


async def test_deleting_the_newest_moves_the_topic_back(forum: Forum) -> None:
    opened = await forum.topic()
    first = (await forum.post(0)).json()
    second = (await forum.post(1)).json()
    assert await forum.change("DELETE", second["id"], who=1) == 204
    topic = await forum.topic()
    assert (topic["message_count"], topic["last_activity_at"]) == (1, first["created_at"])
    assert topic["last_author"]["username"] == "ada"
    assert await forum.change("DELETE", first["id"]) == 204
    topic = await forum.topic()
    assert (topic["message_count"], topic["last_author"]) == (0, None)
    assert topic["last_activity_at"] == opened["created_at"]
    assert (await forum.post()).json()["position"] == 3
    [ada] = forum.rows("SELECT message_count FROM users WHERE username = 'ada'")
    assert ada["message_count"] == 1


async def test_what_a_moderator_does_is_in_the_audit_log(forum: Forum) -> None:
    message = (await forum.post(0)).json()
    assert await forum.change("PATCH", message["id"], who=1, json={"body": "No"}) == 403
    forum.rows("UPDATE users SET role = 'moderator' WHERE username = 'bob'")
    assert await forum.change("PATCH", message["id"], who=1, json={"body": "Moderated"}) == 200
    assert await forum.change("PATCH", message["id"], who=0, json={"body": "My own"}) == 200
    revisions = (await forum.client.get(f"/api/messages/{message['id']}/revisions")).json()
    assert [
        (item["version"], item["body"], item["editor"]["username"]) for item in revisions["items"]
    ] == [(3, "My own", "ada"), (2, "Moderated", "bob"), (1, "Hello", "ada")]
    assert await forum.change("DELETE", message["id"], who=1) == 204
    log = forum.rows("SELECT * FROM audit_log WHERE domain = 'messages' ORDER BY id")
    assert [(row["action"], row["actor_id"], row["target_id"]) for row in log] == [
        ("message.edited", forum.people[1]["id"], message["id"]),
        ("message.deleted", forum.people[1]["id"], message["id"]),
    ]
    assert forum.rows("SELECT version FROM revisions") == []


async def test_reactions_at_once_are_counted_once_each(forum: Forum) -> None:
    message = (await forum.post()).json()
    path = f"/api/messages/{message['id']}/reactions/🎉"
    answers = await asyncio.gather(
        *(forum.client.put(path, headers=forum.people[who % 3]["headers"]) for who in range(12))
    )
    assert {answer.status_code for answer in answers} == {204}
    shown = (await forum.client.get(f"/api/messages/{message['id']}")).json()
    assert (shown["reactions"], shown["version"]) == ({"🎉": 3}, 1)
    for person in forum.people:
        await forum.client.delete(path, headers=person["headers"])
    shown = (await forum.client.get(f"/api/messages/{message['id']}")).json()
    assert shown["reactions"] == {}


async def test_messages_of_a_deleted_topic_are_in_no_list(forum: Forum) -> None:
    message = (await forum.post(body="rarely said")).json()
    forum.rows("UPDATE topics SET deleted_at = now()")
    for query in ("", "?author_id=1", "/search?q=rarely"):
        assert (await forum.client.get(f"/api/messages{query}")).json()["items"] == []
    for path in (f"?topic_id={forum.topic_id}", f"/{message['id']}", f"/{message['id']}/revisions"):
        answer = await forum.client.get(f"/api/messages{path}")
        assert (answer.status_code, answer.json()["code"]) == (410, "topic_deleted")
    assert (await forum.post()).status_code == 410
    assert await forum.change("PATCH", message["id"], json={"body": "x"}) == 410
