"""The inbox: what is delivered twice applies once, what is poison is named, the rest goes on."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from wire import HANDLERS, POKED, UNHEARD, UPDATED, opened, rows

from chassis.database import Database
from chassis.inbox import LOCK_SHARED, CloudEvent, lock_name, receive
from chassis.problems import Unavailable


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with opened(database_url) as db:
        yield db


def event(kind: str, **data: Any) -> CloudEvent:
    return CloudEvent(id=uuid.uuid4(), source="notes", type=kind, data=data)


def note(note_id: int, version: int, text: str | None = "text") -> CloudEvent:
    return event(UPDATED, id=note_id, version=version, text=text)


async def test_a_batch_that_comes_twice_applies_once(db: Database) -> None:
    batch = [note(1, 1), *(event(POKED, id=1) for _ in range(9))]
    for _ in range(2):
        assert await receive(db, HANDLERS, batch) == []
    assert [row["version"] for row in await rows(db)] == [10]


async def test_a_batch_that_comes_many_times_at_once_applies_once(db: Database) -> None:
    batch = [note(1, 1), *(event(POKED, id=1) for _ in range(9))]
    answers = await asyncio.gather(*(receive(db, HANDLERS, batch) for _ in range(5)))
    assert answers == [[]] * 5
    assert [row["version"] for row in await rows(db)] == [10]


async def test_an_event_that_is_twice_in_a_batch_applies_once(db: Database) -> None:
    poked = event(POKED, id=1)
    await receive(db, HANDLERS, [note(1, 1), poked, poked])
    assert [row["version"] for row in await rows(db)] == [2]


async def test_an_older_state_is_ignored(db: Database) -> None:
    await receive(db, HANDLERS, [note(1, 7, "newer"), note(1, 6, "older")])
    assert await rows(db) == [{"id": 1, "text": "newer", "version": 7}]


async def test_poison_is_named_and_the_rest_applies(db: Database) -> None:
    malformed, forbidden = event(UPDATED, id="Ann"), note(2, 1, None)
    too_large = note(2**70, 1)
    batch = [note(1, 1), malformed, forbidden, too_large, note(3, 1)]
    assert await receive(db, HANDLERS, batch) == [
        {"id": str(malformed.id), "reason": "id: int_parsing"},
        {"id": str(forbidden.id), "reason": "NotNullViolation"},
        {"id": str(too_large.id), "reason": "NumericValueOutOfRange"},
    ]
    assert [row["id"] for row in await rows(db)] == [1, 3]


async def test_what_was_refused_may_come_again(db: Database) -> None:
    refused = note(1, 1, None)
    assert len(await receive(db, HANDLERS, [refused])) == 1
    mended = refused.model_copy(update={"data": note(1, 1).data})
    assert await receive(db, HANDLERS, [mended]) == []
    assert [row["id"] for row in await rows(db)] == [1]


async def test_an_unknown_type_or_source_is_acknowledged(db: Database) -> None:
    strange = event(UPDATED, id=1).model_copy(update={"source": "elsewhere"})
    assert await receive(db, HANDLERS, [event(UNHEARD), strange]) == []


async def test_a_fault_of_the_database_is_nobodys_poison(db: Database) -> None:
    async with db.transaction() as conn:
        await conn.execute("LOCK TABLE notes")
        with pytest.raises(Unavailable):
            await receive(db, HANDLERS, [note(1, 1)])
    assert await receive(db, HANDLERS, [note(1, 1)]) == []


async def test_batches_of_one_source_do_not_wait_for_each_other(db: Database) -> None:
    async with db.transaction() as conn:
        await conn.execute(LOCK_SHARED, (lock_name("notes"),))
        assert await asyncio.wait_for(receive(db, HANDLERS, [note(1, 1)]), 2) == []
