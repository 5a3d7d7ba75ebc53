"""The SQL of what is kept of other services, and of what they are told: gates, cards, counts."""

from collections.abc import AsyncIterator
from typing import Any

from chassis.database import Connection, Row
from chassis.snapshot import each_row
from messages.store import CALLER


async def find_topic(conn: Connection, topic_id: int) -> Row | None:
    """What is known of a topic; its version is 0 while the topics service has not told."""
    return await (
        await conn.execute(
            "SELECT id, locked, deleted, version FROM topics WHERE id = %s", (topic_id,)
        )
    ).fetchone()


STATE = f"""
    SELECT {CALLER}
    FROM authors AS caller
    WHERE caller.id = %(user_id)s
"""  # noqa: S608 -- made of constants


async def find_state(conn: Connection, user_id: int) -> str | None:
    """The state of a person by the card; None without one."""
    row = await (await conn.execute(STATE, {"user_id": user_id})).fetchone()
    return row["caller_state"] if row else None


async def apply_topic(conn: Connection, topic: dict[str, Any]) -> None:
    """The topic as topics tells it, unless a newer state is here."""
    await conn.execute(
        """
        INSERT INTO topics AS kept (id, title, locked, deleted, version)
        VALUES (%(id)s, %(title)s, %(locked)s, %(deleted)s, %(version)s)
        ON CONFLICT (id) DO UPDATE
        SET title = excluded.title,
            locked = excluded.locked,
            deleted = excluded.deleted,
            version = excluded.version
        WHERE kept.version < excluded.version
        """,
        topic,
    )


async def apply_card(conn: Connection, card: dict[str, Any]) -> None:
    """The card as users tells it, unless a newer one is here."""
    await conn.execute(
        """
        INSERT INTO authors AS kept
            (id, username, display_name, avatar_url, role, state, suspended_until, version)
        VALUES (
            %(id)s, %(username)s, %(display_name)s, %(avatar_url)s, %(role)s, %(state)s,
            %(suspended_until)s, %(version)s
        )
        ON CONFLICT (id) DO UPDATE
        SET username = excluded.username,
            display_name = excluded.display_name,
            avatar_url = excluded.avatar_url,
            role = excluded.role,
            state = excluded.state,
            suspended_until = excluded.suspended_until,
            version = excluded.version
        WHERE kept.version < excluded.version
        """,
        card,
    )


async def forget_answers(conn: Connection, user_id: int) -> None:
    """Delete what the idempotency store holds of a person."""
    await conn.execute("DELETE FROM idempotency_keys WHERE owner = %s", (f"user:{user_id}",))


async def empty_topics(conn: Connection) -> None:
    """Back to before topics said anything. The rows stay: the counts in them are our own."""
    await conn.execute(
        """
        UPDATE topics
        SET title = '',
            locked = false,
            deleted = false,
            version = 0
        WHERE version > 0
        """
    )


async def empty_cards(conn: Connection) -> None:
    """Back to before users said anything. The rows stay: the counts in them are our own."""
    await conn.execute(
        """
        UPDATE authors
        SET username = 'user-' || id,
            display_name = 'user-' || id,
            avatar_url = NULL,
            role = 'member',
            state = 'active',
            suspended_until = NULL,
            version = 0
        WHERE version > 0
        """
    )


def read_activity(conn: Connection) -> AsyncIterator[Row]:
    """What goes on in every topic that anyone posted in."""
    return each_row(
        conn,
        """
        SELECT
            id AS topic_id, message_count, last_activity_at, last_author_id,
            activity_version AS version
        FROM topics
        WHERE activity_version > 0
        """,
    )


def read_message_counts(conn: Connection) -> AsyncIterator[Row]:
    """The number of messages of everyone who posted one."""
    return each_row(
        conn,
        """
        SELECT id AS user_id, message_count, count_version AS version
        FROM authors
        WHERE count_version > 0
        """,
    )


def read_erased(conn: Connection) -> AsyncIterator[Row]:
    """Who erased the account, by the cards: users asks when its backup does not know."""
    return each_row(conn, "SELECT id FROM authors WHERE state = 'erased'")
