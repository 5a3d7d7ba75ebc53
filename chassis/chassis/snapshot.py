"""The owner's half of a rebuild: `POST /internal/snapshot` streams what it owns, at one moment."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Literal, LiteralString

from fastapi import APIRouter, Request
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json
from starlette.responses import StreamingResponse

from chassis.database import Connection, Database, Row
from chassis.internal import SignedBody
from chassis.problems import Invalid

# Reads one kind of thing and gives the `data` of the event that would tell of each.
Read = Callable[[Connection], AsyncIterator[Mapping[str, Any]]]

CHUNK_BYTES = 64 * 1024
ROWS_AT_ONCE = 1000
ONE_MOMENT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
LAST_STAMPED = "SELECT coalesce(max(seq), 0) AS seq FROM outbox"


class Wanted(BaseModel):
    """The body of the call; `operation` keeps its signature from being good for another one."""

    operation: Literal["snapshot"]
    of: str


def router(kinds: Mapping[str, Read]) -> APIRouter:
    """NDJSON: first `{"seq": n}`, the last stamped event that it includes, then the data."""
    routes = APIRouter(include_in_schema=False)

    @routes.post("/internal/snapshot")
    async def read_snapshot(request: Request, body: SignedBody) -> StreamingResponse:
        try:
            read = kinds[Wanted.model_validate_json(body).of]
        except (ValidationError, KeyError):
            raise Invalid(f"Ask for a snapshot of one of: {', '.join(sorted(kinds))}.") from None
        return StreamingResponse(
            _lines(request.app.state.db, read), media_type="application/x-ndjson"
        )

    return routes


async def each_row(conn: Connection, statement: LiteralString) -> AsyncIterator[Row]:
    """The rows of a statement through a server-side cursor, in constant memory."""
    async with conn.cursor(name="each_row") as cursor:
        cursor.itersize = ROWS_AT_ONCE
        await cursor.execute(statement)
        async for row in cursor:
            yield row


async def _lines(db: Database, read: Read) -> AsyncIterator[bytes]:
    async with db.transaction() as conn:
        await conn.execute(ONE_MOMENT)
        [last] = await (await conn.execute(LAST_STAMPED)).fetchall()
        chunk = bytearray(to_json(last) + b"\n")
        async for item in read(conn):
            chunk += to_json(item) + b"\n"
            if len(chunk) > CHUNK_BYTES:
                yield bytes(chunk)
                chunk.clear()
        yield bytes(chunk)
