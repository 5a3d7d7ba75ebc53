"""What requests cost the database, and that `openapi.json` is the code's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import dict_row
from users_harness import Service

from chassis import context, openapi
from chassis.database import Connection
from users import erasure_store, session_store, store
from users.app import create_app
from users.events import USER_UPDATED
from users.openapi import FILE, settings

MUCH = (
    """
    INSERT INTO users (username, email, display_name)
    SELECT 'name-' || number, 'name-' || number || '@forum.example', 'Name'
    FROM generate_series(1, 20000) AS number
    """,
    "INSERT INTO sessions (user_id, expires_at) SELECT id, now() FROM users",
    """
    INSERT INTO refresh_tokens (hash, session_id)
    SELECT sha256(id::text::bytea), id
    FROM sessions
    """,
    "INSERT INTO audit_log (action, target_id) SELECT 'user.suspended', id FROM users",
    """
    INSERT INTO outbox (type, subject, data)
    SELECT 'io.forum.user.updated.v1', id, '{}'
    FROM users
    """,
    """
    INSERT INTO idempotency_keys (owner, route, key, fingerprint, user_id)
    SELECT 'guest:192.0.2.1', 'POST /api/users', id, '', id
    FROM users
    """,
)
MODES = pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that requests run; the relay's are not of a request."""
    seen: list[str] = []
    execute = AsyncCursor.execute

    async def counted(cursor: Any, query: Any, *rest: Any, **options: Any) -> Any:
        if context.request_id.get() is not None:
            seen.append(str(query))
        return await execute(cursor, query, *rest, **options)

    monkeypatch.setattr(AsyncCursor, "execute", counted)
    return seen


async def test_a_request_runs_few_statements(service: Service, statements: list[str]) -> None:
    ada = await service.person("ada")
    refresh = {"refresh_token": ada.refresh_token}
    for method, path, body, most in (
        ("GET", "/api/users/1", None, 1),
        ("GET", "/api/users", None, 1),
        ("GET", "/api/users?q=a", None, 1),
        ("GET", "/api/users?ids=1,2", None, 1),
        ("GET", "/api/users/me", None, 1),
        ("GET", "/api/users/sessions", None, 2),
        ("GET", "/api/users/.well-known/jwks.json", None, 1),
        # The limit, the lock, the row, the change, the row as it is now, the event.
        ("PATCH", "/api/users/me", {"bio": "x"}, 6),
        ("POST", "/api/users/sessions/refresh", refresh, 2),
    ):
        statements.clear()
        answer = await ada.request(method, path, body)
        assert answer.status_code < 300, answer.text
        assert len(statements) <= most, statements


@asynccontextmanager
async def planned(
    url: str, monkeypatch: pytest.MonkeyPatch, mode: str
) -> AsyncIterator[tuple[Connection, list[str]]]:
    """A connection to a database with much in it, and the plans of what runs there."""
    plans: list[str] = []
    execute = AsyncCursor.execute

    async def explained(cursor: Any, query: Any, *values: Any, **_: Any) -> Any:
        await execute(cursor, b"EXPLAIN " + query.encode(), *values, prepare=True)
        plans.append("\n".join([row["QUERY PLAN"] for row in await cursor.fetchall()]))
        return await execute(cursor, query, *values)

    connecting = AsyncConnection[dict[str, Any]].connect(url, autocommit=True, row_factory=dict_row)
    async with await connecting as conn:
        for preparation in (*MUCH, "ANALYZE", f"SET plan_cache_mode = {mode}"):
            await conn.execute(preparation.encode())
        monkeypatch.setattr(AsyncCursor, "execute", explained)
        yield conn, plans
    for plan in plans:
        assert "Seq Scan" not in plan
        assert "(cost=" in plan


@MODES
async def test_people_are_found_by_an_index(
    database_url: str, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    async with planned(database_url, monkeypatch, mode) as (conn, plans):
        assert len(await store.list_by_name(conn, "NAME-12", "name-1250", 21)) == 21
        assert len(await store.list_by_id(conn, 10_000, 21)) == 21
        assert len(await store.list_by_ids(conn, [7, 8])) == 2
        assert await store.find_by_login(conn, "NAME-77@forum.example")
    assert len(plans) == 4


@MODES
async def test_an_erasure_finds_what_it_takes_away_by_an_index(
    database_url: str, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    async with planned(database_url, monkeypatch, mode) as (conn, plans):
        await erasure_store.forget_reasons(conn, 7)
        await erasure_store.forget_answers(conn, 7)
        await erasure_store.scrub_events(conn, 7, USER_UPDATED, {})
        await session_store.delete_all(conn, 7)
        await session_store.use_refresh_token(conn, bytes(32), datetime.now(UTC))
    assert len(plans) == 5


def test_the_committed_openapi_is_that_of_the_code() -> None:
    assert FILE.read_text(encoding="utf-8") == openapi.text(create_app(settings()))
