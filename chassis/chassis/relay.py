"""The sending half of the transactional outbox: committed events reach each subscriber, in order.

Reading `id > last` would lose events: ids are given when a row is written, so a transaction that
commits late leaves a row behind a reader that has passed it. Here nothing is sent by its id. One
replica, the leader, stamps the rows that it can see and that have no `seq` yet with the next ones.
A row that commits late gets a later `seq`, and only what is stamped and committed is sent.

Leading is holding a session advisory lock, and stamping happens on the very connection that holds
it: a leader that lost the lock cannot stamp. Two replicas that send at once, for a moment, do no
harm: cursors only move forward and inboxes know what they have.
"""

import asyncio
import contextlib
from collections.abc import Sequence

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from chassis import pruning
from chassis.database import Connection, Database, Row
from chassis.delivery import Delivery, Subscriber, backoff, forget_gauges

STAMPED_AT_ONCE = 500
POLL_SECONDS = 1.0
# A commit after a pause is sent at once; under load those of some milliseconds go as one batch.
GATHER_SECONDS = 0.02
LOCK_KEY = 0x0072_656C_6179
log = structlog.get_logger()

# The server ends a session that says nothing for 10 s, as one whose machine is gone, and with it
# frees the lock. A live leader or follower polls each second.
LOSE_WHEN_SILENT = "SET idle_session_timeout = '10s'"
TRY_TO_LEAD = "SELECT pg_try_advisory_lock(%s) AS leads"
STAMP = """
WITH unstamped AS (
    SELECT id, row_number() OVER (ORDER BY id) AS place
    FROM outbox
    WHERE seq IS NULL
    ORDER BY id
    LIMIT %s
), stamped AS (
    UPDATE outbox
    SET seq = (SELECT coalesce(max(seq), 0) FROM outbox) + unstamped.place
    FROM unstamped
    WHERE outbox.id = unstamped.id
    RETURNING seq
)
SELECT count(*) AS rows, max(seq) AS seq FROM stamped
"""
LAST_STAMPED = "SELECT coalesce(max(seq), 0) AS seq FROM outbox"


class Relay:
    """Runs in every replica of a service; one of them leads, the others stand by.

    `source` is the service's name. Make one after the Database: it hangs itself on `after_commit`.
    """

    def __init__(self, db: Database, source: str, subscribers: Sequence[Subscriber]) -> None:
        self._db = db
        self._deliveries = [Delivery(db, source, subscriber) for subscriber in subscribers]
        self._bell = asyncio.Event()
        self._stopping = asyncio.Event()
        self._not_before = 0.0
        self._task: asyncio.Task[None] | None = None
        db.after_commit = self._bell.set

    def start(self) -> None:
        """Begin in the background. A database that is down is waited for."""
        self._task = asyncio.create_task(self._run(), name="relay")

    async def stop(self, drain_seconds: float = 3) -> None:
        """End after the batches that are on their way; what is left goes out at the next start."""
        if self._task is None:
            return
        self._stopping.set()
        self._bell.set()
        for delivery in self._deliveries:
            delivery.stop()
        await asyncio.wait([self._task], timeout=drain_seconds)
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                async with await _connect(self._db) as conn:
                    failures = 0
                    if await self._follow(conn):
                        await self._lead(conn)
            except psycopg.OperationalError as error:
                log.warning("relay_lost_its_connection", error=type(error).__name__)
            except Exception:
                log.exception("relay_failed")
            failures += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), backoff(failures))

    async def _follow(self, conn: Connection) -> bool:
        """Stand by until the lock is ours, telling the leader that something committed here."""
        now, try_at = asyncio.get_running_loop().time, 0.0
        while not self._stopping.is_set():
            if now() >= try_at:
                if (await _one(conn, TRY_TO_LEAD, LOCK_KEY))["leads"]:
                    return True
                try_at = now() + POLL_SECONDS
            if self._bell.is_set():
                self._bell.clear()
                await conn.execute("NOTIFY relay")
            await self._wait(conn)
        return False

    async def _lead(self, conn: Connection) -> None:
        log.info("relay_leads")
        conn.add_notify_handler(lambda _: self._bell.set())
        await conn.execute("LISTEN relay")
        seq = (await _one(conn, LAST_STAMPED))["seq"]
        deliveries = [asyncio.create_task(delivery.run(seq)) for delivery in self._deliveries]
        housekeeping = asyncio.create_task(pruning.run(self._db, pruning.SERVICE))
        try:
            await self._stamp(conn)
            await asyncio.gather(*deliveries)
        finally:
            for task in (*deliveries, housekeeping):
                task.cancel()
            await asyncio.gather(*deliveries, housekeeping, return_exceptions=True)
            forget_gauges()

    async def _stamp(self, conn: Connection) -> None:
        while not self._stopping.is_set():
            self._bell.clear()
            # One statement in autocommit: the stamps are committed before anything is sent.
            stamped = await _one(conn, STAMP, STAMPED_AT_ONCE)
            if stamped["rows"]:
                for delivery in self._deliveries:
                    delivery.wake(stamped["seq"])
            if stamped["rows"] < STAMPED_AT_ONCE:
                await self._wait(conn)

    async def _wait(self, conn: Connection) -> None:
        """Until a commit here, a word on the connection (a NOTIFY, or its end), or a second."""
        loop, descriptor = asyncio.get_running_loop(), conn.fileno()
        loop.add_reader(descriptor, self._bell.set)
        try:
            await asyncio.wait_for(self._bell.wait(), POLL_SECONDS)
        except TimeoutError:
            pass
        finally:
            loop.remove_reader(descriptor)
        await asyncio.sleep(max(0.0, self._not_before - loop.time()))
        self._not_before = loop.time() + GATHER_SECONDS


async def _connect(db: Database) -> Connection:
    conn = await AsyncConnection[Row].connect(db.conninfo, autocommit=True, row_factory=dict_row)
    await conn.execute(LOSE_WHEN_SILENT)
    return conn


async def _one(conn: Connection, statement: str, *values: object) -> Row:
    """The one row of a statement that always has one."""
    [row] = await (await conn.execute(statement, values)).fetchall()
    return row
