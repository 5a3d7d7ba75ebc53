"""The rules of lists: what is in them, where a page starts and where the next one does."""

from psycopg.errors import QueryCanceled

from chassis.database import Database, Row
from chassis.pagination import Page, Pages
from chassis.problems import invalid
from chassis.text import LARGEST_ID
from messages import list_store, schemas, store
from messages.errors import QueryTooBroad, TopicDeleted
from messages.gate import Gate
from messages.schemas import ListQuery
from messages.service import readable


async def list_in_topic(db: Database, gate: Gate, topic_id: int, asked: ListQuery) -> Page:
    """A topic's messages by position; tombstones too, unless only an author's are asked for."""
    ascending = asked.order != "desc"
    scope = ("messages", topic_id, asked.author_id, ascending)
    pages = Pages(asked.limit, asked.cursor, scope, (int,))
    start = _start(pages, asked.position or (1 if ascending else LARGEST_ID), ascending=ascending)

    async def fetch() -> list[Row]:
        async with db.connection() as conn:
            return await list_store.list_in_topic(
                conn, topic_id, asked.author_id, start, ascending=ascending, fetch=pages.fetch
            )

    rows = await fetch()
    if not rows or rows[0]["topic_version"] == 0:
        await gate.ask(topic_id)
        rows = await fetch()
    if rows[0]["topic_deleted"]:
        raise TopicDeleted(f"Topic {topic_id} was deleted.")
    return _page(pages, rows if rows[0]["id"] is not None else [], "position")


async def list_everywhere(db: Database, asked: ListQuery) -> Page:
    """Messages of all topics, or an author's, by id."""
    if asked.position is not None:
        raise invalid("/from", "topic_id_missing", "a position needs a topic_id beside it")
    ascending = asked.order == "asc"
    scope = ("messages", None, asked.author_id, ascending)
    pages = Pages(asked.limit, asked.cursor, scope, (int,))
    start = _start(pages, 1 if ascending else LARGEST_ID, ascending=ascending)
    async with db.connection() as conn:
        rows = await list_store.list_everywhere(
            conn, asked.author_id, start, ascending=ascending, fetch=pages.fetch
        )
    return _page(pages, rows, "id")


async def search_messages(db: Database, query: str, limit: int, cursor: str | None) -> Page:
    """Messages with these words, newest first."""
    pages = Pages(limit, cursor, ("messages/search", query), (int,))
    start = _start(pages, LARGEST_ID, ascending=False)
    try:
        async with db.transaction() as conn:
            rows = await list_store.search(conn, query, start, pages.fetch)
    except QueryCanceled:
        raise QueryTooBroad(
            f"The search for '{query}' takes more than a second. Search for rarer words."
        ) from None
    return _page(pages, rows, "id")


async def list_revisions(db: Database, message_id: int, limit: int, cursor: str | None) -> Page:
    """Every body that the message has had, the present one first; none of a tombstone."""
    pages = Pages(limit, cursor, ("revisions", message_id), (int,))
    start = _start(pages, LARGEST_ID, ascending=False)
    async with db.connection() as conn:
        row = readable(await store.find_message(conn, message_id), message_id)
        if row["deleted_at"] is not None:
            return Page([], None)
        rows = await list_store.list_revisions(conn, message_id, start, pages.fetch)
    return pages.page(rows, lambda row: (row["version"],), schemas.revision)


def _start(pages: Pages, first: int, *, ascending: bool) -> int:
    """Where the page starts: after the cursor, and without one at `first`."""
    if pages.after is None:
        return first
    # Beyond a bigint it would be compared as another type, without the index.
    return min(int(pages.after[0]) + (1 if ascending else -1), LARGEST_ID)


def _page(pages: Pages, rows: list[Row], key: str) -> Page:
    return pages.page(rows, lambda row: (row[key],), schemas.message)
