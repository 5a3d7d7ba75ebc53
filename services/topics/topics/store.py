"""The SQL of single topics, of categories and of the audit log."""

from typing import Any

from psycopg.types.json import Jsonb

from chassis.database import Connection, Row

# A suspension that has run out is none.
CARDS = """
    author.username AS author_username,
    author.display_name AS author_display_name,
    author.avatar_url AS author_avatar_url,
    CASE WHEN author.suspended_until <= now() AND author.state = 'suspended'
        THEN 'active' ELSE author.state END AS author_state,
    last.username AS last_username,
    last.display_name AS last_display_name,
    last.avatar_url AS last_avatar_url,
    CASE WHEN last.suspended_until <= now() AND last.state = 'suspended'
        THEN 'active' ELSE last.state END AS last_state
"""
FIND = f"""
SELECT
    t.id, t.title, t.slug, t.body, t.body_html, t.category, t.tags, t.author_id, t.locked,
    t.pinned, t.message_count, t.last_activity_at, t.last_author_id, t.created_at, t.updated_at,
    t.deleted_at, t.version,
    {CARDS}
FROM topics AS t
LEFT JOIN authors AS author ON author.id = t.author_id
LEFT JOIN authors AS last ON last.id = t.last_author_id
WHERE t.id = %s
"""  # noqa: S608 -- made of constants of this module


async def find_topic(conn: Connection, topic_id: int) -> Row | None:
    """The topic with both author cards, a deleted one too."""
    return await (await conn.execute(FIND, (topic_id,))).fetchone()


async def lock_topic(conn: Connection, topic_id: int) -> Row | None:
    """The topic's own columns, its row locked until the transaction ends."""
    statement = """
        SELECT
            id, title, body, body_html, category, tags, author_id, locked, pinned, deleted_at,
            version
        FROM topics
        WHERE id = %s
        FOR UPDATE
    """
    return await (await conn.execute(statement, (topic_id,))).fetchone()


async def insert_topic(conn: Connection, values: dict[str, Any]) -> int:
    """A new topic; its id."""
    statement = """
        INSERT INTO topics (title, slug, body, body_html, excerpt, category, tags, author_id)
        VALUES (
            %(title)s, %(slug)s, %(body)s, %(body_html)s, %(excerpt)s, %(category)s, %(tags)s,
            %(author_id)s
        )
        RETURNING id
    """
    [row] = await (await conn.execute(statement, values)).fetchall()
    return int(row["id"])


async def update_topic(conn: Connection, topic_id: int, values: dict[str, Any]) -> None:
    """All that its author can write, and a new version."""
    statement = """
        UPDATE topics
        SET title = %(title)s, slug = %(slug)s, body = %(body)s, body_html = %(body_html)s,
            excerpt = %(excerpt)s, category = %(category)s, tags = %(tags)s,
            updated_at = now(), version = version + 1
        WHERE id = %(id)s
    """
    await conn.execute(statement, {**values, "id": topic_id})


async def set_locked(conn: Connection, topic_id: int, *, locked: bool) -> None:
    """Lock or unlock, and a new version."""
    statement = """
        UPDATE topics
        SET locked = %s, updated_at = now(), version = version + 1
        WHERE id = %s
    """
    await conn.execute(statement, (locked, topic_id))


async def set_pinned(conn: Connection, topic_id: int, *, pinned: bool) -> None:
    """Pin or unpin, and a new version."""
    statement = """
        UPDATE topics
        SET pinned = %s, updated_at = now(), version = version + 1
        WHERE id = %s
    """
    await conn.execute(statement, (pinned, topic_id))


async def delete_topic(conn: Connection, topic_id: int) -> None:
    """Mark it as deleted, and a new version."""
    statement = """
        UPDATE topics
        SET deleted_at = now(), updated_at = now(), version = version + 1
        WHERE id = %s
    """
    await conn.execute(statement, (topic_id,))


async def count_in_category(conn: Connection, slug: str, by: int) -> bool:
    """Move the category's number of topics, its row locked; False where there is no such category.

    Who moves two takes them in the order of their slugs.
    """
    statement = """
        UPDATE categories
        SET topic_count = topic_count + %s
        WHERE slug = %s
    """
    return (await conn.execute(statement, (by, slug))).rowcount == 1


async def insert_category(conn: Connection, values: dict[str, Any]) -> Row | None:
    """A new category, or None where the slug is taken."""
    statement = """
        INSERT INTO categories (slug, name, description)
        VALUES (%(slug)s, %(name)s, %(description)s)
        ON CONFLICT (slug) DO NOTHING
        RETURNING slug, name, description, topic_count
    """
    return await (await conn.execute(statement, values)).fetchone()


async def write_audit(
    conn: Connection, actor_id: int, action: str, target_id: int | None, detail: dict[str, Any]
) -> None:
    """What somebody did by a role, not as an author."""
    statement = """
        INSERT INTO audit_log (actor_id, action, target_id, detail)
        VALUES (%s, %s, %s, %s)
    """
    await conn.execute(statement, (actor_id, action, target_id, Jsonb(detail)))
