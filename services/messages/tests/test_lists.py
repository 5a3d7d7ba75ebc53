"""Lists: their order and bounds, what they leave out, and what they cost the database."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from messages_harness import Service
from psycopg import AsyncCursor
from psycopg.rows import dict_row

from chassis import context
from chassis.database import conninfo
from chassis.testing import Databases
from messages.list_store import everywhere_statement, search_statement, topic_statement
from messages.settings import MIGRATIONS

MESSAGES = 20_000


async def positions(service: Service, **query: Any) -> list[int]:
    """The positions on all pages of a list of topic 7."""
    found: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await service.client.get(
            "/api/messages", params={"topic_id": 7, "limit": 3, **query, **cursor}
        )
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += [item["position"] for item in page["items"]]
        if page["next_cursor"] is None:
            assert "link" not in answer.headers
            return found
        assert len(page["items"]) == 3
        assert f"cursor={page['next_cursor']}" in answer.headers["link"]
        cursor = {"cursor": page["next_cursor"]}


async def test_pages_of_a_topic(service: Service) -> None:
    for number in range(10):
        await service.posted(user_id=number % 2)
    [third] = service.rows("SELECT id FROM messages WHERE position = 3")
    await service.change("DELETE", third["id"], user_id=0)
    whole = list(range(1, 11))
    assert await positions(service) == whole
    assert await positions(service, order="desc") == whole[::-1]
    assert await positions(service, **{"from": 8}) == [8, 9, 10]
    assert await positions(service, order="desc", **{"from": 4}) == [4, 3, 2, 1]
    assert await positions(service, **{"from": 11}) == []
    assert await positions(service, **{"from": 10**30}) == []
    assert await positions(service, author_id=0) == [1, 5, 7, 9]
    assert await positions(service, author_id=0, order="desc") == [9, 7, 5, 1]
    assert await positions(service, author_id=99) == []


async def test_lists_of_all_topics_leave_out_what_is_deleted(service: Service) -> None:
    await service.hear_topic(8)
    ids = [(await service.posted(topic_id=7 + n % 2, user_id=n % 3))["id"] for n in range(9)]
    await service.change("DELETE", ids[4], user_id=1)

    async def listed(path: str = "", **query: Any) -> list[int]:
        answer = await service.client.get(f"/api/messages{path}", params=query)
        return [item["id"] for item in answer.json()["items"]]

    living = [number for number in ids if number != ids[4]]
    assert await listed() == living[::-1]
    assert await listed(order="asc") == living
    assert await listed("/search", q="hello") == living[::-1]
    assert await listed(author_id=1) == [ids[7], ids[1]]
    assert await listed(author_id=1, order="asc") == [ids[1], ids[7]]
    await service.hear_topic(8, 2, deleted=True)
    assert await listed() == [ids[8], ids[6], ids[2], ids[0]]
    assert await listed("/search", q="hello") == [ids[8], ids[6], ids[2], ids[0]]


async def test_a_position_needs_a_topic(service: Service) -> None:
    answer = await service.client.get("/api/messages", params={"from": 3})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/from"


async def test_a_message_posted_meanwhile_moves_no_page(service: Service) -> None:
    for _ in range(6):
        await service.posted()
    first = (await service.client.get("/api/messages", params={"topic_id": 7, "limit": 3})).json()
    await service.posted()
    second = await service.client.get(
        "/api/messages", params={"topic_id": 7, "limit": 3, "cursor": first["next_cursor"]}
    )
    assert [item["position"] for item in second.json()["items"]] == [4, 5, 6]


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What requests send to the database, in order; not what the relay does meanwhile."""
    sent: list[str] = []
    execute = AsyncCursor.execute

    async def counted(self: Any, query: Any, *given: Any, **options: Any) -> Any:
        if context.request_id.get() is not None:
            sent.append(" ".join(str(query).split())[:60])
        return await execute(self, query, *given, **options)

    monkeypatch.setattr(AsyncCursor, "execute", counted)
    return sent


async def test_how_many_statements_a_request_takes(service: Service, statements: list[str]) -> None:
    message = await service.posted()
    for path, most in (
        ("?topic_id=7", 1),
        ("?topic_id=7&from=100", 1),
        ("?author_id=1", 1),
        ("", 1),
        (f"/{message['id']}", 1),
        (f"/{message['id']}/revisions", 2),
    ):
        del statements[:]
        assert (await service.client.get(f"/api/messages{path}")).status_code == 200
        assert len(statements) <= most, statements
    del statements[:]
    await service.posted()
    # The limit, and the message with its counts and events.
    assert len(statements) == 2, statements


@pytest.fixture(scope="module")
def large(databases: Databases) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """A database with many messages, all in one topic."""
    url = databases.create(MIGRATIONS)
    with psycopg.connect(conninfo(url, "tests"), autocommit=True, row_factory=dict_row) as conn:
        conn.execute(
            """
            INSERT INTO authors (id, username, display_name, version)
            SELECT number, 'name-' || number, 'Name', 1
            FROM generate_series(0, 1999) AS number
            """
        )
        conn.execute("INSERT INTO topics (id, version) SELECT generate_series(1, 2000), 1")
        conn.execute(
            """
            INSERT INTO messages (topic_id, position, author_id, body, body_html)
            SELECT 7, number, number %% 2000, 'common word-' || number, 'Text'
            FROM generate_series(1, %s) AS number
            """,
            (MESSAGES,),
        )
        conn.execute("ANALYZE")
        yield conn
    databases.drop(url)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's node and all below it."""
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


@pytest.mark.parametrize("by_author", [False, True])
@pytest.mark.parametrize("ascending", [False, True])
@pytest.mark.parametrize("start", [1, MESSAGES // 2, MESSAGES])
@pytest.mark.parametrize("build", [topic_statement, everywhere_statement])
def test_every_list_reads_an_index_and_no_more_rows_than_it_gives(
    large: psycopg.Connection[dict[str, Any]],
    build: Any,
    start: int,
    ascending: bool,
    by_author: bool,
) -> None:
    statement = build(21, ascending=ascending, by_author=by_author)
    values = {"topic_id": 7, "author_id": 3, "start": start}
    for mode in ("force_custom_plan", "force_generic_plan"):
        large.execute(f"SET plan_cache_mode = {mode}".encode())
        explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}".encode()
        [row] = large.execute(explain, values, prepare=True).fetchall()
        found = list(nodes(row["QUERY PLAN"][0]["Plan"]))
        assert "Seq Scan" not in {node["Node Type"] for node in found}
        read = [node for node in found if node.get("Alias") in ("message", "messages")]
        assert all(node["Actual Rows"] <= 21 for node in read)
        assert not any(node.get("Rows Removed by Filter") for node in read)


@pytest.mark.parametrize("query", ["needle", "needle or nothing", "common needle", "common"])
def test_a_search_asks_the_index_of_words(
    large: psycopg.Connection[dict[str, Any]], query: str
) -> None:
    explain = f"EXPLAIN (FORMAT JSON) {search_statement(21)}".encode()
    [row] = large.execute(explain, {"query": query, "start": 10**9}).fetchall()
    found = list(nodes(row["QUERY PLAN"][0]["Plan"]))
    assert "messages_search" in {node.get("Index Name") for node in found}


async def test_a_search_of_more_than_a_second_is_too_broad(service: Service) -> None:
    await service.posted(body="A needle")
    with psycopg.connect(service.url) as conn:
        conn.execute("LOCK TABLE messages")
        answer = await service.client.get("/api/messages/search", params={"q": "needle"})
    assert (answer.status_code, answer.json()["code"]) == (422, "query_too_broad")
    found = await service.client.get("/api/messages/search", params={"q": "needle"})
    assert len(found.json()["items"]) == 1
