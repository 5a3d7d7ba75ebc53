"""A projection made anew equals the one kept live, whatever happens meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from conftest import MIGRATIONS
from wire import (
    NOTE_UPDATED,
    SECRETS,
    Receiver,
    application,
    opened,
    read_notes,
    receiver,
    rows,
    save,
)

from chassis.database import Connection, Database
from chassis.internal import InternalClient
from chassis.rebuild import Projection, rebuild
from chassis.relay import Relay
from chassis.snapshot import router as snapshot_router
from chassis.testing import Databases, eventually, listening


async def empty(conn: Connection) -> None:
    await conn.execute("DELETE FROM notes")


async def broken(conn: Connection) -> AsyncIterator[Mapping[str, Any]]:
    """Enough for some chunks to be on the wire, then an end that nobody planned."""
    for note_id in range(5000):
        yield {"id": note_id, "text": "x" * 100, "version": 1}
    raise RuntimeError("on purpose")


@dataclass
class Pair:
    """An owner of notes that serves snapshots, and a keeper of them."""

    owner: Database
    keeper: Receiver
    client: InternalClient
    url: str

    def projection(self, of: str = "notes") -> Projection:
        return Projection("notes", self.url, of, empty, NOTE_UPDATED)

    async def same(self) -> bool:
        return await rows(self.owner) == await rows(self.keeper.db)


@pytest.fixture
def keeper_url(databases: Databases) -> Iterator[str]:
    url = databases.create(MIGRATIONS)
    yield url
    databases.drop(url)


@pytest.fixture
async def pair(database_url: str, keeper_url: str) -> AsyncIterator[Pair]:
    async with opened(database_url) as owner, receiver(keeper_url) as keeper:
        app = application(owner, snapshot_router({"notes": read_notes, "broken": broken}))
        async with listening(app) as url:
            client = InternalClient(url, SECRETS)
            yield Pair(owner, keeper, client, url)
            await client.close()


async def test_a_rebuild_takes_what_was_never_delivered(pair: Pair) -> None:
    for note_id in range(1200):
        await save(pair.owner, note_id, "a line\u2028and another\nand one more")
    await rows(pair.keeper.db, "INSERT INTO notes (id, text) VALUES (-1, 'gone') RETURNING id")
    assert await rebuild(pair.keeper.db, pair.client, pair.projection()) == (1200, 0)
    assert await pair.same()


async def test_a_rebuild_in_the_middle_of_traffic_loses_nothing(pair: Pair) -> None:
    done = asyncio.Event()

    async def write(writer: int) -> int:
        saved = 0
        while not done.is_set():
            await save(pair.owner, (writer + saved) % 50, f"{writer}: {saved}")
            saved += 1
        return saved

    subscriber = pair.keeper.subscriber()
    relay = Relay(pair.owner, "notes", [subscriber])
    relay.start()
    writers = [asyncio.create_task(write(writer)) for writer in range(2)]
    for _ in range(5):
        await rebuild(pair.keeper.db, pair.client, pair.projection())
        await eventually(lambda: rows(pair.keeper.db, "SELECT FROM inbox"))
    done.set()
    assert min(await asyncio.gather(*writers)) > 0
    await eventually(pair.same)
    await relay.stop()
    await subscriber.client.close()
    await rebuild(pair.keeper.db, pair.client, pair.projection())
    assert await pair.same()


async def test_a_snapshot_that_ends_half_way_changes_nothing(pair: Pair) -> None:
    await rows(pair.keeper.db, "INSERT INTO notes (id, text) VALUES (1, 'kept') RETURNING id")
    with pytest.raises(httpx.HTTPError):
        await rebuild(pair.keeper.db, pair.client, pair.projection("broken"))
    assert [row["text"] for row in await rows(pair.keeper.db)] == ["kept"]


async def test_an_owner_that_refuses_changes_nothing(pair: Pair) -> None:
    await rows(pair.keeper.db, "INSERT INTO notes (id, text) VALUES (1, 'kept') RETURNING id")
    with pytest.raises(httpx.HTTPStatusError):
        await rebuild(pair.keeper.db, pair.client, pair.projection("nothing"))
    assert [row["text"] for row in await rows(pair.keeper.db)] == ["kept"]
