"""The SQL of people: accounts, moderation, the audit log.

Sessions are in session_store, erasing in erasure_store, the counts that others make in
projection_store.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from chassis import snapshot
from chassis.database import Connection, Row


async def find_user(conn: Connection, user_id: int) -> Row | None:
    """All that is known of one person, the erased included."""
    result = await conn.execute(
        """
        SELECT
            id, username, email, password_hash, display_name, bio, avatar_url, role, suspended,
            suspended_until, erased_at, topic_count, message_count, created_at, updated_at, version
        FROM users
        WHERE id = %s
        """,
        (user_id,),
    )
    return await result.fetchone()


async def lock_user(conn: Connection, user_id: int) -> None:
    """Let nobody else change this person until the transaction ends."""
    await conn.execute("SELECT id FROM users WHERE id = %s FOR NO KEY UPDATE", (user_id,))


async def lock_admins(conn: Connection) -> list[Row]:
    """The admins with their suspensions; nobody else changes them until the transaction ends.

    Take it before any other lock on a person.
    """
    result = await conn.execute(
        """
        SELECT id, suspended, suspended_until, erased_at
        FROM users
        WHERE role = 'admin'
        ORDER BY id
        FOR NO KEY UPDATE
        """
    )
    return await result.fetchall()


async def find_by_login(conn: Connection, login: str) -> Row | None:
    """Whose username or e-mail address this is, with what a login needs."""
    result = await conn.execute(
        """
        SELECT id, username, password_hash, role
        FROM users
        WHERE lower(username) = lower(%(login)s) OR lower(email) = lower(%(login)s)
        """,
        {"login": login},
    )
    return await result.fetchone()


async def find_by_username(conn: Connection, username: str) -> Row | None:
    """Whose username this is; the erased have none."""
    result = await conn.execute(
        """
        SELECT id, username, role
        FROM users
        WHERE lower(username) = lower(%s) AND erased_at IS NULL
        """,
        (username,),
    )
    return await result.fetchone()


async def list_by_id(conn: Connection, after: int, limit: int) -> list[Row]:
    """People who are not erased, in order of id."""
    result = await conn.execute(
        """
        SELECT
            id, username, display_name, bio, avatar_url, role, suspended, suspended_until,
            erased_at, topic_count, message_count, created_at, updated_at
        FROM users
        WHERE id > %(after)s AND erased_at IS NULL
        ORDER BY id
        LIMIT %(limit)s
        """,
        {"after": after, "limit": limit},
    )
    return await result.fetchall()


async def list_by_name(conn: Connection, prefix: str, after: str, limit: int) -> list[Row]:
    """People who are not erased and whose username begins so, in order of it, without case."""
    # A range rather than LIKE: no pattern to escape, and any plan uses the index. The last code
    # point that there is ends it.
    result = await conn.execute(
        """
        SELECT
            id, username, display_name, bio, avatar_url, role, suspended, suspended_until,
            erased_at, topic_count, message_count, created_at, updated_at,
            lower(username) AS name_key
        FROM users
        WHERE lower(username) >= lower(%(prefix)s)
            AND lower(username) < lower(%(prefix)s) || chr(1114111)
            AND lower(username) > %(after)s
            AND erased_at IS NULL
        ORDER BY lower(username)
        LIMIT %(limit)s
        """,
        {"prefix": prefix, "after": after, "limit": limit},
    )
    return await result.fetchall()


async def list_by_ids(conn: Connection, ids: Sequence[int]) -> list[Row]:
    """These people, the erased included, in order of id."""
    result = await conn.execute(
        """
        SELECT
            id, username, display_name, bio, avatar_url, role, suspended, suspended_until,
            erased_at, topic_count, message_count, created_at, updated_at
        FROM users
        WHERE id = ANY (%s)
        ORDER BY id
        """,
        (list(ids),),
    )
    return await result.fetchall()


async def insert_user(
    conn: Connection, username: str, email: str, password_hash: str, display_name: str
) -> int | None:
    """The new person's id, or None where the username or the e-mail address is someone's."""
    result = await conn.execute(
        """
        INSERT INTO users (username, email, password_hash, display_name)
        VALUES (%s, %s, %s, %s)
        ON CONFLICT DO NOTHING
        RETURNING id
        """,
        (username, email, password_hash, display_name),
    )
    row = await result.fetchone()
    return row["id"] if row else None


async def update_profile(conn: Connection, user_id: int, values: dict[str, Any]) -> bool:
    """Set display_name, bio, avatar_url and email; False where the e-mail address is someone's.

    The transaction is of no more use then.
    """
    try:
        await conn.execute(
            """
            UPDATE users
            SET
                display_name = %(display_name)s,
                bio = %(bio)s,
                avatar_url = %(avatar_url)s,
                email = %(email)s,
                updated_at = now(),
                version = version + 1
            WHERE id = %(id)s
            """,
            {**values, "id": user_id},
        )
    except UniqueViolation:
        return False
    return True


async def set_password(conn: Connection, user_id: int, password_hash: str) -> None:
    """Nothing that others see changes, so the version stays."""
    await conn.execute(
        "UPDATE users SET password_hash = %s WHERE id = %s", (password_hash, user_id)
    )


async def set_role(conn: Connection, user_id: int, role: str) -> None:
    """Give this person a role."""
    await conn.execute(
        """
        UPDATE users
        SET role = %s, updated_at = now(), version = version + 1
        WHERE id = %s
        """,
        (role, user_id),
    )


async def suspend(
    conn: Connection, user_id: int, reason: str, until: datetime | None, by: int
) -> None:
    """Suspend this person, for good where `until` is None."""
    await conn.execute(
        """
        UPDATE users
        SET
            suspended = true,
            suspension_reason = %(reason)s,
            suspended_until = %(until)s,
            suspended_by = %(by)s,
            updated_at = now(),
            version = version + 1
        WHERE id = %(id)s
        """,
        {"reason": reason, "until": until, "by": by, "id": user_id},
    )


async def lift_suspension(conn: Connection, user_id: int) -> None:
    """End this person's suspension."""
    await conn.execute(
        """
        UPDATE users
        SET
            suspended = false,
            suspension_reason = NULL,
            suspended_until = NULL,
            suspended_by = NULL,
            updated_at = now(),
            version = version + 1
        WHERE id = %s
        """,
        (user_id,),
    )


async def each_user(conn: Connection) -> AsyncIterator[Row]:
    """Everyone, the erased included, with what others are told of him."""
    statement = """
    SELECT
        id, username, display_name, avatar_url, role, suspended, suspended_until, erased_at,
        version
    FROM users
    ORDER BY id
    """
    async for row in snapshot.each_row(conn, statement):
        yield row


async def write_audit(
    conn: Connection, actor_id: int | None, action: str, target_id: int, detail: dict[str, Any]
) -> None:
    """Write a line of the audit log; `actor_id` is None for a command of the operator."""
    await conn.execute(
        """
        INSERT INTO audit_log (actor_id, action, target_id, detail)
        VALUES (%s, %s, %s, %s)
        """,
        (actor_id, action, target_id, Jsonb(detail)),
    )
