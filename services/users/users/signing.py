"""The keys that sign access tokens: published ten minutes before they sign, replaced by command.

They live in the database, so that all replicas sign with the same one and a restart loses none.
"""

import asyncio
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from chassis.database import Connection, Database
from users import session_store

TOKEN_SECONDS = 600
PUBLISHED_BEFORE = timedelta(minutes=10)
# A key's last tokens live for TOKEN_SECONDS; the rest is for clocks and caches.
PUBLISHED_AFTER = timedelta(hours=1)
REREAD_SECONDS = 60
REFETCH_SECONDS = 10
KEY_BITS = 2048


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key; `signs_until` is when its successor takes over, None without one."""

    kid: str
    private: RSAPrivateKey
    jwk: dict[str, Any]
    signs_from: datetime
    signs_until: datetime | None

    def signs(self, now: datetime) -> bool:
        """Whether new tokens are signed with it."""
        return self.signs_from <= now and (self.signs_until is None or now < self.signs_until)

    def is_published(self, now: datetime) -> bool:
        """Whether a token that it signed, or is about to sign, has to be accepted."""
        return self.signs_until is None or now < self.signs_until + PUBLISHED_AFTER


async def read_keys(conn: Connection) -> list[SigningKey]:
    """Every key in the order in which they sign."""
    rows = await session_store.list_keys(conn)
    ends = [*(row["signs_from"] for row in rows[1:]), None]
    keys = []
    for row, signs_until in zip(rows, ends, strict=False):
        # Validation takes 50 ms of the event loop; these keys come from here alone.
        private = load_pem_private_key(
            row["private_pem"].encode(), password=None, unsafe_skip_rsa_key_validation=True
        )
        assert isinstance(private, RSAPrivateKey)  # noqa: S101 -- this module writes no other kind
        keys.append(
            SigningKey(row["kid"], private, row["public_jwk"], row["signs_from"], signs_until)
        )
    return keys


async def ensure_key(conn: Connection) -> None:
    """Make the first key, which signs at once; of replicas that start together one makes it."""
    await session_store.lock_keys(conn)
    if not await session_store.list_keys(conn):
        await _make_key(conn, datetime.now(UTC))


async def rotate(conn: Connection) -> tuple[str, datetime]:
    """Make the next key, and forget those that nobody needs: the new `kid`, and when it signs."""
    await session_store.lock_keys(conn)
    now = datetime.now(UTC)
    keys = await read_keys(conn)
    outdated = [key.kid for key in keys if not key.is_published(now)]
    await session_store.delete_keys(conn, outdated)
    signs_from = now + PUBLISHED_BEFORE if keys else now
    return await _make_key(conn, signs_from), signs_from


async def _make_key(conn: Connection, signs_from: datetime) -> str:
    # It takes up to a second, in which the process goes on answering.
    private = await asyncio.to_thread(generate_private_key, 65537, KEY_BITS)
    kid = uuid.uuid4().hex
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    jwk = jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
    public = {"kty": jwk["kty"], "n": jwk["n"], "e": jwk["e"]}
    public |= {"kid": kid, "use": "sig", "alg": "RS256"}
    await session_store.insert_key(conn, kid, pem, public, signs_from)
    return kid


class KeyRing:
    """The keys as this process knows them, read again each minute: a rotation needs no restart."""

    def __init__(self, db: Database, issuer: str, audience: str) -> None:
        self._db = db
        self._issuer = issuer
        self._audience = audience
        self._keys: list[SigningKey] = []
        self._read_at = float("-inf")

    async def find(self, kid: str) -> RSAPublicKey | None:
        """The public key, or None. An unknown `kid` reads again at most once in 10 s."""
        await self._read(REREAD_SECONDS)
        if kid not in {key.kid for key in self._keys}:
            await self._read(REFETCH_SECONDS)
        now = datetime.now(UTC)
        for key in self._keys:
            if key.kid == kid and key.is_published(now):
                return key.private.public_key()
        return None

    async def published(self) -> list[dict[str, Any]]:
        """The public keys as JWKs, as the database has them now: others ask when one is missing."""
        await self._read(0)
        now = datetime.now(UTC)
        return [key.jwk for key in self._keys if key.is_published(now)]

    async def access_token(self, user_id: int, username: str, role: str, session_id: int) -> str:
        """A signed access token of ten minutes."""
        await self._read(REREAD_SECONDS)
        # The first key is there before its time where another clock made it.
        moment = datetime.now(UTC)
        key = next((key for key in self._keys if key.signs(moment)), self._keys[0])
        now = int(time.time())
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(user_id),
            "username": username,
            "role": role,
            "sid": session_id,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
        }
        return jwt.encode(claims, key.private, algorithm="RS256", headers={"kid": key.kid})

    async def _read(self, older_than: float) -> None:
        if time.monotonic() - self._read_at < older_than:
            return
        async with self._db.connection() as conn:
            keys = await read_keys(conn)
        if not keys:
            async with self._db.transaction() as conn:
                await ensure_key(conn)
                keys = await read_keys(conn)
        self._keys = keys
        self._read_at = time.monotonic()
