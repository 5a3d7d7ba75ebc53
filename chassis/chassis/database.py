"""The pool of connections, and the two ways to use one: a read, and a transaction."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from psycopg import AsyncConnection, AsyncCursor
from psycopg.conninfo import make_conninfo
from psycopg.pq import Format
from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool
from pydantic_core import from_json

# A page has a JSON value in each row; the standard library takes three times as long to read it.
set_json_loads(from_json)

Row = dict[str, Any]
Connection = AsyncConnection[Row]

# A lock that is waited for longer than 5 s is a conflict (see idempotency), and no statement of a
# request may run away. TCP settings: a peer that vanished is noticed within half a minute.
# The default random_page_cost is a spinning disk's: for twenty rows it joins the whole table.
SERVER_SETTINGS = (
    "-c timezone=UTC -c lock_timeout=5s -c statement_timeout=10s"
    " -c idle_in_transaction_session_timeout=30s -c jit=off -c random_page_cost=1.1"
)
CONNECT_SETTINGS: dict[str, int | str] = {
    "connect_timeout": 3,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}


def conninfo(url: str, application: str) -> str:
    """`url` with the settings that every connection of a service has."""
    return make_conninfo(
        url, options=SERVER_SETTINGS, application_name=application, **CONNECT_SETTINGS
    )


class BinaryCursor(AsyncCursor[Row]):
    """Reads results in PostgreSQL's binary form: times and numbers cost both sides less."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.format = Format.BINARY


class Database:
    """A service's own database. `after_commit` is called after each transaction."""

    def __init__(self, url: str, pool_size: int = 10, application: str = "forum") -> None:
        self.conninfo = conninfo(url, application)
        self.after_commit: Callable[[], None] = lambda: None
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            self.conninfo,
            connection_class=AsyncConnection[Row],
            kwargs={"autocommit": True, "row_factory": dict_row, "cursor_factory": BinaryCursor},
            min_size=min(2, pool_size),
            max_size=pool_size,
            timeout=5,
            open=False,
        )

    async def open(self) -> None:
        """Fill the pool in the background: a database that is down must not stop a start."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        # Whoever used it has ended; see FINISH_SECONDS of chassis.server.
        await self._pool.close(timeout=1)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection in autocommit: each statement is a transaction of its own."""
        async with self._pool.connection() as conn:
            yield conn

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One transaction, committed when the block ends, rolled back when it raises."""
        async with self._pool.connection() as conn, conn.transaction():
            yield conn
        self.after_commit()
