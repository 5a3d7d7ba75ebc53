"""The SQL of what other services count: topics and messages of each person."""

from chassis.database import Connection


async def set_topic_count(conn: Connection, user_id: int, count: int, version: int) -> None:
    """Take over what the topics service counted, unless a newer count is here."""
    await conn.execute(
        """
        UPDATE users
        SET topic_count = %(count)s, topic_count_version = %(version)s
        WHERE id = %(id)s AND topic_count_version < %(version)s
        """,
        {"id": user_id, "count": count, "version": version},
    )


async def set_message_count(conn: Connection, user_id: int, count: int, version: int) -> None:
    """Take over what the messages service counted, unless a newer count is here."""
    await conn.execute(
        """
        UPDATE users
        SET message_count = %(count)s, message_count_version = %(version)s
        WHERE id = %(id)s AND message_count_version < %(version)s
        """,
        {"id": user_id, "count": count, "version": version},
    )


async def forget_topic_counts(conn: Connection) -> None:
    """Take the counts of topics back to before the first event."""
    await conn.execute(
        """
        UPDATE users
        SET topic_count = 0, topic_count_version = 0
        WHERE topic_count_version <> 0
        """
    )


async def forget_message_counts(conn: Connection) -> None:
    """Take the counts of messages back to before the first event."""
    await conn.execute(
        """
        UPDATE users
        SET message_count = 0, message_count_version = 0
        WHERE message_count_version <> 0
        """
    )
