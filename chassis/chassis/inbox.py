"""The receiving half of the outbox: an event's effect and the record of its id commit together.

Delivery is at least once; the record makes it once. A batch is one transaction. Where that fails
because of one event, each event gets a transaction of its own, and those that cannot be applied are
named in the answer: they are set aside by the sender and never block the rest.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypedDict, TypeVar
from uuid import UUID

import psycopg
import structlog
from fastapi import APIRouter, Request
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import to_json
from starlette.responses import Response

from chassis import context
from chassis.database import Connection, Database
from chassis.internal import JSON, SignedBody
from chassis.problems import Invalid, Unavailable

T = TypeVar("T", bound=BaseModel)
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Handler(Generic[T]):
    """What is done with one type of event.

    `model` ignores fields that it does not know: changes of an event are additive. `apply` may be
    called twice for one state and in any order, and must let the newer version win.
    It runs in a pipeline: a statement's `rowcount` is not known before something is fetched.
    """

    model: type[T]
    apply: Callable[[Connection, T], Awaitable[None]]


# By source (the name of the service that sends), then by type.
Handlers = Mapping[str, Mapping[str, Handler[Any]]]


class CloudEvent(BaseModel):
    """The attributes of a CloudEvent that are looked at here."""

    id: UUID
    source: str
    type: str
    subject: str = ""
    data: Any = None
    traceparent: str | None = None


class Refusal(TypedDict):
    """An event that cannot be applied. The reason never quotes data: it is kept and shown."""

    id: str
    reason: str


BATCH = TypeAdapter(list[CloudEvent])

LOCK_SHARED = "SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))"
RECORD = """
INSERT INTO inbox (source, event_id)
SELECT source, event_id
FROM unnest(%s::text[], %s::uuid[]) AS event (source, event_id)
ON CONFLICT DO NOTHING
RETURNING source, event_id
"""


def lock_name(source: str) -> str:
    """What the advisory lock of a source is named after; a rebuild takes the same one alone."""
    return f"inbox:{source}"


def router(handlers: Handlers) -> APIRouter:
    """`POST /internal/events`: a signed CloudEvents batch; the answer names what was refused."""
    routes = APIRouter(include_in_schema=False)

    @routes.post("/internal/events")
    async def receive_events(request: Request, body: SignedBody) -> Response:
        try:
            events = BATCH.validate_json(body)
        except ValidationError:
            raise Invalid("The body is not a batch of CloudEvents.") from None
        refused = await receive(request.app.state.db, handlers, events)
        return Response(to_json({"refused": refused}), media_type=JSON)

    return routes


async def receive(db: Database, handlers: Handlers, events: Sequence[CloudEvent]) -> list[Refusal]:
    """Apply the events that are new. 503 where the database is at fault and not an event."""
    try:
        async with db.transaction() as conn:
            await _apply(conn, handlers, events)
    except Exception as error:  # noqa: BLE001 -- sorted out by _reason, which raises the rest
        _reason(error)
    else:
        return []
    refused: list[Refusal] = []
    for event in events:
        try:
            async with db.transaction() as conn:
                await _apply(conn, handlers, [event])
        except Exception as error:
            reason = _reason(error)
            bug = None if isinstance(error, ValidationError | psycopg.Error) else error
            log.warning(
                "event_refused",
                event_id=str(event.id),
                type=event.type,
                reason=reason,
                exc_info=bug,
            )
            refused.append({"id": str(event.id), "reason": reason})
    return refused


async def _apply(conn: Connection, handlers: Handlers, events: Sequence[CloudEvent]) -> None:
    for source in sorted({event.source for event in events}):
        await conn.execute(LOCK_SHARED, (lock_name(source),))
    ids = [event.source for event in events], [event.id for event in events]
    rows = await (await conn.execute(RECORD, ids)).fetchall()
    fresh = {(row["source"], row["event_id"]) for row in rows}
    # In order of subject: batches of two sources that touch the same rows then never deadlock. In a
    # pipeline: the statements of handlers that fetch nothing do not wait for one another's answers.
    async with conn.pipeline():
        for event in sorted(events, key=lambda event: event.subject):
            if (event.source, event.id) not in fresh:
                continue
            fresh.remove((event.source, event.id))
            # A type that is not known is acknowledged: senders are released before receivers.
            if handler := handlers.get(event.source, {}).get(event.type):
                context.traceparent.set(event.traceparent)
                await handler.apply(conn, handler.model.model_validate(event.data))


def _reason(error: Exception) -> str:
    """Why the event is at fault; where the database is (locks, outage, missing table), a 503."""
    if isinstance(error, ValidationError):
        wrong = error.errors(include_url=False, include_input=False, include_context=False)[0]
        return f"{'/'.join(map(str, wrong['loc']))}: {wrong['type']}"[:200]
    if isinstance(error, psycopg.Error) and not isinstance(
        error, psycopg.DataError | psycopg.IntegrityError
    ):
        log.warning("events_not_applied", error=type(error).__name__)
        raise Unavailable("The events cannot be applied now. Send them again.") from error
    return type(error).__name__
