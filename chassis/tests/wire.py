"""Two small services on real databases and real sockets: one owns notes, the other keeps them."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel, SecretStr

from chassis import problems
from chassis.database import Connection, Database
from chassis.delivery import Subscriber
from chassis.inbox import Handler, Handlers
from chassis.inbox import router as inbox_router
from chassis.internal import InternalClient
from chassis.outbox import Event, publish
from chassis.settings import InternalSettings
from chassis.snapshot import each_row
from chassis.snapshot import router as snapshot_router
from chassis.testing import SECRET, listening

UPDATED, POKED, UNHEARD = "io.forum.note.updated.v1", "io.forum.note.poked.v1", "io.forum.new.v1"
SECRETS = [SecretStr(SECRET)]

SAVE = """
INSERT INTO notes (id, text)
VALUES (%(id)s, %(text)s)
ON CONFLICT (id) DO UPDATE SET text = excluded.text, version = notes.version + 1
RETURNING id, text, version
"""
KEEP = """
INSERT INTO notes (id, text, version)
VALUES (%(id)s, %(text)s, %(version)s)
ON CONFLICT (id) DO UPDATE SET text = excluded.text, version = excluded.version
WHERE notes.version < excluded.version
"""
NOTES = "SELECT id, text, version FROM notes ORDER BY id"


class NoteUpdated(BaseModel):
    """The state of a note. A text may be null here so that the database has something to refuse."""

    id: int
    text: str | None
    version: int


class NotePoked(BaseModel):
    """A step in place of a state: what is applied twice shows."""

    id: int


async def keep(conn: Connection, note: NoteUpdated) -> None:
    """Newest wins."""
    await conn.execute(KEEP, note.model_dump())


async def poke(conn: Connection, note: NotePoked) -> None:
    """Counts."""
    await conn.execute("UPDATE notes SET version = version + 1 WHERE id = %s", (note.id,))


NOTE_UPDATED = Handler(NoteUpdated, keep)
HANDLERS: Handlers = {"notes": {UPDATED: NOTE_UPDATED, POKED: Handler(NotePoked, poke)}}


async def save(db: Database, note_id: int, text: str) -> None:
    """Write a note and tell of it."""
    async with db.transaction() as conn:
        await save_within(conn, note_id, text)


async def save_within(conn: Connection, note_id: int, text: str) -> None:
    """The same in a transaction of the caller's."""
    [row] = await (await conn.execute(SAVE, {"id": note_id, "text": text})).fetchall()
    await publish(conn, [Event(UPDATED, str(note_id), row)])


async def tell(db: Database, kind: str, data: Mapping[str, Any]) -> None:
    """Publish an event without a change."""
    async with db.transaction() as conn:
        await publish(conn, [Event(kind, "1", data)])


async def rows(db: Database, statement: str = NOTES) -> list[dict[str, Any]]:
    """All rows of a statement."""
    async with db.connection() as conn:
        return await (await conn.execute(statement)).fetchall()


async def read_notes(conn: Connection) -> AsyncIterator[Mapping[str, Any]]:
    """What the owner gives in a snapshot."""
    async for row in each_row(conn, NOTES):
        yield row


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    """A database's pool."""
    db = Database(url, 5)
    await db.open()
    try:
        yield db
    finally:
        await db.close()


@dataclass
class Receiver:
    """A service that keeps notes."""

    db: Database
    url: str

    def subscriber(self, *types: str, name: str = "keeper") -> Subscriber:
        """As its owner's relay knows it."""
        client = InternalClient(self.url, SECRETS)
        return Subscriber(name, client, types or (UPDATED, POKED))


def application(db: Database, *routers: APIRouter) -> FastAPI:
    """An application of internal endpoints."""
    app = FastAPI()
    app.state.db = db
    app.state.settings = InternalSettings(
        database_url="postgresql://unused", idempotency_secret=SECRET, internal_secrets=SECRET
    )
    problems.install(app)
    for router in routers:
        app.include_router(router)
    return app


@asynccontextmanager
async def receiver(
    url: str, around: Callable[[FastAPI], Any] = lambda app: app
) -> AsyncIterator[Receiver]:
    """A running receiver; `around` may put something between it and the wire."""
    async with opened(url) as db:
        app = application(db, inbox_router(HANDLERS), snapshot_router({"notes": read_notes}))
        async with listening(around(app)) as address:
            yield Receiver(db, address)


def kill_leader(url: str) -> int:
    """End the session that holds the relay's lock; how many there were."""
    statement = """
        SELECT count(pg_terminate_backend(pid))
        FROM pg_locks
        WHERE locktype = 'advisory' AND granted AND objsubid = 1
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    """
    with psycopg.connect(url, autocommit=True) as conn:
        [(ended,)] = conn.execute(statement).fetchall()
    return int(ended)
