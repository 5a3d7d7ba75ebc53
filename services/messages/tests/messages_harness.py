"""The messages service as the tests know it: real database, its HTTP, and neighbours that answer.

A neighbour is a small server on a socket of its own that says what a test tells it to say.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
import psycopg
from fastapi import FastAPI
from psycopg.rows import dict_row
from pydantic import SecretStr
from pydantic_core import from_json, to_json

from chassis.internal import sign
from chassis.testing import SECRET, Signer, listening, running
from messages.app import create_app
from messages.settings import Settings


@dataclass
class Topics:
    """Stands where the topics service stands: what it knows, and how it behaves."""

    known: dict[int, dict[str, Any]] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)
    status: int = 200
    hangs: asyncio.Event | None = None
    snapshot: list[dict[str, Any]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI application: it answers /internal/topic and /internal/snapshot."""
        body = from_json((await receive())["body"])
        if self.hangs is not None:
            await self.hangs.wait()
        if self.status != 200:
            return await _respond(send, self.status, b"{}")
        if scope["path"] == "/internal/snapshot":
            lines = [{"seq": 1}, *self.snapshot]
            return await _respond(send, 200, b"\n".join(map(to_json, lines)) + b"\n")
        if scope["path"] != "/internal/topic":
            return await _respond(send, 200, to_json({"refused": []}))
        self.asked.append(body["id"])
        topic = self.known.get(body["id"])
        return await _respond(send, 404 if topic is None else 200, to_json(topic))


async def _respond(send: Any, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def topic_updated(topic_id: int, version: int = 1, **changes: Any) -> dict[str, Any]:
    """What the topics service says of a topic."""
    title = f"Topic {topic_id}"
    return {
        "id": topic_id, "title": title, "locked": False, "deleted": False, "version": version,
        **changes,
    }  # fmt: skip


def user_updated(user_id: int, version: int = 1, **changes: Any) -> dict[str, Any]:
    """What the users service says of a person."""
    return {
        "id": user_id, "username": f"name-{user_id}", "display_name": f"Name {user_id}",
        "avatar_url": None, "role": "member", "state": "active", "suspended_until": None,
        "version": version, **changes,
    }  # fmt: skip


def moments(data: dict[str, Any]) -> dict[str, Any]:
    """The data of an event with its time as such: there is more than one way to write it."""
    text = data.get("last_activity_at")
    return {**data, "last_activity_at": datetime.fromisoformat(text)} if text else data


TYPES = {"users": "io.forum.user.updated.v1", "topics": "io.forum.topic.updated.v1"}


def cloud_event(source: str, data: dict[str, Any]) -> dict[str, Any]:
    """An event with an id of its own, as the source's relay sends it."""
    return {
        "specversion": "1.0", "id": str(uuid.uuid4()), "source": source, "type": TYPES[source],
        "subject": str(data["id"]), "data": data,
    }  # fmt: skip


@dataclass
class Service:
    """The running service, and what a test does with it."""

    app: FastAPI
    client: httpx.AsyncClient
    signer: Signer
    url: str
    settings: Settings
    topics: Topics

    def rows(self, statement: str, values: Any = None) -> list[dict[str, Any]]:
        """What the database says, past the service."""
        with psycopg.connect(self.url, autocommit=True, row_factory=dict_row) as conn:
            cursor = conn.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    async def internal(self, path: str, body: bytes, secret: str = SECRET) -> httpx.Response:
        """A signed call, as another service makes it."""
        timestamp = int(time.time())
        headers = {
            "content-type": "application/json",
            "webhook-id": "msg_1",
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(SecretStr(secret), "msg_1", timestamp, body),
        }
        return await self.client.post(path, content=body, headers=headers)

    async def deliver(self, *events: dict[str, Any]) -> list[dict[str, Any]]:
        """Hand over a batch of events; what was refused."""
        answer = await self.internal("/internal/events", to_json(events))
        assert answer.status_code == 200, answer.text
        refused: list[dict[str, Any]] = answer.json()["refused"]
        return refused

    async def hear_topic(self, topic_id: int, version: int = 1, **changes: Any) -> None:
        """Let the service know of a topic."""
        assert not await self.deliver(
            cloud_event("topics", topic_updated(topic_id, version, **changes))
        )

    async def hear_user(self, user_id: int, version: int = 1, **changes: Any) -> None:
        """Let the service know of a person."""
        assert not await self.deliver(
            cloud_event("users", user_updated(user_id, version, **changes))
        )

    def caller(self, user_id: int = 1, role: str = "member") -> dict[str, str]:
        """The headers of a person's request."""
        return self.signer.headers(user_id, f"claimed-{user_id}", role)

    async def post(
        self, topic_id: int = 7, body: str = "Hello", user_id: int = 1, **fields: Any
    ) -> httpx.Response:
        """Answer in a topic."""
        return await self.client.post(
            "/api/messages",
            json={"topic_id": topic_id, "body": body, **fields},
            headers=self.caller(user_id),
        )

    async def posted(self, topic_id: int = 7, body: str = "Hello", user_id: int = 1) -> Any:
        """A message that is there now."""
        answer = await self.post(topic_id, body, user_id)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def change(
        self, method: str, message_id: int, user_id: int = 1, role: str = "member", **given: Any
    ) -> httpx.Response:
        """PATCH or DELETE of whatever version there is."""
        headers = {**self.caller(user_id, role), "If-Match": "*"}
        path = f"/api/messages/{message_id}"
        return await self.client.request(method, path, headers=headers, **given)

    def outbox(self, kind: str) -> list[dict[str, Any]]:
        """The data of the events of a type, in the order of writing."""
        rows = self.rows("SELECT data FROM outbox WHERE type = %s ORDER BY id", [kind])
        return [moments(row["data"]) for row in rows]


@asynccontextmanager
async def messages_service(url: str, signer: Signer, **settings: Any) -> AsyncIterator[Service]:
    """The service on this database, with a neighbour that answers for topics."""
    topics = Topics()
    async with listening(topics) as address:
        chosen = Settings(
            environment="development",
            database_url=SecretStr(url),
            idempotency_secret=SecretStr(SECRET),
            internal_secrets=[SecretStr(SECRET)],
            users_url=address,
            topics_url=address,
            **{"writes_burst": 10_000, "writes_per_second": 10_000.0, **settings},
        )
        app = create_app(chosen)
        async with running(app) as client:
            yield Service(app, client, signer, url, chosen, topics)
