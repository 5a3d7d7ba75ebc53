"""The SQL of what is kept of other services, and of what they are told: cards, counts, activity."""

from collections.abc import AsyncIterator
from typing import Any

from chassis.database import Connection, Row
from chassis.snapshot import each_row

TOPIC_STATE = "SELECT id, title, locked, deleted_at IS NOT NULL AS deleted, version FROM topics"


async def find_person(conn: Connection, user_id: int) -> Row | None:
    """What the card says of a person's rights."""
    statement = """
        SELECT role, state, suspended_until, version
        FROM authors
        WHERE id = %s
    """
    return await (await conn.execute(statement, (user_id,))).fetchone()


async def make_card(conn: Connection, user_id: int, username: str, role: str) -> None:
    """A card out of an access token, at version 0, unless there is one."""
    statement = """
        INSERT INTO authors (id, username, display_name, role)
        VALUES (%(id)s, %(username)s, %(username)s, %(role)s)
        ON CONFLICT (id) DO NOTHING
    """
    await conn.execute(statement, {"id": user_id, "username": username, "role": role})


async def apply_card(conn: Connection, card: dict[str, Any]) -> None:
    """The card as users tells it, unless a newer one is here."""
    statement = """
        INSERT INTO authors AS kept (
            id, username, display_name, avatar_url, role, state, suspended_until, version
        )
        VALUES (
            %(id)s, %(username)s, %(display_name)s, %(avatar_url)s, %(role)s, %(state)s,
            %(suspended_until)s, %(version)s
        )
        ON CONFLICT (id) DO UPDATE
        SET username = excluded.username, display_name = excluded.display_name,
            avatar_url = excluded.avatar_url, role = excluded.role, state = excluded.state,
            suspended_until = excluded.suspended_until, version = excluded.version
        WHERE kept.version < excluded.version
    """
    await conn.execute(statement, card)


async def forget_answers(conn: Connection, user_id: int) -> None:
    """Delete what the idempotency store holds of a person."""
    statement = """
        DELETE FROM idempotency_keys
        WHERE owner = %s
    """
    await conn.execute(statement, (f"user:{user_id}",))


async def empty_cards(conn: Connection) -> None:
    """Back to before users said anything; a person's count is our own and stays."""
    await conn.execute("DELETE FROM authors WHERE count_version = 0")
    await conn.execute("UPDATE authors SET version = 0")


async def apply_activity(conn: Connection, activity: dict[str, Any]) -> None:
    """What messages tells of a topic, unless something newer is here."""
    statement = """
        UPDATE topics
        SET message_count = %(message_count)s,
            last_activity_at = coalesce(%(last_activity_at)s, created_at),
            last_author_id = %(last_author_id)s,
            activity_version = %(version)s
        WHERE id = %(topic_id)s
            AND activity_version < %(version)s
    """
    await conn.execute(statement, activity)


async def empty_activity(conn: Connection) -> None:
    """Back to before messages said anything."""
    statement = """
        UPDATE topics
        SET message_count = 0, last_activity_at = created_at, last_author_id = NULL,
            activity_version = 0
        WHERE activity_version > 0
    """
    await conn.execute(statement)


async def count_of_author(conn: Connection, user_id: int, by: int) -> Row | None:
    """Move a person's number of topics, his row locked; None where there is no card."""
    statement = """
        UPDATE authors
        SET topic_count = topic_count + %s, count_version = count_version + 1
        WHERE id = %s
        RETURNING id AS user_id, topic_count, count_version AS version
    """
    return await (await conn.execute(statement, (by, user_id))).fetchone()


async def topic_state(conn: Connection, topic_id: int) -> Row | None:
    """What other services are told of a topic."""
    return await (await conn.execute(f"{TOPIC_STATE} WHERE id = %s", (topic_id,))).fetchone()


def read_topics(conn: Connection) -> AsyncIterator[Row]:
    """The state of every topic."""
    return each_row(conn, TOPIC_STATE)


def read_topic_counts(conn: Connection) -> AsyncIterator[Row]:
    """The number of topics of everyone who opened one."""
    statement = """
        SELECT id AS user_id, topic_count, count_version AS version
        FROM authors
        WHERE count_version > 0
    """
    return each_row(conn, statement)


def read_erased(conn: Connection) -> AsyncIterator[Row]:
    """Who erased the account, by the cards: users asks when its backup does not know."""
    return each_row(conn, "SELECT id FROM authors WHERE state = 'erased'")
