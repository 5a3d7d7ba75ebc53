"""The command `python -m SERVICE.restored`: a restored database goes on beyond all that it said.

A backup is an older state. What was written since is lost here and yet known elsewhere: tokens
name people, links name topics, other services and clients hold versions. An id or a version that is
given out a second time would mean another thing: a new person would own what a lost one wrote, and
a change would be taken for one that is known. So both jump, by one for each millisecond since the
newest event in the backup. Nothing gives them out faster; so a second restore of the same backup
jumps over what was given out after the first.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import LiteralString

import psycopg
from psycopg import sql

from chassis.database import Connection, Database
from chassis.settings import ServiceSettings

# The newest event is never pruned.
NEWEST_EVENT: LiteralString = "SELECT max(created_at) FROM outbox"

WITHOUT_LIMIT = "SET LOCAL statement_timeout = 0"
# Since 1970 where the backup knows of nothing: a long way, and a safe one.
MILLISECONDS: LiteralString = """
SELECT greatest(0, ceil(1000 * extract(epoch FROM now() - coalesce(({newest}), 'epoch'))))::bigint
    AS jump
"""
# What was never told has version 0, and keeps it.
MOVE_VERSIONS: LiteralString = """
UPDATE {table}
SET {version} = {version} + %s
WHERE {version} > 0
"""
MOVE_IDS = """
SELECT setval(
    format('%%I.%%I', schemaname, sequencename)::regclass,
    coalesce(last_value, start_value) + %s
)
FROM pg_sequences
"""


async def jump(
    conn: Connection, versions: Mapping[str, str], newest: LiteralString = NEWEST_EVENT
) -> int:
    """Move all ids and the `versions` (a column by its table) ahead; how far.

    `newest` selects a moment that is not after the backup.
    """
    await conn.execute(WITHOUT_LIMIT)
    statement = sql.SQL(MILLISECONDS).format(newest=sql.SQL(newest))
    [row] = await (await conn.execute(statement)).fetchall()
    for table, version in versions.items():
        names = {"table": sql.Identifier(table), "version": sql.Identifier(version)}
        await conn.execute(sql.SQL(MOVE_VERSIONS).format(**names), (row["jump"],))
    await conn.execute(MOVE_IDS, (row["jump"],))
    return int(row["jump"])


def main(
    settings: ServiceSettings,
    versions: Mapping[str, str],
    newest: LiteralString = NEWEST_EVENT,
    also: Callable[[Connection], Awaitable[None]] | None = None,
) -> None:
    """Jump, and do what `also` does, in one transaction; say what is to be done next."""
    argparse.ArgumentParser(
        description="Once after a backup was restored, before the service starts: let ids and"
        " versions jump over those that were given out since the backup."
    ).parse_args()
    try:
        jumped = asyncio.run(_run(settings, versions, newest, also))
    except psycopg.Error as error:
        sys.exit(f"Nothing was changed: {type(error).__name__}: {error}")
    sys.stdout.write(f"Ids and versions go on {jumped:,} further. Start it, then rebuild.\n")


async def _run(
    settings: ServiceSettings,
    versions: Mapping[str, str],
    newest: LiteralString,
    also: Callable[[Connection], Awaitable[None]] | None,
) -> int:
    db = Database(settings.database_url.get_secret_value(), 1)
    await db.open()
    try:
        async with db.transaction() as conn:
            jumped = await jump(conn, versions, newest)
            if also is not None:
                await also(conn)
        return jumped
    finally:
        await db.close()
