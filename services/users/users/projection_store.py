"""The SQL of what is kept of other services: the counts of each person's topics and messages."""

from typing import Any

from chassis.database import Connection


async def apply_topic_count(conn: Connection, counted: dict[str, Any]) -> None:
    """The number of topics as topics tells it, unless a newer one is here."""
    await conn.execute(
        """
        UPDATE users
        SET topic_count = %(topic_count)s, topic_count_version = %(version)s
        WHERE id = %(user_id)s AND topic_count_version < %(version)s
        """,
        counted,
    )


async def apply_message_count(conn: Connection, counted: dict[str, Any]) -> None:
    """The number of messages as messages tells it, unless a newer one is here."""
    await conn.execute(
        """
        UPDATE users
        SET message_count = %(message_count)s, message_count_version = %(version)s
        WHERE id = %(user_id)s AND message_count_version < %(version)s
        """,
        counted,
    )


async def empty_topic_counts(conn: Connection) -> None:
    """Back to before topics said anything."""
    await conn.execute(
        """
        UPDATE users
        SET topic_count = 0, topic_count_version = 0
        WHERE topic_count_version <> 0
        """
    )


async def empty_message_counts(conn: Connection) -> None:
    """Back to before messages said anything."""
    await conn.execute(
        """
        UPDATE users
        SET message_count = 0, message_count_version = 0
        WHERE message_count_version <> 0
        """
    )
