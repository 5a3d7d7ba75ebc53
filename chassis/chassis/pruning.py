"""Rows that have served are deleted in the background, a few thousand at a time."""

import asyncio
import random
from collections.abc import Sequence

import psycopg
import structlog

from chassis.database import Database

ROWS = 5000
EVERY_SECONDS = 600
log = structlog.get_logger()

# The second condition is looked at again where a request took the row over meanwhile.
IDEMPOTENCY_KEYS = """
DELETE FROM idempotency_keys
WHERE (owner, route, key) IN (
    SELECT owner, route, key
    FROM idempotency_keys
    WHERE created_at < now() - interval '24 hours'
    LIMIT %s
)
  AND created_at < now() - interval '24 hours'
"""
RATE_LIMITS = """
DELETE FROM rate_limits
WHERE key IN (SELECT key FROM rate_limits WHERE full_at < now() LIMIT %s)
  AND full_at < now()
"""
INBOX = """
DELETE FROM inbox
WHERE (source, event_id) IN (
    SELECT source, event_id
    FROM inbox
    WHERE received_at < now() - interval '14 days'
    LIMIT %s
)
"""
# Where the slowest subscriber was, and when: seven days later everything up to there may go.
MARK = """
INSERT INTO relay_marks (seq)
SELECT min(seq)
FROM relay_cursors
HAVING min(seq) IS NOT NULL
"""
# The newest stamped row stays for ever: the next seq is counted from it.
OUTBOX = """
DELETE FROM outbox
WHERE id IN (
    SELECT id
    FROM outbox
    WHERE seq <= (SELECT max(seq) FROM relay_marks WHERE at < now() - interval '7 days')
      AND seq < (SELECT max(seq) FROM outbox)
      AND NOT EXISTS (SELECT FROM dead_letters WHERE outbox_id = outbox.id)
    ORDER BY seq
    LIMIT %s
)
"""
MARKS = """
DELETE FROM relay_marks
WHERE at IN (SELECT at FROM relay_marks WHERE at < now() - interval '8 days' LIMIT %s)
"""

REQUESTS = (IDEMPOTENCY_KEYS, RATE_LIMITS)
SERVICE = (*REQUESTS, INBOX, OUTBOX, MARKS)


async def prune(db: Database, statements: Sequence[str]) -> int:
    """Delete all that is due now; the number of rows. Each statement is a transaction."""
    total = 0
    for statement in statements:
        deleted = ROWS
        while deleted == ROWS:
            async with db.connection() as conn:
                deleted = (await conn.execute(statement, (ROWS,))).rowcount
            total += deleted
    return total


async def mark(db: Database) -> None:
    """Note how far the slowest subscriber has come."""
    async with db.connection() as conn:
        await conn.execute(MARK)


async def run(db: Database, statements: Sequence[str]) -> None:
    """Prune every ten minutes until cancelled: `SERVICE` beside a relay, else `REQUESTS`."""
    while True:
        await asyncio.sleep(EVERY_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 -- jitter
        try:
            if OUTBOX in statements:
                await mark(db)
            deleted = await prune(db, statements)
            log.info("pruned", rows=deleted)
        except psycopg.Error as error:
            log.warning("not_pruned", error=type(error).__name__)
