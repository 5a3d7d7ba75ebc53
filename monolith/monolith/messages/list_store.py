"""The SQL of lists: a topic's messages, everybody's, an author's, a search's, and revisions."""

from functools import cache

from chassis.database import Connection, Row
from monolith.messages.store import CARD, MESSAGE

# With a LIMIT each card is looked up by its id: a plain join would now and then read all people.
JOIN_CARD = """
    LEFT JOIN LATERAL (
        SELECT *
        FROM users
        WHERE id = message.author_id
        LIMIT 1
    ) AS author ON true
"""


@cache
def _in_topic(fetch: int, *, ascending: bool, by_author: bool) -> str:
    # The LIMIT is part of the text: as a parameter it would be planned anew for each request.
    comparison, direction = (">=", "ASC") if ascending else ("<=", "DESC")
    author = "AND author_id = %(author_id)s AND deleted_at IS NULL" if by_author else ""
    return f"""
        SELECT topic.deleted_at IS NOT NULL AS topic_deleted, {MESSAGE}, {CARD}
        FROM topics AS topic
        LEFT JOIN LATERAL (
            SELECT *
            FROM messages
            WHERE topic_id = topic.id
                AND position {comparison} %(start)s
                {author}
            ORDER BY position {direction}
            LIMIT {fetch}
        ) AS message ON topic.deleted_at IS NULL
        {JOIN_CARD}
        WHERE topic.id = %(topic_id)s
        ORDER BY message.position {direction}
    """  # noqa: S608 -- made of constants and a number


async def list_in_topic(
    conn: Connection,
    topic_id: int,
    author_id: int | None,
    start: int,
    *,
    ascending: bool,
    fetch: int,
) -> list[Row]:
    """A page of a topic from the position `start` on, each row with the topic's own state.

    No row: there is no such topic. One row without an `id`: the page is empty.
    """
    statement = _in_topic(fetch, ascending=ascending, by_author=author_id is not None)
    values = {"topic_id": topic_id, "author_id": author_id, "start": start}
    return await (await conn.execute(statement, values)).fetchall()


@cache
def _everywhere(fetch: int, *, ascending: bool, by_author: bool) -> str:
    comparison, direction = (">=", "ASC") if ascending else ("<=", "DESC")
    author = "AND message.author_id = %(author_id)s" if by_author else ""
    return f"""
        SELECT {MESSAGE}, {CARD}
        FROM messages AS message
        JOIN topics AS topic ON topic.id = message.topic_id
        {JOIN_CARD}
        WHERE message.id {comparison} %(start)s
            {author}
            AND message.deleted_at IS NULL
            AND topic.deleted_at IS NULL
        ORDER BY message.id {direction}
        LIMIT {fetch}
    """  # noqa: S608 -- made of constants and a number


async def list_everywhere(
    conn: Connection, author_id: int | None, start: int, *, ascending: bool, fetch: int
) -> list[Row]:
    """A page of all topics' messages, or of one author's, from the id `start` on."""
    statement = _everywhere(fetch, ascending=ascending, by_author=author_id is not None)
    return await (
        await conn.execute(statement, {"author_id": author_id, "start": start})
    ).fetchall()


@cache
def search_statement(fetch: int) -> str:
    """The statement of a page of a search.

    OFFSET 0 keeps the LIMIT from the inner query: for it, PostgreSQL would rather read all messages
    from the newest on, in the hope to find enough of them soon, than ask the index of words.
    """
    return f"""
        SELECT {MESSAGE}, {CARD}
        FROM (
            SELECT *
            FROM messages
            WHERE to_tsvector('simple', translate(body, '_/', '  '))
                    @@ websearch_to_tsquery('simple', translate(%(query)s, '_/', '  '))
                AND deleted_at IS NULL
                AND id <= %(start)s
            OFFSET 0
        ) AS message
        JOIN topics AS topic ON topic.id = message.topic_id
        {JOIN_CARD}
        WHERE topic.deleted_at IS NULL
        ORDER BY message.id DESC
        LIMIT {fetch}
    """  # noqa: S608 -- made of constants and a number


async def search(conn: Connection, query: str, start: int, fetch: int) -> list[Row]:
    """Newest first, from the id `start` on. In a transaction: after a second, QueryCanceled."""
    await conn.execute("SET LOCAL statement_timeout = '1s'")
    # How rare the words are decides how to find them, so each search is planned for itself.
    values = {"query": query, "start": start}
    return await (await conn.execute(search_statement(fetch), values, prepare=False)).fetchall()


REVISIONS = f"""
    SELECT
        written.version, written.body,
        coalesce(change.edited_at, message.created_at) AS edited_at,
        coalesce(change.editor_id, message.author_id) AS author_id, {CARD}
    FROM messages AS message
    CROSS JOIN LATERAL (
        SELECT version, body FROM revisions WHERE message_id = message.id
        UNION ALL
        SELECT message.version, message.body
    ) AS written
    LEFT JOIN LATERAL (
        SELECT edited_at, editor_id
        FROM revisions
        WHERE message_id = message.id
            AND version < written.version
        ORDER BY version DESC
        LIMIT 1
    ) AS change ON true
    JOIN users AS author ON author.id = coalesce(change.editor_id, message.author_id)
    WHERE message.id = %(message_id)s
        AND written.version <= %(start)s
    ORDER BY written.version DESC
    LIMIT %(fetch)s
"""  # noqa: S608 -- made of constants


async def list_revisions(conn: Connection, message_id: int, start: int, fetch: int) -> list[Row]:
    """Every body of the message, the newest first, from the version `start` on.

    Who wrote a body is in the row of the one that it replaced; the first is the author's.
    """
    values = {"message_id": message_id, "start": start, "fetch": fetch}
    return await (await conn.execute(REVISIONS, values)).fetchall()
