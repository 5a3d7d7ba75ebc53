"""The SQL of erasing a person: what is taken out, and the name that stays unused."""

from collections.abc import Mapping
from typing import Any

from psycopg.types.json import Jsonb

from chassis.database import Connection


async def is_retired(conn: Connection, username: str) -> bool:
    """Whether an erased person had this name. Ask after the insert: an erasure that it waited for
    is seen only then."""
    result = await conn.execute(
        """
        SELECT id
        FROM users
        WHERE retired_name_hash = sha256(convert_to(lower(%s), 'UTF8'))
        """,
        (username,),
    )
    return await result.fetchone() is not None


async def erase(conn: Connection, user_id: int) -> None:
    """Leave nothing of the person but the id, the counts and a hash that keeps the name unused."""
    await conn.execute(
        """
        UPDATE users
        SET
            retired_name_hash = sha256(convert_to(lower(username), 'UTF8')),
            username = 'deleted-' || id,
            display_name = 'deleted-' || id,
            email = NULL,
            password_hash = NULL,
            bio = '',
            avatar_url = NULL,
            role = 'member',
            suspended = false,
            suspension_reason = NULL,
            suspended_until = NULL,
            suspended_by = NULL,
            erased_at = now(),
            updated_at = now(),
            version = version + 1
        WHERE id = %s
        """,
        (user_id,),
    )


async def forget_answers(conn: Connection, user_id: int) -> None:
    """Drop the answers that are kept for an erased person's Idempotency-Keys."""
    await conn.execute(
        """
        DELETE FROM idempotency_keys
        WHERE user_id = %(id)s OR owner = 'user:' || %(id)s::text
        """,
        {"id": user_id},
    )


async def forget_reasons(conn: Connection, user_id: int) -> None:
    """Take the reasons of an erased person's suspensions out of the audit log; the lines stay."""
    await conn.execute(
        """
        UPDATE audit_log
        SET detail = detail - 'reason'
        WHERE target_id = %s AND action = 'user.suspended'
        """,
        (user_id,),
    )


async def scrub_events(
    conn: Connection, user_id: int, event_type: str, data: Mapping[str, Any]
) -> None:
    """Put `data` in place of what earlier events say of an erased person.

    The events stay, with their places in the order: subscribers' cursors and dead letters point
    at them.
    """
    await conn.execute(
        """
        UPDATE outbox
        SET data = %(data)s
        WHERE type = %(type)s AND subject = %(subject)s
        """,
        {"data": Jsonb(data), "type": event_type, "subject": str(user_id)},
    )
