"""What a request costs the database: few statements, and an index for every list."""

import itertools
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import AsyncCursor
from psycopg.rows import dict_row
from topics_harness import Service, user

from chassis.database import conninfo
from chassis.testing import Databases
from topics.list_store import SORTS, Sort, list_statement, search_statement
from topics.settings import MIGRATIONS

FILTERS = [
    filters
    for number in range(4)
    for filters in itertools.combinations(("category", "tag", "author_id"), number)
]
# Of each person and each tag there is little, of each category much.
MANY_TOPICS = """
INSERT INTO topics (
    title, slug, body, body_html, excerpt, category, tags, author_id, last_activity_at, created_at
)
SELECT
    'Title', 'title', 'Text', '<p>Text</p>', 'Text', 'category-' || number % 5,
    ARRAY['tag-' || number % 300], number % 500, now() - number * interval '1 minute',
    now() - number * interval '7 minutes'
FROM generate_series(1, 10000) AS number
"""
CATEGORIES = """
INSERT INTO categories (slug, name)
SELECT 'category-' || number, 'Name'
FROM generate_series(0, 4) AS number
"""
AUTHORS = """
INSERT INTO authors (id, username, display_name, version)
SELECT number, 'name-' || number, 'Name', 1
FROM generate_series(0, 499) AS number
"""
VALUES = {
    "category": "category-3", "tag": "tag-3", "author_id": 3, "pinned": False, "id": 5000,
    "last_activity_at": "2020-01-01T00:00:00Z", "created_at": "2020-01-01T00:00:00Z",
}  # fmt: skip


@pytest.fixture(scope="module")
def large(databases: Databases) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """A database with many topics."""
    url = databases.create(MIGRATIONS)
    with psycopg.connect(conninfo(url, "tests"), autocommit=True, row_factory=dict_row) as conn:
        for statement in (CATEGORIES, AUTHORS, MANY_TOPICS, "ANALYZE"):
            conn.execute(statement)
        yield conn
    databases.drop(url)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's node and all below it."""
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


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
    explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}".encode()
    [row] = large.execute(explain, VALUES).fetchall()
    found = list(nodes(row["QUERY PLAN"][0]["Plan"]))
    assert "Seq Scan" not in {node["Node Type"] for node in found}
    # A person and a tag have few topics, so reading those few and sorting them is fine.
    if not {"tag", "author_id"} & set(filters):
        assert max(node["Actual Rows"] for node in found) <= 21


@pytest.mark.parametrize("sort", SORTS)
def test_a_plan_without_values_is_the_same(
    large: psycopg.Connection[dict[str, Any]], sort: Sort
) -> None:
    statement = list_statement(sort, frozenset(["category"]), 21, further=False)
    generic = statement.replace("%(category)s", "$1").encode()
    [row] = large.execute(b"EXPLAIN (GENERIC_PLAN, FORMAT JSON)" + generic).fetchall()
    found = list(nodes(row["QUERY PLAN"][0]["Plan"]))
    assert "Seq Scan" not in {node["Node Type"] for node in found}


@pytest.mark.parametrize("question", ["needle", "needle or nothing", "title needle", "title"])
def test_a_search_asks_the_index_of_words(
    large: psycopg.Connection[dict[str, Any]], question: str
) -> None:
    explain = f"EXPLAIN (FORMAT JSON) {search_statement(21)}".encode()
    [row] = large.execute(explain, {"question": question, "before": 10**9}).fetchall()
    found = list(nodes(row["QUERY PLAN"][0]["Plan"]))
    assert "topics_search" in {node.get("Index Name") for node in found}
    assert "Seq Scan" not in {node["Node Type"] for node in found}


async def test_a_search_of_more_than_a_second_is_too_broad(service: Service) -> None:
    await service.open(title="A needle")
    with psycopg.connect(service.url) as conn:
        conn.execute("LOCK TABLE topics")
        answer = await service.client.get("/api/topics/search", params={"q": "needle"})
    assert (answer.status_code, answer.json()["code"]) == (422, "query_too_broad")
    assert len((await service.read("/search", q="needle"))["items"]) == 1


@pytest.fixture
async def statements(service: Service, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that the service sends while a test runs."""
    sent: list[str] = []
    execute = AsyncCursor.execute

    async def listen(cursor: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        # What the relay and the housekeeping do beside the requests is not of them.
        if "topics" in str(query) or "authors" in str(query) or "idempotency" in str(query):
            sent.append(str(query))
        return await execute(cursor, query, *args, **kwargs)

    monkeypatch.setattr(AsyncCursor, "execute", listen)
    return sent


@pytest.mark.parametrize(
    "path", ["", "/1", "?sort=created&category=general&tag=a&author_id=1&limit=100"]
)
async def test_a_read_is_one_statement(service: Service, statements: list[str], path: str) -> None:
    for _ in range(3):
        await service.open()
    await service.hear("users", user(1))
    statements.clear()
    await service.read(path)
    assert len(statements) == 1
