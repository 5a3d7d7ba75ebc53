"""The SQL of one message. Lists: list_store.

Statements are put together from the constants below alone; what a caller says is a parameter.
"""

from collections.abc import Mapping
from typing import Any

from psycopg.types.json import Jsonb

from chassis.database import Connection, Row

MESSAGE = """
    message.id, message.topic_id, message.position, message.author_id, message.body,
    message.body_html, message.reply_to, message.reactions, message.created_at,
    message.edited_at, message.deleted_at, message.version
"""

CARD = """
    author.username, author.display_name, author.avatar_url,
    CASE
        WHEN author.erased_at IS NOT NULL THEN 'erased'
        WHEN author.suspended AND coalesce(author.suspended_until > now(), true) THEN 'suspended'
        ELSE 'active'
    END AS author_state
"""


MESSAGE_BY_ID = f"""
    SELECT {MESSAGE}, {CARD}, topic.deleted_at IS NOT NULL AS topic_deleted
    FROM messages AS message
    JOIN topics AS topic ON topic.id = message.topic_id
    JOIN users AS author ON author.id = message.author_id
    WHERE message.id = %(message_id)s
"""  # noqa: S608 -- made of constants


async def find_message(conn: Connection, message_id: int) -> Row | None:
    """The message, with whether its topic is deleted."""
    return await (await conn.execute(MESSAGE_BY_ID, {"message_id": message_id})).fetchone()


async def lock_message(conn: Connection, message_id: int) -> Row | None:
    """As `find_message`, locked for a change."""
    statement = MESSAGE_BY_ID + "FOR NO KEY UPDATE OF message"
    return await (await conn.execute(statement, {"message_id": message_id})).fetchone()


CARD_BY_ID = f"""
    SELECT author.role, {CARD}
    FROM users AS author
    WHERE author.id = %(user_id)s
"""  # noqa: S608 -- made of constants


async def find_person(conn: Connection, user_id: int) -> Row | None:
    """What a person's messages show of him, and his role."""
    return await (await conn.execute(CARD_BY_ID, {"user_id": user_id})).fetchone()


async def lock_topic(conn: Connection, topic_id: int) -> Row | None:
    """The topic, locked until the transaction ends: before messages and people."""
    cursor = await conn.execute(
        """
        SELECT locked, deleted_at
        FROM topics
        WHERE id = %s
        FOR NO KEY UPDATE
        """,
        (topic_id,),
    )
    return await cursor.fetchone()


async def lock_topic_of(conn: Connection, message_id: int) -> None:
    """Lock the topic of a message, which comes before the message in the order of locks."""
    await conn.execute(
        """
        SELECT
        FROM topics
        WHERE id = (SELECT topic_id FROM messages WHERE id = %s)
        FOR NO KEY UPDATE
        """,
        (message_id,),
    )


async def is_in_topic(conn: Connection, message_id: int, topic_id: int) -> bool:
    """Whether the topic has that message, a deleted one too."""
    cursor = await conn.execute(
        "SELECT id FROM messages WHERE id = %s AND topic_id = %s", (message_id, topic_id)
    )
    return await cursor.fetchone() is not None


# The time is taken under the topic's lock, so that it grows with the position.
INSERT = f"""
    WITH topic AS (
        UPDATE topics
        SET message_count = message_count + 1,
            last_position = last_position + 1,
            last_activity_at = clock_timestamp(),
            last_author_id = %(author_id)s
        WHERE id = %(topic_id)s
        RETURNING *
    )
    INSERT INTO messages AS message
        (topic_id, position, author_id, body, body_html, reply_to, created_at)
    SELECT
        topic.id, topic.last_position, %(author_id)s, %(body)s, %(body_html)s, %(reply_to)s,
        topic.last_activity_at
    FROM topic
    RETURNING {MESSAGE}
"""  # noqa: S608 -- made of constants


async def insert_message(conn: Connection, values: Mapping[str, Any]) -> Row | None:
    """Write a message at the next position of a topic that is locked by now, and count it.

    None where the author was erased meanwhile.
    """
    counted = await conn.execute(
        """
        UPDATE users
        SET message_count = message_count + 1
        WHERE id = %(author_id)s
            AND erased_at IS NULL
        """,
        values,
    )
    if counted.rowcount == 0:
        return None
    return (await (await conn.execute(INSERT, values)).fetchall())[0]


async def replace_body(
    conn: Connection, message_id: int, editor_id: int, body: str, body_html: str
) -> Row:
    """Keep the old body as a revision and put the new one in its place."""
    values = {"id": message_id, "editor_id": editor_id, "body": body, "body_html": body_html}
    await conn.execute(
        """
        INSERT INTO revisions (message_id, version, body, edited_at, editor_id)
        SELECT id, version, body, now(), %(editor_id)s
        FROM messages
        WHERE id = %(id)s
        """,
        values,
    )
    cursor = await conn.execute(
        """
        UPDATE messages
        SET body = %(body)s,
            body_html = %(body_html)s,
            edited_at = now(),
            version = version + 1
        WHERE id = %(id)s
        RETURNING body, body_html, edited_at, version
        """,
        values,
    )
    return (await cursor.fetchall())[0]


async def delete_message(conn: Connection, message_id: int) -> None:
    """Make a message a tombstone: its texts, revisions and reactions are gone for good."""
    await conn.execute("DELETE FROM revisions WHERE message_id = %s", (message_id,))
    await conn.execute("DELETE FROM reactions WHERE message_id = %s", (message_id,))
    await conn.execute(
        """
        UPDATE messages
        SET body = '',
            body_html = '',
            reactions = '{}',
            deleted_at = now(),
            version = version + 1
        WHERE id = %s
        """,
        (message_id,),
    )


async def uncount(conn: Connection, topic_id: int, author_id: int) -> None:
    """Count one message less, for its topic and its author."""
    await conn.execute(
        """
        UPDATE topics
        SET message_count = message_count - 1,
            last_activity_at = coalesce(last.created_at, topics.created_at),
            last_author_id = last.author_id
        FROM (SELECT %(topic_id)s::bigint AS topic_id) AS counted
        LEFT JOIN LATERAL (
            SELECT created_at, author_id
            FROM messages
            WHERE topic_id = counted.topic_id
                AND deleted_at IS NULL
            ORDER BY position DESC
            LIMIT 1
        ) AS last ON true
        WHERE topics.id = counted.topic_id
        """,
        {"topic_id": topic_id},
    )
    await conn.execute(
        "UPDATE users SET message_count = message_count - 1 WHERE id = %s", (author_id,)
    )


async def add_reaction(conn: Connection, message_id: int, user_id: int, emoji: str) -> None:
    """Add and count a reaction; one that is there already changes nothing."""
    await conn.execute(
        """
        WITH added AS (
            INSERT INTO reactions (message_id, user_id, emoji)
            VALUES (%(message_id)s, %(user_id)s, %(emoji)s)
            ON CONFLICT DO NOTHING
            RETURNING emoji
        )
        UPDATE messages
        SET reactions = reactions
            || jsonb_build_object(added.emoji, coalesce((reactions ->> added.emoji)::int, 0) + 1)
        FROM added
        WHERE id = %(message_id)s
        """,
        {"message_id": message_id, "user_id": user_id, "emoji": emoji},
    )


async def remove_reaction(conn: Connection, message_id: int, user_id: int, emoji: str) -> None:
    """Take a reaction away; one that is not there changes nothing."""
    await conn.execute(
        """
        WITH removed AS (
            DELETE FROM reactions
            WHERE message_id = %(message_id)s
                AND user_id = %(user_id)s
                AND emoji = %(emoji)s
            RETURNING emoji
        )
        UPDATE messages
        SET reactions = CASE
            WHEN (reactions ->> removed.emoji)::int > 1 THEN reactions
                || jsonb_build_object(removed.emoji, (reactions ->> removed.emoji)::int - 1)
            ELSE reactions - removed.emoji
        END
        FROM removed
        WHERE id = %(message_id)s
        """,
        {"message_id": message_id, "user_id": user_id, "emoji": emoji},
    )


async def write_audit(
    conn: Connection, actor_id: int, action: str, message_id: int, detail: Mapping[str, Any]
) -> None:
    """Write into the audit log what a moderator did."""
    await conn.execute(
        """
        INSERT INTO audit_log (domain, actor_id, action, target_id, detail)
        VALUES ('messages', %s, %s, %s, %s)
        """,
        (actor_id, action, message_id, Jsonb(detail)),
    )
