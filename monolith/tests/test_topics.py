"""The monolith's topics: counts in the same transaction, who may, and an index for every list."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row
from pydantic import SecretStr

from chassis.database import conninfo
from chassis.testing import SECRET, Databases, running
from monolith.app import create_app
from monolith.settings import MIGRATIONS, Settings
from monolith.topics.list_store import SORTS, Sort, list_statement

PASSWORD = "correct horse"


@dataclass
class Forum:
    """The running monolith."""

    client: httpx.AsyncClient
    url: str

    def rows(self, statement: str) -> list[dict[str, Any]]:
        """What the database says, past the API."""
        with psycopg.connect(self.url, autocommit=True, row_factory=dict_row) as conn:
            cursor = conn.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    async def person(self, name: str) -> "Person":
        """Somebody new, logged in."""
        account = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
        made = (await self.client.post("/api/users", json=account)).json()
        login = {"login": name, "password": PASSWORD}
        tokens = (await self.client.post("/api/users/sessions", json=login)).json()
        return Person(self.client, made["id"], tokens["access_token"])

    async def read(self, path: str) -> Any:
        """What a guest sees."""
        return (await self.client.get(path)).json()


@dataclass
class Person:
    """Somebody who is logged in."""

    client: httpx.AsyncClient
    id: int
    token: str

    async def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """A request, for whatever version there is."""
        headers = {"Authorization": f"Bearer {self.token}", "If-Match": "*"}
        return await self.client.request(method, f"/api/topics{path}", json=body, headers=headers)

    async def open(self, **fields: Any) -> Any:
        """A new topic."""
        new = {"title": "A title", "body": "A text", "category": "general", **fields}
        return (await self.ask("POST", "", new)).json()


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
    )
    async with running(create_app(settings)) as client:
        yield Forum(client, database_url)


async def test_counts_move_with_the_topic(forum: Forum) -> None:
    ada, bob = [await forum.person(name) for name in ("ada", "bob")]
    topics = await asyncio.gather(*(ada.open() for _ in range(5)), *(bob.open() for _ in range(2)))

    async def counts() -> tuple[int, int, int]:
        [general] = (await forum.read("/api/topics/categories"))["items"]
        people = [await forum.read(f"/api/users/{person.id}") for person in (ada, bob)]
        return (general["topic_count"], people[0]["topic_count"], people[1]["topic_count"])

    assert await counts() == (7, 5, 2)
    deleted = await asyncio.gather(*(ada.ask("DELETE", f"/{topics[0]['id']}") for _ in range(4)))
    assert sorted(answer.status_code for answer in deleted) == [204, 410, 410, 410]
    refused = await bob.ask("POST", "", {"title": "Title", "body": "Text", "category": "nowhere"})
    assert refused.status_code == 422
    assert await counts() == (6, 4, 2)


async def test_rights_are_those_of_this_moment_whatever_the_token_says(forum: Forum) -> None:
    ada = await forum.person("ada")
    topic = await ada.open()
    path = f"/{topic['id']}"
    assert (await ada.ask("PUT", f"{path}/pin")).json()["code"] == "role_required"
    forum.rows("UPDATE users SET role = 'moderator'")
    assert (await ada.ask("PUT", f"{path}/pin")).status_code == 204
    forum.rows("UPDATE users SET suspended = true, suspended_until = now() + interval '1 hour'")
    assert (await ada.ask("DELETE", path)).json()["code"] == "suspended"
    assert (await forum.read(f"/api/topics{path}"))["author"]["state"] == "suspended"
    forum.rows("UPDATE users SET suspended_until = now() - interval '1 hour'")
    assert (await forum.read(f"/api/topics{path}"))["author"]["state"] == "active"
    assert (await ada.ask("PATCH", path, {"title": "Another"})).status_code == 200
    forum.rows("UPDATE users SET erased_at = now(), role = 'member'")
    assert (await ada.ask("DELETE", path)).json()["code"] == "account_erased"


async def test_what_moderators_do_is_in_the_audit_log(forum: Forum) -> None:
    ada, bob = [await forum.person(name) for name in ("ada", "bob")]
    forum.rows("UPDATE users SET role = 'moderator' WHERE username = 'bob'")
    path = f"/{(await ada.open())['id']}"
    await ada.ask("PATCH", path, {"title": "Her own"})
    await bob.ask("PATCH", path, {"title": "Better"})
    await bob.ask("PUT", f"{path}/lock")
    await bob.ask("PUT", f"{path}/lock")
    await bob.ask("DELETE", path)
    lines = forum.rows("SELECT actor_id, action FROM audit_log WHERE domain = 'topics' ORDER BY id")
    assert lines == [
        {"actor_id": bob.id, "action": action}
        for action in ("topic.change", "topic.lock", "topic.delete")
    ]


MADE = (
    """
    INSERT INTO users (username, display_name)
    SELECT 'name-' || number, 'Name'
    FROM generate_series(1, 500) AS number
    """,
    """
    INSERT INTO categories (slug, name)
    SELECT 'category-' || number, 'Name'
    FROM generate_series(0, 4) AS number
    """,
    """
    INSERT INTO topics (
        title, slug, body, body_html, excerpt, category, tags, author_id, last_activity_at,
        created_at
    )
    SELECT
        'Title', 'title', 'Text', '<p>Text</p>', 'Text', 'category-' || number % 5,
        ARRAY['tag-' || number % 300], 1 + number % 500, now() - number * interval '1 minute',
        now() - number * interval '7 minutes'
    FROM generate_series(1, 10000) AS number
    """,
    "ANALYZE",
)
VALUES = {
    "category": "category-3", "tag": "tag-3", "author_id": 3, "pinned": False, "id": 5000,
    "last_activity_at": "2020-01-01T00:00:00Z", "created_at": "2020-01-01T00:00:00Z",
}  # fmt: skip
FILTERS = [
    filters
    for number in range(4)
    for filters in itertools.combinations(("category", "tag", "author_id"), number)
]


@pytest.fixture(scope="module")
def large(databases: Databases) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """A database with many topics."""
    url = databases.create(MIGRATIONS)
    with psycopg.connect(conninfo(url, "tests"), autocommit=True, row_factory=dict_row) as conn:
        for statement in MADE:
            conn.execute(statement)
        yield conn
    databases.drop(url)


@pytest.mark.parametrize("further", [False, True])
@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("sort", SORTS)
def test_every_list_reads_an_index(
    large: psycopg.Connection[dict[str, Any]],
    sort: Sort,
    filters: tuple[str, ...],
    further: bool,
) -> None:
    statement = list_statement(sort, frozenset(filters), 21, further=further)
    plan = large.execute(f"EXPLAIN {statement}".encode(), VALUES).fetchall()
    assert "Seq Scan" not in "\n".join(row["QUERY PLAN"] for row in plan)
