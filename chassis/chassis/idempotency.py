"""`Idempotency-Key`: the same key with the same body gives the same answer, byte for byte.

The record commits with the write. A second request with the key waits on the first one's row (the
primary key's lock) up to the connection's lock_timeout; a rollback of the write frees the key.
"""

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any

from fastapi import Header, Request
from psycopg.errors import LockNotAvailable
from psycopg.types.json import Jsonb

from chassis import answers
from chassis.address import client_address
from chassis.answers import Answer
from chassis.database import Connection
from chassis.problems import BadRequest, Conflict, Invalid

_KEY = re.compile(r"[!-~]{1,255}")

# An expired record is taken over as if it were not there. 1 row: the key is ours.
CLAIM = """
INSERT INTO idempotency_keys AS kept (owner, route, key, fingerprint)
VALUES (%(owner)s, %(route)s, %(key)s, %(fingerprint)s)
ON CONFLICT (owner, route, key) DO UPDATE
SET fingerprint = excluded.fingerprint, status = NULL, headers = NULL, body = NULL,
    user_id = NULL, created_at = now()
WHERE kept.created_at < now() - interval '24 hours'
RETURNING owner
"""
FIND = """
SELECT fingerprint, status, headers, body
FROM idempotency_keys
WHERE owner = %(owner)s AND route = %(route)s AND key = %(key)s
"""
KEEP = """
UPDATE idempotency_keys
SET status = %(status)s, headers = %(headers)s, body = %(body)s, user_id = %(user_id)s
WHERE owner = %(owner)s AND route = %(route)s AND key = %(key)s
"""
KEPT_HEADERS = ("location", "etag")
KeyHeader = Annotated[str | None, Header(alias="Idempotency-Key")]


class KeyInvalid(BadRequest):
    code, title = "idempotency_key_invalid", "The Idempotency-Key cannot be read"


class KeyReused(Invalid):
    code, title = "idempotency_key_reused", "The Idempotency-Key belongs to another body"


class KeyInFlight(Conflict):
    code, title = "idempotency_key_in_flight", "The first request with this key is still running"


class Once:
    """What makes one request happen once. Without a key its calls just make the answer."""

    def __init__(self, record: dict[str, Any] | None, location: str) -> None:
        self._record = record
        self._location = location

    async def claim(self, conn: Connection) -> Answer | None:
        """The kept answer of an earlier request with this key, or None: go on and `keep`."""
        if self._record is None:
            return None
        try:
            if await (await conn.execute(CLAIM, self._record)).fetchone():
                return None
        except LockNotAvailable:
            raise KeyInFlight(
                "The first request with this Idempotency-Key is still running. Try again.",
                headers={"Retry-After": "1"},
            ) from None
        row = await (await conn.execute(FIND, self._record)).fetchone()
        if row is None or row["status"] is None:
            raise KeyInFlight(
                "The first request with this Idempotency-Key is not kept. Try again.",
                headers={"Retry-After": "1"},
            )
        if row["fingerprint"] != self._record["fingerprint"]:
            raise KeyReused(
                "This Idempotency-Key came with another body within 24 h. Make a new key."
            )
        replayed = {**row["headers"], "Idempotency-Replayed": "true"}
        return Answer(row["body"], row["status"], replayed)

    async def keep(
        self,
        conn: Connection,
        thing: Mapping[str, Any],
        *,
        version: int | None = None,
        user_id: int | None = None,
    ) -> Answer:
        """The 201 for `thing`, kept with the write; with an ETag where the thing has a `version`.

        `user_id` names the person whose data a guest's record holds, so that erasure finds it.
        """
        answer = answers.created(thing, self._location.format_map(thing), version)
        if self._record is not None:
            kept = {name: value for name, value in answer.headers.items() if name in KEPT_HEADERS}
            values = {
                "status": 201,
                "headers": Jsonb(kept),
                "body": answer.body,
                "user_id": user_id,
            }
            await conn.execute(KEEP, {**self._record, **values})
        return answer


def once(location: str) -> Callable[..., Awaitable[Once]]:
    """The dependency for a member's request that makes a thing at `location` ("/api/x/{id}").

    It comes after `Member` or `Writer` among the endpoint's parameters, and belongs to that person.
    """

    async def read(request: Request, idempotency_key: KeyHeader = None) -> Once:
        owner = f"user:{request.state.caller.user_id}"
        return await _once(request, owner, idempotency_key, location)

    return read


def guest_once(location: str) -> Callable[..., Awaitable[Once]]:
    """As `once`, for a guest: the key belongs to the address."""

    async def read(request: Request, idempotency_key: KeyHeader = None) -> Once:
        owner = f"address:{client_address(request)}"
        return await _once(request, owner, idempotency_key, location)

    return read


async def _once(request: Request, owner: str, key: str | None, location: str) -> Once:
    if key is None:
        return Once(None, location)
    if _KEY.fullmatch(key) is None:
        raise KeyInvalid(
            "An Idempotency-Key has 1 to 255 visible ASCII characters, for example a UUID."
        )
    secret = request.app.state.settings.idempotency_secret.get_secret_value().encode()
    record = {
        "owner": owner,
        "route": f"{request.method} {request.scope['path']}",
        "key": key,
        "fingerprint": hmac.digest(secret, await request.body(), hashlib.sha256),
    }
    return Once(record, location)
