"""What the relay's leader does for one subscriber: read, post, move the cursor, try refused ones.

Each subscriber has a task of its own, so one that hangs or is down delays no other.
"""

import asyncio
import contextlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import psycopg
import structlog
from prometheus_client import Counter, Gauge
from psycopg.types.json import Jsonb
from pydantic import BaseModel
from pydantic_core import to_json

from chassis.database import Database, Row
from chassis.internal import InternalClient

BATCH = 100
POST_SECONDS = 5.0
POLL_SECONDS = 1.0
# Counters are to be right within 5 s after an outage, however long it was. To be asked so often is
# nothing to a service.
LONGEST_BACKOFF_SECONDS = 2.0
TRIES = 5
log = structlog.get_logger()

LAG = Gauge("forum_relay_lag_seconds", "Age of the oldest event not delivered.", ["subscriber"])
EVENTS = Counter("forum_relay_events", "Events posted, by outcome.", ["subscriber", "outcome"])
FAILURES = Counter("forum_relay_failed_posts", "Batches that were not taken.", ["subscriber"])
DEAD_LETTERS = Gauge("forum_dead_letters", "Events refused and set aside.", ["subscriber"])

CURSOR = """
INSERT INTO relay_cursors AS kept (subscriber, seq)
VALUES (%s, 0)
ON CONFLICT (subscriber) DO UPDATE SET seq = kept.seq
RETURNING seq
"""
NEXT = """
SELECT id, seq, event_id, type, subject, data, traceparent, created_at
FROM outbox
WHERE seq > %s AND seq <= %s AND type = ANY (%s)
ORDER BY seq
LIMIT %s
"""
# What was refused is set aside in the statement that passes it. A second refusal counts as a try,
# and the last one leaves the letter to rest until somebody replays it.
SETTLE = f"""
WITH refused AS (
    INSERT INTO dead_letters AS letter (subscriber, outbox_id, tries, reason, next_try_at)
    SELECT %(subscriber)s, outbox_id, 1, reason, now() + interval '1 second'
    FROM jsonb_to_recordset(%(refused)s) AS refused (outbox_id bigint, reason text)
    ON CONFLICT (outbox_id, subscriber) DO UPDATE
    SET tries = letter.tries + 1,
        reason = excluded.reason,
        next_try_at = CASE WHEN letter.tries + 1 < {TRIES}
            THEN now() + interval '1 second' * 3 ^ letter.tries END
), accepted AS (
    DELETE FROM dead_letters
    WHERE subscriber = %(subscriber)s AND outbox_id = ANY (%(accepted)s::bigint[])
)
UPDATE relay_cursors
SET seq = %(seq)s, updated_at = now()
WHERE subscriber = %(subscriber)s AND seq < %(seq)s
"""  # noqa: S608 -- a constant of this module
COUNT_LETTERS = "SELECT count(*) AS letters FROM dead_letters WHERE subscriber = %s"
DUE = """
SELECT outbox.id, seq, event_id, type, subject, data, traceparent, created_at
FROM dead_letters
JOIN outbox ON outbox.id = dead_letters.outbox_id
WHERE subscriber = %s AND next_try_at <= now()
ORDER BY seq
LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A service that is told of events of these types."""

    name: str
    client: InternalClient
    types: Sequence[str]


class _Refused(BaseModel):
    id: UUID
    reason: str


class _Answer(BaseModel):
    refused: list[_Refused]


def backoff(failures: int) -> float:
    """Seconds to wait after so many failures in a row; jitter keeps replicas apart."""
    longest = min(LONGEST_BACKOFF_SECONDS, 0.2 * 1.3 ** min(failures, 50))
    return longest * random.uniform(0.5, 1)  # noqa: S311 -- jitter, not a secret


def forget_gauges() -> None:
    """A replica that leads no more knows of no lag; the new leader tells."""
    LAG.clear()
    DEAD_LETTERS.clear()


class Delivery:
    """Brings one subscriber up to date, and keeps it so."""

    def __init__(self, db: Database, source: str, subscriber: Subscriber) -> None:
        self._db = db
        self._source = source
        self._to = subscriber
        self._bell = asyncio.Event()
        self._stopping = asyncio.Event()
        self._stamped = 0
        self._cursor = 0
        self._letters_read_at = 0.0

    def wake(self, stamped: int) -> None:
        """Everything up to the seq `stamped` is committed."""
        self._stamped = stamped
        self._bell.set()

    def stop(self) -> None:
        """Let `run` end after the batch that is on its way."""
        self._stopping.set()
        self._bell.set()

    async def run(self, stamped: int) -> None:
        """Deliver for as long as this replica leads. Whatever goes wrong is tried again."""
        self.wake(stamped)
        failures, self._cursor = 0, -1
        while not self._stopping.is_set():
            self._bell.clear()
            try:
                await self._catch_up()
                await self._retry_refused()
            except Exception as error:  # noqa: BLE001 -- no fault may end the deliveries
                failures += 1
                self._report(error, failures)
                await self._pause(self._stopping, backoff(failures))
            else:
                failures = 0
                await self._pause(self._bell, POLL_SECONDS)

    async def _catch_up(self) -> None:
        if self._cursor < 0:
            async with self._db.connection() as conn:
                [row] = await (await conn.execute(CURSOR, (self._to.name,))).fetchall()
            self._cursor = row["seq"]
        while self._cursor < self._stamped and not self._stopping.is_set():
            upto = self._stamped
            async with self._db.connection() as conn:
                wanted = (self._cursor, upto, list(self._to.types), BATCH)
                rows = await (await conn.execute(NEXT, wanted)).fetchall()
            # Fewer than asked for: the rest, up to `upto`, is of types that nobody wants there.
            seq = rows[-1]["seq"] if len(rows) == BATCH else upto
            await self._deliver(rows, seq)
            self._cursor = seq
        LAG.labels(self._to.name).set(0)

    async def _retry_refused(self) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._letters_read_at + POLL_SECONDS:
            return
        self._letters_read_at = now
        async with self._db.connection() as conn:
            [counted] = await (await conn.execute(COUNT_LETTERS, (self._to.name,))).fetchall()
            DEAD_LETTERS.labels(self._to.name).set(counted["letters"])
            if not counted["letters"]:
                return
            rows = await (await conn.execute(DUE, (self._to.name, BATCH))).fetchall()
        if rows:
            await self._deliver(rows, 0, retried=True)

    async def _deliver(self, rows: list[Row], seq: int, *, retried: bool = False) -> None:
        """Post outside any transaction, then settle what came of it in one statement."""
        refused: dict[UUID, str] = {}
        if rows:
            LAG.labels(self._to.name).set(
                (datetime.now(UTC) - rows[0]["created_at"]).total_seconds()
            )
            refused = await self._post(rows)
        letters = [
            {"outbox_id": row["id"], "reason": refused[row["event_id"]]}
            for row in rows
            if row["event_id"] in refused
        ]
        accepted = [row["id"] for row in rows if row["event_id"] not in refused] if retried else []
        settled = {
            "subscriber": self._to.name,
            "refused": Jsonb(letters),
            "accepted": accepted,
            "seq": seq,
        }
        async with self._db.connection() as conn:
            await conn.execute(SETTLE, settled)
        EVENTS.labels(self._to.name, "refused").inc(len(letters))
        EVENTS.labels(self._to.name, "accepted").inc(len(rows) - len(letters))

    async def _post(self, rows: list[Row]) -> dict[UUID, str]:
        """The reasons of those that the subscriber refused, by event id."""
        answer = await self._to.client.post(
            "/internal/events",
            to_json([cloud_event(self._source, row) for row in rows]),
            timeout=POST_SECONDS,
            content_type="application/cloudevents-batch+json",
        )
        answer.raise_for_status()
        parsed = _Answer.model_validate_json(answer.content)
        return {refusal.id: refusal.reason for refusal in parsed.refused}

    def _report(self, error: Exception, failures: int) -> None:
        FAILURES.labels(self._to.name).inc()
        expected = isinstance(error, psycopg.Error | httpx.HTTPError)
        status = error.response.status_code if isinstance(error, httpx.HTTPStatusError) else None
        log.warning(
            "events_not_delivered",
            subscriber=self._to.name,
            error=type(error).__name__,
            status=status,
            failures=failures,
            exc_info=None if expected else error,
        )

    async def _pause(self, until: asyncio.Event, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(until.wait(), seconds)


def cloud_event(source: str, row: Row) -> dict[str, Any]:
    """A row of the outbox as a CloudEvent 1.0, with the trace of the request that wrote it."""
    event = {
        "specversion": "1.0",
        "id": row["event_id"],
        "source": source,
        "type": row["type"],
        "subject": row["subject"],
        "time": row["created_at"],
        "datacontenttype": "application/json",
        "data": row["data"],
    }
    if row["traceparent"]:
        event["traceparent"] = row["traceparent"]
    return event
