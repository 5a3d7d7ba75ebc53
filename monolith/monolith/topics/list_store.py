"""The SQL of lists: of topics, by any of their filters, of what a search finds, of categories."""

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any, Literal, NamedTuple

from psycopg.rows import args_row

from chassis.database import Connection, Row
from monolith.topics.store import CARDS

Sort = Literal["activity", "created"]
State = Literal["active", "suspended", "erased"]

ITEM = f"""
    t.id, t.title, t.slug, t.excerpt, t.category, t.tags, t.author_id, t.locked, t.pinned,
    t.message_count, t.last_activity_at, t.last_author_id, t.created_at, t.updated_at, t.version,
    {CARDS}
"""
# With a LIMIT each card is looked up by its id: a plain join would now and then read all people.
JOIN_CARDS = """
    JOIN LATERAL (SELECT * FROM users WHERE id = t.author_id LIMIT 1) AS author ON true
    LEFT JOIN LATERAL (SELECT * FROM users WHERE id = t.last_author_id LIMIT 1) AS last ON true
"""
FILTERS = {
    "category": "category = %(category)s",
    "tag": "tags @> ARRAY[%(tag)s]",
    "author_id": "author_id = %(author_id)s",
}


class Item(NamedTuple):
    """A row of a list: the columns of `ITEM`. Made for each of 20 rows, so it is not a dict."""

    id: int
    title: str
    slug: str
    excerpt: str
    category: str
    tags: list[str]
    author_id: int
    locked: bool
    pinned: bool
    message_count: int
    last_activity_at: datetime
    last_author_id: int | None
    created_at: datetime
    updated_at: datetime
    version: int
    author_username: str
    author_display_name: str
    author_avatar_url: str | None
    author_state: State
    # Null where there is no last author.
    last_username: Any
    last_display_name: Any
    last_avatar_url: str | None
    last_state: Any


class SortKey(NamedTuple):
    """What a list is sorted by, newest first, in its names and as types of a cursor's values."""

    columns: tuple[str, ...]
    kinds: tuple[type, ...]


SORTS: dict[Sort, SortKey] = {
    "activity": SortKey(("pinned", "last_activity_at", "id"), (bool, datetime, int)),
    "created": SortKey(("created_at", "id"), (datetime, int)),
}


@cache
def list_statement(sort: Sort, filters: Collection[str], fetch: int, *, further: bool) -> str:
    """The statement of a page by these filters; `further` than the first one.

    The LIMIT is part of the text, and inside: PostgreSQL then knows that it joins a page, not a
    table, and plans once for all requests.
    """
    columns = SORTS[sort].columns
    conditions = ["deleted_at IS NULL", *(FILTERS[name] for name in sorted(filters))]
    if further:
        values = ", ".join(f"%({column})s" for column in columns)
        conditions.append(f"({', '.join(columns)}) < ({values})")
    order = ", ".join(f"{column} DESC" for column in columns)
    outer_order = ", ".join(f"t.{column} DESC" for column in columns)
    return f"""
        SELECT {ITEM}
        FROM (
            SELECT *
            FROM topics
            WHERE {" AND ".join(conditions)}
            ORDER BY {order}
            LIMIT {fetch}
        ) AS t
        {JOIN_CARDS}
        ORDER BY {outer_order}
    """  # noqa: S608 -- made of constants of this module and a number


async def list_topics(
    conn: Connection,
    sort: Sort,
    filters: dict[str, Any],
    after: tuple[Any, ...] | None,
    fetch: int,
) -> list[Item]:
    """A page of topics that are not deleted; `filters` holds the values of those in use."""
    statement = list_statement(sort, frozenset(filters), fetch, further=after is not None)
    values = filters | dict(zip(SORTS[sort].columns, after or (), strict=False))
    # How rare a tag is decides between two ways to find it, so those plans are made with the value.
    prepare = False if "tag" in filters else None
    return await _items(conn, statement, values, prepare=prepare)


@cache
def search_statement(fetch: int) -> str:
    """The statement of a page of a search.

    OFFSET 0 keeps the LIMIT from the inner query: for it, PostgreSQL would rather read all topics
    from the newest on, in the hope to find enough of them soon, than ask the index of words.
    """
    return f"""
        SELECT {ITEM}
        FROM (
            SELECT *
            FROM (
                SELECT *
                FROM topics
                WHERE to_tsvector('simple', translate(title || ' ' || body, '_/', '  '))
                        @@ websearch_to_tsquery('simple', translate(%(question)s, '_/', '  '))
                    AND deleted_at IS NULL
                    AND id < %(before)s
                OFFSET 0
            ) AS found
            ORDER BY id DESC
            LIMIT {fetch}
        ) AS t
        {JOIN_CARDS}
        ORDER BY t.id DESC
    """  # noqa: S608 -- made of constants of this module and a number


async def search(conn: Connection, question: str, before: int, fetch: int) -> list[Item]:
    """A page of the topics that a web-like query finds, newest first.

    Call in a transaction: it is given one second, then psycopg's QueryCanceled is raised.
    """
    await conn.execute("SET LOCAL statement_timeout = '1s'")
    values = {"question": question, "before": before}
    return await _items(conn, search_statement(fetch), values, prepare=False)


async def _items(
    conn: Connection, statement: str, values: dict[str, Any], *, prepare: bool | None
) -> list[Item]:
    cursor = conn.cursor(row_factory=args_row(Item))
    return await (await cursor.execute(statement, values, prepare=prepare)).fetchall()


async def list_categories(conn: Connection, after: str, fetch: int) -> list[Row]:
    """A page of categories in the order of their slugs."""
    statement = """
        SELECT slug, name, description, topic_count
        FROM categories
        WHERE slug > %s
        ORDER BY slug
        LIMIT %s
    """
    return await (await conn.execute(statement, (after, fetch))).fetchall()
