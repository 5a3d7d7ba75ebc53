"""The command `python -m SERVICE.replay`: refused events are offered to their subscribers again."""

import argparse
import asyncio
import sys
from uuid import UUID

import psycopg

from chassis.database import Database, Row
from chassis.settings import InternalSettings

# The relay's leader looks for letters that are due each second, so nobody needs to be told.
REPLAY = """
UPDATE dead_letters
SET tries = 0, next_try_at = now()
FROM outbox
WHERE outbox.id = dead_letters.outbox_id
  AND (%(event)s::uuid IS NULL OR outbox.event_id = %(event)s)
RETURNING event_id, type, subscriber, reason
"""


async def replay(db: Database, event: UUID | None = None) -> list[Row]:
    """Make all dead letters due, or those of one event, with all their tries before them."""
    async with db.connection() as conn:
        return await (await conn.execute(REPLAY, {"event": event})).fetchall()


def main(settings: InternalSettings) -> None:
    """Read the arguments, replay, and say what was replayed."""
    parser = argparse.ArgumentParser(description="Offer refused events to their subscribers again.")
    parser.add_argument("--event", type=UUID, help="the id of one event; all when left out")
    arguments = parser.parse_args()
    try:
        rows = asyncio.run(_run(settings, arguments.event))
    except psycopg.Error as error:
        sys.exit(f"The database does not answer: {type(error).__name__}: {error}")
    for row in rows:
        sys.stdout.write("{event_id} {type} to {subscriber}: {reason}\n".format_map(row))
    sys.stdout.write(f"{len(rows)} to be sent again within a second by the service's relay\n")


async def _run(settings: InternalSettings, event: UUID | None) -> list[Row]:
    db = Database(settings.database_url.get_secret_value(), 1)
    await db.open()
    try:
        return await replay(db, event)
    finally:
        await db.close()
