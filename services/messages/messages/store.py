"""The SQL of one message. Lists: list_store. What other services own: projection_store.

Statements are put together from the constants below alone; what a caller says is a parameter.
"""

from collections.abc import Mapping
from typing import Any

from psycopg.types.json import Jsonb

from chassis.context import traceparent
from chassis.database import Connection, Row

MESSAGE = """
    message.id, message.topic_id, message.position, message.author_id, message.body,
    message.body_html, message.reply_to, message.reactions, message.created_at,
    message.edited_at, message.deleted_at, message.version
"""

# A suspension counts until its end has passed: nobody sends an event for that.
CARD = """
    author.username, author.display_name, author.avatar_url,
    CASE
        WHEN author.state = 'suspended' AND author.suspended_until <= now() THEN 'active'
        ELSE author.state
    END AS author_state
"""

CALLER = """
    caller.version AS caller_version, caller.role AS caller_role,
    CASE
        WHEN caller.state = 'suspended' AND caller.suspended_until <= now() THEN 'active'
        ELSE caller.state
    END AS caller_state
"""


MESSAGE_BY_ID = f"""
    SELECT {MESSAGE}, {CARD}, topic.deleted AS topic_deleted
    FROM messages AS message
    JOIN topics AS topic ON topic.id = message.topic_id
    LEFT JOIN authors AS author ON author.id = message.author_id
    WHERE message.id = %(message_id)s
"""  # noqa: S608 -- made of constants


async def find_message(conn: Connection, message_id: int) -> Row | None:
    """The message, with whether its topic is deleted."""
    return await (await conn.execute(MESSAGE_BY_ID, {"message_id": message_id})).fetchone()


# What other services are told of the rows `topic` and `author` as they are now. The statement that
# changed them writes it too: a round trip less while the topic is locked.
TELL = """
    INSERT INTO outbox (type, subject, data, traceparent)
    SELECT
        'io.forum.topic.activity.v1',
        topic.id::text,
        jsonb_build_object(
            'topic_id', topic.id,
            'message_count', topic.message_count,
            'last_activity_at', topic.last_activity_at,
            'last_author_id', topic.last_author_id,
            'version', topic.activity_version
        ),
        %(traceparent)s
    FROM topic
    UNION ALL
    SELECT
        'io.forum.messages.counted.v1',
        author.id::text,
        jsonb_build_object(
            'user_id', author.id,
            'message_count', author.message_count,
            'version', author.count_version
        ),
        %(traceparent)s
    FROM author
"""

# One round trip while the topic's row is locked. Each step reads the one before, so that the topic
# is locked first; the time is taken under its lock, so that it grows with the position.
POST = f"""
    WITH topic AS (
        UPDATE topics
        SET message_count = message_count + 1,
            last_position = last_position + 1,
            last_activity_at = clock_timestamp(),
            last_author_id = %(author_id)s,
            activity_version = activity_version + 1
        WHERE id = %(topic_id)s
            AND version > 0
            AND NOT locked
            AND NOT deleted
        RETURNING *
    ), author AS (
        INSERT INTO authors AS kept
            (id, username, display_name, role, message_count, count_version)
        SELECT %(author_id)s, %(username)s, %(username)s, %(role)s, 1, 1
        FROM topic
        ON CONFLICT (id) DO UPDATE
        SET message_count = kept.message_count + 1,
            count_version = kept.count_version + 1
        RETURNING *
    ), message AS (
        INSERT INTO messages
            (topic_id, position, author_id, body, body_html, reply_to, created_at)
        SELECT
            topic.id, topic.last_position, author.id, %(body)s, %(body_html)s,
            (SELECT id FROM messages WHERE id = %(reply_to)s AND topic_id = topic.id),
            topic.last_activity_at
        FROM topic
        CROSS JOIN author
        RETURNING *
    ), told AS ({TELL})
    SELECT {MESSAGE}, {CARD}
    FROM message
    CROSS JOIN author
"""  # noqa: S608 -- made of constants


async def post_message(conn: Connection, values: Mapping[str, Any]) -> Row | None:
    """Write a message at the topic's next position, count and tell it; None where nobody may post.

    A `reply_to` that is not in the topic comes back as None.
    """
    values = {**values, "traceparent": traceparent.get()}
    return await (await conn.execute(POST, values)).fetchone()


LOCKED_MESSAGE = f"""
    SELECT {MESSAGE}, {CARD}, topic.deleted AS topic_deleted, {CALLER}
    FROM messages AS message
    JOIN topics AS topic ON topic.id = message.topic_id
    LEFT JOIN authors AS author ON author.id = message.author_id
    LEFT JOIN authors AS caller ON caller.id = %(caller_id)s
    WHERE message.id = %(message_id)s
    FOR NO KEY UPDATE OF message
"""  # noqa: S608 -- made of constants


async def lock_message(conn: Connection, message_id: int, caller_id: int) -> Row | None:
    """As `find_message`, locked for a change, with the caller's role and state."""
    values = {"message_id": message_id, "caller_id": caller_id}
    return await (await conn.execute(LOCKED_MESSAGE, values)).fetchone()


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


UNCOUNT = f"""
    WITH topic AS (
        UPDATE topics
        SET message_count = message_count - 1,
            activity_version = activity_version + 1,
            (last_activity_at, last_author_id) = (
                SELECT created_at, author_id
                FROM messages
                WHERE topic_id = %(topic_id)s
                    AND deleted_at IS NULL
                ORDER BY position DESC
                LIMIT 1
            )
        WHERE id = %(topic_id)s
        RETURNING *
    ), author AS (
        UPDATE authors
        SET message_count = authors.message_count - 1,
            count_version = authors.count_version + 1
        FROM topic
        WHERE authors.id = %(author_id)s
        RETURNING authors.*
    )
    {TELL}
"""  # noqa: S608 -- made of constants


async def uncount(conn: Connection, topic_id: int, author_id: int) -> None:
    """Count one message less, for its topic and its author, and tell it."""
    values = {"topic_id": topic_id, "author_id": author_id, "traceparent": traceparent.get()}
    await conn.execute(UNCOUNT, values)


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
        "INSERT INTO audit_log (actor_id, action, target_id, detail) VALUES (%s, %s, %s, %s)",
        (actor_id, action, message_id, Jsonb(detail)),
    )
