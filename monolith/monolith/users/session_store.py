"""The SQL of sessions, their refresh tokens, and the keys that sign access tokens."""

from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from chassis.database import Connection, Row

# What chassis.pruning deletes, so many at a time. A used token is kept as long as an unused one
# lives: until then its second use says that someone copied it.
ENDED_SESSIONS = """
DELETE FROM sessions
WHERE id IN (
    SELECT id
    FROM sessions
    WHERE least(expires_at, revoked_at) < now() - interval '30 days'
    LIMIT %s
)
"""
USED_TOKENS = """
DELETE FROM refresh_tokens
WHERE hash IN (
    SELECT hash
    FROM refresh_tokens
    WHERE used_at < now() - interval '30 days'
    LIMIT %s
)
"""


async def confirm_account(conn: Connection, user_id: int, password_hash: str) -> Row | None:
    """The account if its password is still the one that was checked; it stays so until the end.

    An erasure or a change of the password that came in between is not overlooked.
    """
    result = await conn.execute(
        """
        SELECT id, username, role
        FROM users
        WHERE id = %s AND password_hash = %s
        FOR SHARE
        """,
        (user_id, password_hash),
    )
    return await result.fetchone()


async def insert_session(
    conn: Connection, user_id: int, user_agent: str, address: str, expires_at: datetime
) -> int:
    """The id of a new session."""
    result = await conn.execute(
        """
        INSERT INTO sessions (user_id, user_agent, address, expires_at)
        VALUES (%s, %s, %s, %s)
        RETURNING id
        """,
        (user_id, user_agent, address, expires_at),
    )
    row = await result.fetchone()
    assert row is not None  # noqa: S101 -- an INSERT either returns its row or raises
    return int(row["id"])


async def insert_refresh_token(conn: Connection, token_hash: bytes, session_id: int) -> None:
    """Keep the hash of a session's new refresh token."""
    await conn.execute(
        "INSERT INTO refresh_tokens (hash, session_id) VALUES (%s, %s)", (token_hash, session_id)
    )


async def use_refresh_token(
    conn: Connection, token_hash: bytes, expires_at: datetime
) -> Row | None:
    """Use up the token and prolong its session; None where it is unknown, used, or ended.

    One statement: of two that come at once, one gets the row. It locks the session before the
    token, as whoever deletes a session does.
    """
    result = await conn.execute(
        """
        WITH session AS (
            SELECT sessions.id
            FROM sessions
            JOIN refresh_tokens ON refresh_tokens.session_id = sessions.id
            WHERE refresh_tokens.hash = %(hash)s
                AND sessions.revoked_at IS NULL
                AND sessions.expires_at > now()
            FOR NO KEY UPDATE OF sessions
        ),
        used AS (
            UPDATE refresh_tokens
            SET used_at = now()
            FROM session
            WHERE refresh_tokens.session_id = session.id
                AND refresh_tokens.hash = %(hash)s
                AND refresh_tokens.used_at IS NULL
            RETURNING refresh_tokens.session_id
        )
        UPDATE sessions
        SET last_used_at = now(), expires_at = %(expires_at)s
        FROM used, users
        WHERE sessions.id = used.session_id AND users.id = sessions.user_id
        RETURNING sessions.id AS session_id, users.id, users.username, users.role
        """,
        {"hash": token_hash, "expires_at": expires_at},
    )
    return await result.fetchone()


async def revoke_family(conn: Connection, token_hash: bytes) -> int | None:
    """End the session of a refresh token that was used before; its id, None where there is none."""
    result = await conn.execute(
        """
        UPDATE sessions
        SET revoked_at = now()
        FROM refresh_tokens
        WHERE refresh_tokens.hash = %s
            AND refresh_tokens.used_at IS NOT NULL
            AND sessions.id = refresh_tokens.session_id
            AND sessions.revoked_at IS NULL
        RETURNING sessions.id
        """,
        (token_hash,),
    )
    row = await result.fetchone()
    return row["id"] if row else None


async def list_sessions(conn: Connection, user_id: int, before: int, limit: int) -> list[Row]:
    """A person's live sessions, newest first."""
    result = await conn.execute(
        """
        SELECT id, created_at, last_used_at, user_agent, address
        FROM sessions
        WHERE user_id = %(user_id)s
            AND id < %(before)s
            AND revoked_at IS NULL
            AND expires_at > now()
        ORDER BY id DESC
        LIMIT %(limit)s
        """,
        {"user_id": user_id, "before": before, "limit": limit},
    )
    return await result.fetchall()


async def revoke(conn: Connection, user_id: int, session_id: int) -> bool:
    """End a live session of this person; False where there is none."""
    result = await conn.execute(
        """
        UPDATE sessions
        SET revoked_at = now()
        WHERE id = %s AND user_id = %s AND revoked_at IS NULL AND expires_at > now()
        """,
        (session_id, user_id),
    )
    return result.rowcount == 1


async def revoke_all(conn: Connection, user_id: int, but: int = 0) -> None:
    """End a person's sessions, `but` one."""
    await conn.execute(
        """
        UPDATE sessions
        SET revoked_at = now()
        WHERE user_id = %s AND id <> %s AND revoked_at IS NULL
        """,
        (user_id, but),
    )


async def end_all(conn: Connection) -> None:
    """End everyone's sessions: of those in a backup some were revoked, and tokens used, since."""
    await conn.execute("UPDATE sessions SET revoked_at = now() WHERE revoked_at IS NULL")


async def delete_all(conn: Connection, user_id: int) -> None:
    """Forget a person's sessions: they hold addresses and names of devices."""
    await conn.execute("DELETE FROM sessions WHERE user_id = %s", (user_id,))


async def list_keys(conn: Connection) -> list[Row]:
    """Every signing key, in the order in which they sign."""
    result = await conn.execute(
        """
        SELECT kid, private_pem, public_jwk, created_at, signs_from
        FROM signing_keys
        ORDER BY signs_from, kid
        """
    )
    return await result.fetchall()


async def lock_keys(conn: Connection) -> None:
    """Let one at a time add keys, until the transaction ends."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('signing_keys', 0))")


async def insert_key(
    conn: Connection, kid: str, private_pem: str, public_jwk: dict[str, Any], signs_from: datetime
) -> None:
    """Keep a new signing key."""
    await conn.execute(
        """
        INSERT INTO signing_keys (kid, private_pem, public_jwk, signs_from)
        VALUES (%s, %s, %s, %s)
        """,
        (kid, private_pem, Jsonb(public_jwk), signs_from),
    )


async def delete_keys(conn: Connection, kids: list[str]) -> None:
    """Forget keys that nobody needs any more."""
    await conn.execute("DELETE FROM signing_keys WHERE kid = ANY (%s)", (kids,))
