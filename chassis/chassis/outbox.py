"""The writing half of the transactional outbox: an event commits with the change it tells of.

The sending half is chassis.relay.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb
from pydantic_core import to_json

from chassis.context import traceparent
from chassis.database import Connection


class Event(NamedTuple):
    """What other services are told: the state of a thing now, never the step that led to it.

    `subject` is the id of the thing. `data` carries the version of the row, and for counters
    the absolute numbers, so that of two events the newer wins whichever comes first. It never
    holds an e-mail address.
    """

    type: str
    subject: str
    data: Mapping[str, Any]


async def publish(conn: Connection, events: Sequence[Event]) -> None:
    """Write events in the caller's transaction: they are sent if, and only if, it commits."""
    await conn.execute(
        """
        INSERT INTO outbox (type, subject, data, traceparent)
        SELECT type, subject, data, %s
        FROM jsonb_to_recordset(%s) AS event (type text, subject text, data jsonb)
        """,
        (traceparent.get() or None, Jsonb([event._asdict() for event in events], dumps=to_json)),
    )
