"""The floor: the least that FastAPI and psycopg cost for one row and for twenty.

python -m benchmark.floor DATABASE_URL PORT
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import psycopg
import uvicorn
from fastapi import FastAPI, HTTPException
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel

ROWS = 20
# As wide as a topic in a list, without the two author cards that the forum adds to each.
TABLE = """
CREATE TABLE IF NOT EXISTS floor (
    id bigint PRIMARY KEY,
    title text NOT NULL,
    slug text NOT NULL,
    excerpt text NOT NULL,
    category text NOT NULL,
    tags text[] NOT NULL,
    locked boolean NOT NULL,
    pinned boolean NOT NULL,
    message_count integer NOT NULL,
    last_activity_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    version integer NOT NULL
)
"""
FILL = """
INSERT INTO floor
SELECT
    number, 'About the bridge, part ' || number, 'about-the-bridge-part-' || number,
    repeat('A few words. ', 7), 'general', ARRAY['bridges', 'part-1'], false, false, number,
    now(), now(), now(), 1
FROM generate_series(1, %s) AS number
ON CONFLICT DO NOTHING
"""


class Thing(BaseModel):
    """A row as it is answered."""

    id: int
    title: str
    slug: str
    excerpt: str
    category: str
    tags: list[str]
    locked: bool
    pinned: bool
    message_count: int
    last_activity_at: datetime
    created_at: datetime
    updated_at: datetime
    version: int


def create_app(database_url: str) -> FastAPI:
    """Two endpoints as FastAPI's documentation would write them, on a pool."""
    pool: AsyncConnectionPool[AsyncConnection[dict[str, Any]]] = AsyncConnectionPool(
        database_url,
        connection_class=AsyncConnection[dict[str, Any]],
        kwargs={"autocommit": True, "row_factory": dict_row},
        min_size=2,
        max_size=10,
        open=False,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with pool:
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/things/{thing_id}", response_model=Thing)
    async def one(thing_id: int) -> dict[str, Any]:
        async with pool.connection() as conn:
            cursor = await conn.execute("SELECT * FROM floor WHERE id = %s", (thing_id,))
            row = await cursor.fetchone()
        if row is None:
            raise HTTPException(404)
        return row

    @app.get("/things", response_model=list[Thing])
    async def twenty(limit: int = ROWS) -> list[dict[str, Any]]:
        async with pool.connection() as conn:
            cursor = await conn.execute("SELECT * FROM floor ORDER BY id LIMIT %s", (limit,))
            return await cursor.fetchall()

    return app


def main(database_url: str, port: str) -> None:
    """Make the table and serve."""
    with psycopg.connect(database_url) as conn:
        conn.execute(TABLE)
        conn.execute(FILL, (ROWS,))
    config = uvicorn.Config(
        create_app(database_url), port=int(port), access_log=False, log_level="warning"
    )
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(uvicorn.Server(config).serve())


if __name__ == "__main__":
    main(*sys.argv[1:])
