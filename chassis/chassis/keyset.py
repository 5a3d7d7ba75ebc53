"""The public keys of access tokens, kept here, so that tokens are checked while the issuer is down.

Kept in the service's own database: valid through an outage of the issuer and a restart of this
service.
"""

import asyncio
import time
from typing import Any

import httpx
import jwt
import psycopg
import structlog
from psycopg.types.json import Jsonb

from chassis.database import Database
from chassis.problems import Unavailable

REFRESH_SECONDS = 300
REFETCH_SECONDS = 10
log = structlog.get_logger()

KEPT = "SELECT kid, jwk FROM key_set"
KEEP = """
INSERT INTO key_set (kid, jwk)
VALUES (%(kid)s, %(jwk)s)
ON CONFLICT (kid) DO UPDATE SET jwk = excluded.jwk, fetched_at = now()
"""
FORGET = "DELETE FROM key_set WHERE NOT kid = ANY (%(kids)s)"


class KeySet:
    """Finds a public key by its `kid`; `run` keeps the set fresh.

    `issuer` is a client of the service that signs, `path` where it publishes its JSON Web Key Set.
    """

    def __init__(self, db: Database, issuer: httpx.AsyncClient, path: str) -> None:
        self._db = db
        self._issuer = issuer
        self._path = path
        self._keys: dict[str, Any] = {}
        self._asked_at = -float(REFETCH_SECONDS)
        self._asking = asyncio.Lock()

    async def find(self, kid: str) -> Any:
        """The key, or None. Anyone can send an unknown `kid`: the issuer is asked once in 10 s.

        503 as long as there is no key at all: then nobody's token can be judged, and each asks.
        """
        if (key := self._keys.get(kid)) is not None:
            return key
        async with self._asking:
            due = not self._keys or time.monotonic() - self._asked_at >= REFETCH_SECONDS
            if kid not in self._keys and due:
                await self._refresh()
        if not self._keys:
            raise Unavailable("The keys of access tokens are not known here yet. Try again.")
        return self._keys.get(kid)

    async def run(self) -> None:
        """Read what is kept, then refresh every 5 minutes, sooner while there is no key."""
        while True:
            async with self._asking:
                await self._refresh()
            await asyncio.sleep(REFRESH_SECONDS if self._keys else 1)

    async def _refresh(self) -> None:
        self._asked_at = time.monotonic()
        try:
            if not self._keys:
                self._use(await self._kept())
            answer = await self._issuer.get(self._path, timeout=2)
            found = {jwk["kid"]: jwk for jwk in answer.raise_for_status().json()["keys"]}
            if not found:
                raise ValueError("the issuer has always a key")
            self._use(found)
            await self._keep(found)
        except (
            httpx.HTTPError, psycopg.Error, jwt.PyJWTError, ValueError, KeyError, TypeError
        ) as error:  # fmt: skip
            log.warning("key_set_not_refreshed", error=type(error).__name__, kept=len(self._keys))

    def _use(self, found: dict[str, Any]) -> None:
        self._keys = {kid: jwt.PyJWK(jwk).key for kid, jwk in found.items()}

    async def _kept(self) -> dict[str, Any]:
        async with self._db.connection() as conn:
            rows = await (await conn.execute(KEPT)).fetchall()
        return {row["kid"]: row["jwk"] for row in rows}

    async def _keep(self, found: dict[str, Any]) -> None:
        async with self._db.transaction() as conn:
            for kid, jwk in sorted(found.items()):
                await conn.execute(KEEP, {"kid": kid, "jwk": Jsonb(jwk)})
            await conn.execute(FORGET, {"kids": list(found)})
