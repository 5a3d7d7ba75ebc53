"""The subscriber's half of a rebuild: a projection is made anew from its owner's snapshot.

Why nothing is lost, and nothing counted twice, while the owner goes on changing:

- The rebuild holds the lock of the source alone, and events of that source are applied under the
  same lock, shared. An event was therefore applied either before the rebuild took the lock or after
  the rebuild committed; in between it waits, and where that takes too long it is sent again.
- What was applied before had committed at the owner before the snapshot began, so the snapshot
  includes it. What comes after carries versions: what the snapshot had is ignored, newer wins.
- The record of received ids is emptied with the projection, so that an event that is sent again
  because it was not known to be taken is judged by its version alone.
- All is one transaction: whatever fails half-way, a cut stream too, leaves the old projection.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
from pydantic_core import to_json

from chassis.database import Connection, Database
from chassis.inbox import Handler, lock_name
from chassis.internal import InternalClient
from chassis.settings import InternalSettings

ROWS_AT_ONCE = 500
PATIENCE_SECONDS = 30.0

# One long transaction by intention; live traffic keeps its limits.
WITHOUT_LIMITS = "SET LOCAL statement_timeout = 0"
WAIT_LONGER = "SET LOCAL lock_timeout = '30s'"
STAY_OPEN = "SET LOCAL idle_in_transaction_session_timeout = '60s'"
LOCK_ALONE = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
FORGET = "DELETE FROM inbox WHERE source = %s"


@dataclass(frozen=True, slots=True)
class Projection:
    """What is kept here of another service.

    `source` is that service and `url` its address; `of` is the kind of snapshot to ask for. `empty`
    takes the projection back to before the first event; where its rows hold facts of our own too,
    it sets their version to 0 in place of deleting them. `handler` is the one of the inbox.
    """

    source: str
    url: str
    of: str
    empty: Callable[[Connection], Awaitable[None]]
    handler: Handler[Any]


async def rebuild(db: Database, client: InternalClient, projection: Projection) -> tuple[int, int]:
    """Empty and fill `projection`. The number of rows, and the seq up to which they tell."""
    request = to_json({"operation": "snapshot", "of": projection.of})
    rows = 0
    async with db.transaction() as conn:
        for setting in (WITHOUT_LIMITS, WAIT_LONGER, STAY_OPEN):
            await conn.execute(setting)
        await conn.execute(LOCK_ALONE, (lock_name(projection.source),))
        await projection.empty(conn)
        await conn.execute(FORGET, (projection.source,))
        async with client.stream("/internal/snapshot", request) as snapshot:
            batches = _batches(snapshot)
            first, *lines = await anext(batches)
            rows += await _apply(conn, projection.handler, lines)
            async for lines in batches:
                rows += await _apply(conn, projection.handler, lines)
    return rows, json.loads(first)["seq"]


async def _apply(conn: Connection, handler: Handler[Any], lines: Sequence[bytes]) -> int:
    async with conn.pipeline():
        for line in lines:
            await handler.apply(conn, handler.model.model_validate_json(line))
    return len(lines)


async def _batches(response: httpx.Response) -> AsyncIterator[list[bytes]]:
    """The lines, some hundred at a time. Split at LF alone: httpx splits at U+2028 as well."""
    lines: list[bytes] = []
    rest = b""
    async for chunk in response.aiter_bytes():
        *whole, rest = (rest + chunk).split(b"\n")
        lines += whole
        if len(lines) >= ROWS_AT_ONCE:
            yield lines
            lines = []
    yield lines


def main(settings: InternalSettings, projections: Sequence[Projection]) -> None:
    """The command `python -m SERVICE.rebuild [SOURCE]`; without a source, all of them."""
    parser = argparse.ArgumentParser(description="Make what is kept of other services anew.")
    sources = [projection.source for projection in projections]
    parser.add_argument("source", nargs="?", choices=sources, help="all of them when left out")
    chosen = parser.parse_args().source
    try:
        asyncio.run(_run(settings, [p for p in projections if chosen in (None, p.source)]))
    except (httpx.HTTPError, psycopg.Error) as error:
        sys.exit(f"Nothing was changed for the last source: {type(error).__name__}: {error}")


async def _patiently(
    db: Database, client: InternalClient, projection: Projection
) -> tuple[int, int]:
    """As `rebuild`, once the owner takes connections: it may have been started just now."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return await rebuild(db, client, projection)
        except httpx.ConnectError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.5)


async def _run(settings: InternalSettings, projections: Sequence[Projection]) -> None:
    db = Database(settings.database_url.get_secret_value(), 1)
    await db.open()
    try:
        for projection in projections:
            client = InternalClient(projection.url, settings.internal_secrets)
            sys.stdout.write(f"{projection.source}: reading its {projection.of} ...\n")
            rows, seq = await _patiently(db, client, projection)
            await client.close()
            sys.stdout.write(f"{projection.source}: {rows} rows, up to its event {seq}\n")
    finally:
        await db.close()
