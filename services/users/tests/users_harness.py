"""The users service as the tests know it: its HTTP, its database, and the people in it."""

import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
from psycopg.rows import dict_row
from pydantic import SecretStr
from pydantic_core import to_json

from chassis.internal import sign
from chassis.testing import SECRET, running
from users.app import create_app
from users.settings import Settings

PASSWORD = "correct horse battery"
NOWHERE = "http://127.0.0.1:9"


def settings_for(url: str, **changes: Any) -> Settings:
    """Settings of a service on this database whose neighbours are down."""
    values = {
        "environment": "development",
        "database_url": SecretStr(url),
        "idempotency_secret": SecretStr(SECRET),
        "internal_secrets": [SecretStr(SECRET)],
        "topics_url": NOWHERE,
        "messages_url": NOWHERE,
        "registrations_per_address": 1000,
        "logins_per_account": 1000,
        "logins_per_address": 1000,
        **changes,
    }
    return Settings(**values)


@dataclass
class Person:
    """Somebody who is logged in."""

    client: httpx.AsyncClient
    id: int
    username: str
    session_id: int
    access_token: str
    refresh_token: str

    async def request(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """A request of this person, of whatever version there is."""
        headers = {"Authorization": f"Bearer {self.access_token}", "If-Match": "*"}
        return await self.client.request(method, path, json=body, headers=headers)

    async def me(self) -> Any:
        """His profile."""
        return (await self.request("GET", "/api/users/me")).json()

    async def erase(self, password: str = PASSWORD) -> httpx.Response:
        """Erase himself."""
        return await self.request("DELETE", "/api/users/me", {"password": password})


@dataclass
class Service:
    """The running service, and what a test does with it."""

    client: httpx.AsyncClient
    url: str

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """What the database says, past the service."""
        with psycopg.connect(self.url, autocommit=True, row_factory=dict_row) as conn:
            cursor = conn.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    async def register(self, username: str, **options: Any) -> httpx.Response:
        """Register somebody."""
        body = {
            "username": username,
            "email": f"{username}@forum.example",
            "password": PASSWORD,
        }
        return await self.client.post("/api/users", json=body, **options)

    async def log_in(self, login: str, password: str = PASSWORD) -> httpx.Response:
        """Try to log in."""
        body = {"login": login, "password": password}
        return await self.client.post("/api/users/sessions", json=body)

    async def logged_in(self, username: str, user_id: int) -> Person:
        """A further session of somebody."""
        answer = await self.log_in(username)
        assert answer.status_code == 201, answer.text
        tokens = answer.json()
        return Person(
            self.client,
            user_id,
            username,
            tokens["session_id"],
            tokens["access_token"],
            tokens["refresh_token"],
        )

    async def person(self, username: str, role: str = "member") -> Person:
        """Somebody new, logged in, with a role."""
        answer = await self.register(username)
        assert answer.status_code == 201, answer.text
        user_id = answer.json()["id"]
        self.rows("UPDATE users SET role = %s WHERE id = %s", (role, user_id))
        return await self.logged_in(username, user_id)

    async def refresh(self, token: str) -> httpx.Response:
        """Use a refresh token."""
        return await self.client.post("/api/users/sessions/refresh", json={"refresh_token": token})

    async def internal(self, path: str, content: Any) -> httpx.Response:
        """A signed call, as another service makes it."""
        body, timestamp = to_json(content), int(time.time())
        headers = {
            "content-type": "application/json",
            "webhook-id": "msg_1",
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(SecretStr(SECRET), "msg_1", timestamp, body),
        }
        return await self.client.post(path, content=body, headers=headers)

    async def is_blocked(self) -> bool:
        """Whether anything waits for a lock."""
        return bool(self.rows("SELECT pid FROM pg_locks WHERE NOT granted"))

    def told(self, user_id: int) -> list[dict[str, Any]]:
        """The data of the events about somebody, in the order of writing."""
        rows = self.rows("SELECT data FROM outbox WHERE subject = %s ORDER BY id", (str(user_id),))
        return [row["data"] for row in rows]


def cloud_event(source: str, kind: str, data: Any) -> dict[str, Any]:
    """An event with an id of its own, as the source's relay sends it."""
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": source,
        "type": kind,
        "data": data,
    }


@asynccontextmanager
async def users_service(url: str, **settings: Any) -> AsyncIterator[Service]:
    """The service on this database, running."""
    async with running(create_app(settings_for(url, **settings))) as client:
        yield Service(client, url)
