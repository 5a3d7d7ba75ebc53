"""What the commands of an operator share: a database of their own for one piece of work."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

import psycopg

from chassis.database import Connection, Database
from monolith.settings import Settings


def run(work: Callable[[Connection], Awaitable[str]]) -> None:
    """Do `work` in one transaction and print what it says; exit 1 where the database is away."""
    try:
        said = asyncio.run(_run(work))
    except psycopg.Error as error:
        sys.exit(f"The database does not answer: {type(error).__name__}: {error}")
    sys.stdout.write(said + "\n")


async def _run(work: Callable[[Connection], Awaitable[str]]) -> str:
    db = Database(Settings.from_environment().database_url.get_secret_value(), 1)
    await db.open()
    try:
        async with db.transaction() as conn:
            return await work(conn)
    finally:
        await db.close()
