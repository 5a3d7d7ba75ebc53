"""The topics service as its tests know it: a real database, its HTTP, and what others tell it."""

import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
from psycopg.rows import dict_row
from pydantic import SecretStr
from pydantic_core import to_json

from chassis.internal import sign
from chassis.testing import SECRET, Signer, running
from topics.app import create_app
from topics.settings import Settings

NOBODY = "http://127.0.0.1:9"
TYPES = {"users": "io.forum.user.updated.v1", "messages": "io.forum.topic.activity.v1"}


def user(user_id: int, version: int = 1, **changes: Any) -> dict[str, Any]:
    """What the users service says of a person."""
    return {
        "id": user_id, "username": f"name-{user_id}", "display_name": f"Name {user_id}",
        "avatar_url": None, "role": "member", "state": "active", "suspended_until": None,
        "version": version, **changes,
    }  # fmt: skip


def activity(topic_id: int, version: int = 1, **changes: Any) -> dict[str, Any]:
    """What the messages service says of a topic."""
    return {
        "topic_id": topic_id, "message_count": version, "last_author_id": 2,
        "last_activity_at": f"2031-01-01T00:00:{version:02}Z", "version": version, **changes,
    }  # fmt: skip


def cloud_event(source: str, data: Any) -> dict[str, Any]:
    """An event with an id of its own, as the source's relay sends it."""
    return {
        "specversion": "1.0", "id": str(uuid.uuid4()), "source": source, "type": TYPES[source],
        "subject": "1", "data": data,
    }  # fmt: skip


def settings(database_url: str, neighbour: str = NOBODY) -> Settings:
    """The service's settings; where nobody is named, nobody answers."""
    return Settings(
        environment="development",
        database_url=SecretStr(database_url),
        idempotency_secret=SecretStr(SECRET),
        internal_secrets=[SecretStr(SECRET)],
        users_url=neighbour,
        messages_url=neighbour,
        writes_burst=10_000,
        writes_per_second=10_000,
    )


@dataclass
class Service:
    """The running service, and what a test does with it."""

    client: httpx.AsyncClient
    signer: Signer
    url: str

    def rows(self, statement: str, values: Any = None) -> list[dict[str, Any]]:
        """What the database says, past the service."""
        with psycopg.connect(self.url, autocommit=True, row_factory=dict_row) as conn:
            cursor = conn.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def told(self, kind: str) -> list[dict[str, Any]]:
        """The data of the events of a type, in the order of writing."""
        statement = "SELECT data FROM outbox WHERE type = %s ORDER BY id"
        return [row["data"] for row in self.rows(statement, [f"io.forum.{kind}.v1"])]

    async def internal(self, path: str, content: Any, secret: str = SECRET) -> httpx.Response:
        """A signed call, as another service makes it."""
        body, timestamp = to_json(content), int(time.time())
        headers = {
            "content-type": "application/json",
            "webhook-id": "msg_1",
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(SecretStr(secret), "msg_1", timestamp, body),
        }
        return await self.client.post(path, content=body, headers=headers)

    async def deliver(self, *events: dict[str, Any]) -> list[dict[str, Any]]:
        """Hand over a batch of events; what was refused."""
        answer = await self.internal("/internal/events", events)
        assert answer.status_code == 200, answer.text
        refused: list[dict[str, Any]] = answer.json()["refused"]
        return refused

    async def hear(self, source: str, *data: dict[str, Any]) -> None:
        """Let the service hear of these states, one after the other."""
        assert await self.deliver(*(cloud_event(source, each) for each in data)) == []

    async def ask(
        self, method: str, path: str, user_id: int = 1, role: str = "member", **given: Any
    ) -> httpx.Response:
        """A request of a person, for whatever version there is."""
        headers = {"If-Match": "*", **self.signer.headers(user_id, f"claimed-{user_id}", role)}
        headers |= given.pop("headers", {})
        return await self.client.request(method, f"/api/topics{path}", headers=headers, **given)

    async def open(self, user_id: int = 1, **fields: Any) -> Any:
        """A new topic."""
        new = {"title": "A title", "body": "A text", "category": "general", "tags": [], **fields}
        answer = await self.ask("POST", "", user_id, json=new)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def read(self, path: str = "", **params: Any) -> Any:
        """What a guest sees."""
        answer = await self.client.get(f"/api/topics{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()


@asynccontextmanager
async def topics_service(url: str, signer: Signer) -> AsyncIterator[Service]:
    """The service on this database; no other service answers it."""
    signer.publish(url)
    async with running(create_app(settings(url))) as client:
        yield Service(client, signer, url)
