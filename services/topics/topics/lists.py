"""Lists of topics, what a search finds, and categories."""

from operator import attrgetter

from psycopg.errors import QueryCanceled

from chassis.answers import Answer
from chassis.body import Body
from chassis.database import Database
from chassis.idempotency import Once
from chassis.identity import Identity
from chassis.pagination import Page, Pages
from chassis.text import LARGEST_ID
from topics import list_store, store
from topics.errors import CategoryTaken, QueryTooBroad
from topics.list_store import SORTS
from topics.rights import rights_of
from topics.schemas import ListQuery, NewCategory, category, topic_item


async def list_topics(db: Database, asked: ListQuery) -> Page:
    """The topics that fit all filters that are not None."""
    key = SORTS[asked.sort]
    filters = {"category": asked.category, "tag": asked.tag, "author_id": asked.author_id}
    used = {name: value for name, value in filters.items() if value is not None}
    scope = ("topics", asked.sort, *filters.values())
    pages = Pages(asked.limit, asked.cursor, scope, key.kinds)
    async with db.connection() as conn:
        rows = await list_store.list_topics(conn, asked.sort, used, pages.after, pages.fetch)
    return pages.page(rows, attrgetter(*key.columns), topic_item)


async def search_topics(db: Database, question: str, limit: int, cursor: str | None) -> Page:
    """The topics whose title or text the question finds, newest first."""
    pages = Pages(limit, cursor, ("topics", "search", question), (int,))
    [before] = pages.after or (LARGEST_ID,)
    try:
        async with db.transaction() as conn:
            rows = await list_store.search(conn, question, before, pages.fetch)
    except QueryCanceled:
        raise QueryTooBroad(
            "The search took more than a second. Use rarer words, or more of them."
        ) from None
    return pages.page(rows, lambda row: [row.id], topic_item)


async def list_categories(db: Database, limit: int, cursor: str | None) -> Page:
    """All categories in the order of their slugs."""
    pages = Pages(limit, cursor, ("categories",), (str,))
    [after] = pages.after or ("",)
    async with db.connection() as conn:
        rows = await list_store.list_categories(conn, after, pages.fetch)
    return pages.page(rows, lambda row: [row["slug"]], category)


async def create_category(
    db: Database, caller: Identity, once: Once, body: Body[NewCategory]
) -> Answer:
    """A new category; only admins make them."""
    async with db.transaction() as conn:
        if kept := await once.claim(conn):
            return kept
        (await rights_of(conn, caller)).must_be("admin")
        new = body.parse()
        row = await store.insert_category(conn, new.model_dump())
        if row is None:
            raise CategoryTaken(f"There is a category '{new.slug}' already.")
        await store.write_audit(conn, caller.user_id, "category.create", None, {"slug": new.slug})
        return await once.keep(conn, category(row))
