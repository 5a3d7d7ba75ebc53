"""What requests cost the database, and that `openapi.json` is the code's."""

from typing import Any

import pytest
from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import dict_row
from users_harness import Service

from chassis import context, openapi
from users import store
from users.app import create_app
from users.openapi import FILE, settings

MANY_PEOPLE = """
INSERT INTO users (username, email, display_name)
SELECT 'name-' || number, 'name-' || number || '@forum.example', 'Name'
FROM generate_series(1, 20000) AS number
"""


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


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
async def test_people_are_found_by_an_index(
    database_url: str, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    plans: list[str] = []
    execute = AsyncCursor.execute

    async def explained(cursor: Any, query: Any, *values: Any, **_: Any) -> Any:
        await execute(cursor, b"EXPLAIN " + query.encode(), *values, prepare=True)
        plans.append("\n".join([row["QUERY PLAN"] for row in await cursor.fetchall()]))
        return await execute(cursor, query, *values)

    connecting = AsyncConnection[dict[str, Any]].connect(
        database_url, autocommit=True, row_factory=dict_row
    )
    async with await connecting as conn:
        for preparation in (MANY_PEOPLE, "ANALYZE", f"SET plan_cache_mode = {mode}"):
            await conn.execute(preparation.encode())
        monkeypatch.setattr(AsyncCursor, "execute", explained)
        assert len(await store.list_by_name(conn, "NAME-12", "name-1250", 21)) == 21
        assert len(await store.list_by_id(conn, 10_000, 21)) == 21
        assert len(await store.list_by_ids(conn, [7, 8])) == 2
        assert await store.find_by_login(conn, "NAME-77@forum.example")
    assert len(plans) == 4
    for plan in plans:
        assert "Seq Scan" not in plan
        assert "(cost=" in plan


def test_the_committed_openapi_is_that_of_the_code() -> None:
    assert FILE.read_text(encoding="utf-8") == openapi.text(create_app(settings()))
