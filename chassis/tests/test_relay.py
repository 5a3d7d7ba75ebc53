"""The outbox and its relay: what commits is delivered, whoever is late, hangs or dies."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from wire import (
    POKED,
    SECRETS,
    UNHEARD,
    UPDATED,
    Receiver,
    kill_leader,
    opened,
    receiver,
    rows,
    save,
    save_within,
    tell,
)

from chassis import delivery, pruning, relay
from chassis.database import Database
from chassis.delivery import Subscriber
from chassis.internal import InternalClient
from chassis.relay import Relay
from chassis.replay import replay
from chassis.testing import Databases, eventually

MIGRATIONS = Path(__file__).parent / "migrations"


@pytest.fixture
async def owner(database_url: str) -> AsyncIterator[Database]:
    async with opened(database_url) as db:
        yield db


@pytest.fixture
def keeper_url(databases: Databases) -> Iterator[str]:
    url = databases.create(MIGRATIONS)
    yield url
    databases.drop(url)


@pytest.fixture
async def keeper(keeper_url: str) -> AsyncIterator[Receiver]:
    async with receiver(keeper_url) as running:
        yield running


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for refused events that are due all the time."""
    monkeypatch.setattr(delivery, "POLL_SECONDS", 0.02)


@asynccontextmanager
async def relaying(db: Database, *subscribers: Subscriber) -> AsyncIterator[Relay]:
    running = Relay(db, "notes", subscribers)
    running.start()
    try:
        yield running
    finally:
        await running.stop(1)
        for subscriber in subscribers:
            await subscriber.client.close()


@asynccontextmanager
async def hanging() -> AsyncIterator[str]:
    """The address of somebody who takes every connection and never says a word."""

    async def listen_only(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(listen_only, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def same_notes(owner: Database, kept: Database) -> Callable[[], Awaitable[bool]]:
    async def same() -> bool:
        return await rows(owner) == await rows(kept)

    return same


def has(db: Database, count: int) -> Callable[[], Awaitable[bool]]:
    async def reached() -> bool:
        return len(await rows(db)) == count

    return reached


async def test_an_event_that_commits_late_is_delivered(owner: Database, keeper: Receiver) -> None:
    async with relaying(owner, keeper.subscriber()):
        async with owner.transaction() as late:
            await save_within(late, 1, "written first, committed last")
            for note_id in range(2, 6):
                await save(owner, note_id, "overtakes")
            await eventually(has(keeper.db, 4))
        await eventually(same_notes(owner, keeper.db))
    [first, *others] = await rows(owner, "SELECT id, seq FROM outbox ORDER BY id")
    assert first["seq"] > max(other["seq"] for other in others)


async def test_what_is_rolled_back_is_never_sent(owner: Database, keeper: Receiver) -> None:
    async with relaying(owner, keeper.subscriber()):
        async with owner.transaction() as conn:
            await save_within(conn, 1, "never was")
            raise psycopg.Rollback
        await save(owner, 2, "was")
        await eventually(same_notes(owner, keeper.db))


async def test_a_hanging_subscriber_delays_no_other(owner: Database, keeper: Receiver) -> None:
    async with hanging() as address:
        stuck = Subscriber("stuck", InternalClient(address, SECRETS), [UPDATED])
        async with relaying(owner, stuck, keeper.subscriber()):
            for note_id in range(20):
                await save(owner, note_id, "on its way")
                await eventually(has(keeper.db, note_id + 1), within=2)
    cursors = await rows(owner, "SELECT seq FROM relay_cursors ORDER BY subscriber")
    assert [cursor["seq"] for cursor in cursors] == [20, 0]


async def test_a_follower_takes_over_when_the_leader_loses_its_connection(
    owner: Database, keeper: Receiver, database_url: str
) -> None:
    async with (
        opened(database_url) as replica,
        relaying(owner, keeper.subscriber()),
        relaying(replica, keeper.subscriber()),
    ):
        for turn in range(3):
            await save(owner, 2 * turn, "written by one replica")
            await save(replica, 2 * turn + 1, "written by the other")
            await eventually(same_notes(owner, keeper.db))
            assert kill_leader(database_url) == 1


async def test_a_follower_tells_the_leader_of_a_commit_at_once(
    owner: Database, keeper: Receiver, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "POLL_SECONDS", 60)
    monkeypatch.setattr(relay, "LOSE_WHEN_SILENT", "SET idle_session_timeout = 0")
    async with opened(database_url) as replica, relaying(owner, keeper.subscriber()):
        await save(owner, 1, "the first one leads")
        await eventually(same_notes(owner, keeper.db))
        async with relaying(replica, keeper.subscriber()):
            await save(replica, 2, "heard by NOTIFY alone")
            await eventually(same_notes(owner, keeper.db))


async def test_a_leader_that_dies_in_mid_batch_loses_nothing_and_doubles_nothing(
    owner: Database, keeper_url: str, database_url: str
) -> None:
    applied = asyncio.Event()

    def answers_once_too_late(app: FastAPI) -> Any:
        async def around(scope: Any, receive: Any, send: Any) -> None:
            first = not applied.is_set()

            async def send_late(message: Any) -> None:
                applied.set()
                if first:
                    await asyncio.sleep(60)
                await send(message)

            await app(scope, receive, send_late)

        return around

    await save(owner, 1, "poked below")
    for _ in range(250):
        await tell(owner, POKED, {"id": 1})
    async with receiver(keeper_url, answers_once_too_late) as keeper:
        async with relaying(owner, keeper.subscriber()):
            await asyncio.wait_for(applied.wait(), 5)
            assert kill_leader(database_url) == 1

            async def all_poked() -> bool:
                return [note["version"] for note in await rows(keeper.db)] == [251]

            await eventually(all_poked)

            async def passed() -> bool:
                return await rows(owner, "SELECT seq FROM relay_cursors") == [{"seq": 251}]

            await eventually(passed)
        assert await all_poked()


async def test_a_relay_that_stops_ends_the_batch_that_is_on_its_way(
    owner: Database, keeper_url: str
) -> None:
    arrived, may_go_on = asyncio.Event(), asyncio.Event()

    def held_back(app: FastAPI) -> Any:
        async def around(scope: Any, receive: Any, send: Any) -> None:
            arrived.set()
            await may_go_on.wait()
            await app(scope, receive, send)

        return around

    async with receiver(keeper_url, held_back) as keeper:
        async with relaying(owner, keeper.subscriber()) as running:
            await save(owner, 1, "on its way")
            await asyncio.wait_for(arrived.wait(), 5)
            stopping = asyncio.create_task(running.stop())
            await asyncio.sleep(0)
            may_go_on.set()
            await stopping
        assert await rows(owner, "SELECT seq FROM relay_cursors") == [{"seq": 1}]
        assert await rows(keeper.db) == await rows(owner)


async def test_a_refused_event_rests_after_its_tries_and_can_be_replayed(
    owner: Database, keeper: Receiver, quick: None
) -> None:
    async def letters() -> list[dict[str, Any]]:
        return await rows(owner, "SELECT tries, reason, next_try_at FROM dead_letters ORDER BY id")

    async def tried(times: int) -> bool:
        return [letter["tries"] for letter in await letters()] == [times, times]

    async with relaying(owner, keeper.subscriber()):
        await save(owner, 1, "before")
        await tell(owner, UPDATED, {"id": "Ann's number", "text": "malformed", "version": 1})
        await tell(owner, UPDATED, {"id": 2, "text": None, "version": 1})
        await save(owner, 3, "after")
        await eventually(same_notes(owner, keeper.db))
        for times in range(2, delivery.TRIES + 1):
            await run(owner, "UPDATE dead_letters SET next_try_at = now()")
            await eventually(partial(tried, times))
        counted = REGISTRY.get_sample_value("forum_dead_letters", {"subscriber": "keeper"})
        assert counted == 2
        resting = await letters()
        assert [letter["next_try_at"] for letter in resting] == [None, None]
        assert [letter["reason"] for letter in resting] == ["id: int_parsing", "NotNullViolation"]

        await run(owner, 'UPDATE outbox SET data = data || \'{"id": 2, "text": "mended"}\'')
        assert len(await replay(owner)) == 2
        await eventually(lambda: has_rows(owner, "SELECT id FROM dead_letters", 0))
        assert {"id": 2, "text": "mended", "version": 1} in await rows(keeper.db)


async def test_one_event_is_replayed_by_its_id(owner: Database, keeper: Receiver) -> None:
    async with relaying(owner, keeper.subscriber()):
        for _ in range(2):
            await tell(owner, UPDATED, {"id": 1})
        await eventually(lambda: has_rows(owner, "SELECT id FROM dead_letters", 2))
    [first, _] = await rows(owner, "SELECT event_id FROM outbox ORDER BY id")
    [replayed] = await replay(owner, first["event_id"])
    assert replayed["event_id"] == first["event_id"]


async def test_a_cursor_passes_what_nobody_wants(owner: Database, keeper: Receiver) -> None:
    await tell(owner, UNHEARD, {})
    await save(owner, 1, "wanted")
    for _ in range(delivery.BATCH * 2):
        await tell(owner, UNHEARD, {})
    async with relaying(owner, keeper.subscriber()):
        end = delivery.BATCH * 2 + 2
        await eventually(lambda: has_rows(owner, f"SELECT FROM relay_cursors WHERE seq = {end}", 1))
    assert await rows(keeper.db) == await rows(owner)


async def test_a_database_that_is_away_is_waited_for(
    owner: Database, keeper: Receiver, database_url: str, postgres: str
) -> None:
    async with relaying(owner, keeper.subscriber()):
        await save(owner, 1, "before")
        await eventually(same_notes(owner, keeper.db))
        forbid = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        name = sql.Identifier(str(conninfo_to_dict(database_url)["dbname"]))
        async with await psycopg.AsyncConnection.connect(postgres, autocommit=True) as admin:
            await admin.execute(forbid.format(name, sql.SQL("false")))
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                (conninfo_to_dict(database_url)["dbname"],),
            )
            await admin.execute(forbid.format(name, sql.SQL("true")))
        await eventually(lambda: saved(owner, 2))
        await eventually(same_notes(owner, keeper.db))


async def test_what_all_have_had_for_seven_days_is_pruned(
    owner: Database, keeper: Receiver
) -> None:
    await tell(owner, UPDATED, {"id": "refused"})
    for note_id in range(3):
        await save(owner, note_id, "passed")
    async with relaying(owner, keeper.subscriber()):
        await eventually(lambda: has_rows(owner, "SELECT FROM relay_cursors WHERE seq = 4", 1))
    await pruning.mark(owner)
    await save(owner, 3, "not passed")
    assert await pruning.prune(owner, pruning.SERVICE) == 0
    await run(owner, "UPDATE relay_marks SET at = at - interval '7 days 1 minute'")
    assert await pruning.prune(owner, pruning.SERVICE) == 2
    left = await rows(owner, "SELECT seq FROM outbox ORDER BY id")
    assert [row["seq"] for row in left] == [1, 4, None]


async def has_rows(db: Database, statement: str, count: int) -> bool:
    return len(await rows(db, statement)) == count


async def run(db: Database, statement: str) -> None:
    async with db.connection() as conn:
        await conn.execute(statement)


async def saved(db: Database, note_id: int) -> bool:
    try:
        await save(db, note_id, "after")
    except psycopg.OperationalError:
        return False
    return True
