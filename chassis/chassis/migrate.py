"""Migrations by a command of their own, one at a time, never at the start of a server.

Each migration is SQL in a transaction with a `lock_timeout`: one that has to wait for a busy table
fails and is run again, and does not make every request queue behind it. An `autocommit_block` has
no such limit: nobody queues behind CREATE INDEX CONCURRENTLY, which waits for whoever reads, such
as a backup.
"""

import sys
import time
from pathlib import Path

import psycopg
from alembic import command, context
from alembic.config import Config
from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from chassis.provision import Master, provision
from chassis.revisions import found_revision, newest_revision
from chassis.settings import ServiceSettings

# Any number; the same for all services, whose databases are their own.
ADVISORY_LOCK = 7_346_001
POLL_SECONDS = 0.5


def migrate_command(settings: ServiceSettings, migrations: Path) -> None:
    """What `python -m SERVICE.migrate` does; makes the database too, where it knows the master."""
    database_url = settings.database_url.get_secret_value()
    master = Master()
    if master.database_master_user:
        provision(database_url, master)
    try:
        migrate(database_url, migrations)
    except psycopg.OperationalError as error:
        sys.exit(f"Cannot migrate: {' '.join(str(error).split())}")
    except OperationalError as error:
        again = " Run it again." if isinstance(error.orig, LockNotAvailable) else ""
        sys.exit(f"Cannot migrate: {' '.join(str(error.orig).split())}.{again}")


def migrate(database_url: str, migrations: Path) -> None:
    """Bring the database to the newest revision; a second run beside this one waits for it.

    One that a later release has migrated stays as it is: this release runs on it, too.
    """
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(database_url, application_name="migrate"),
        poolclass=NullPool,
    )
    event.listen(engine, "begin", _limit_waiting)
    config = Config()
    config.set_main_option("script_location", str(migrations))
    with psycopg.connect(database_url, autocommit=True) as guard, engine.connect() as connection:
        _wait_for_others(guard)
        found, newest = found_revision(guard), newest_revision(migrations)
        if found is not None and found > newest:
            sys.stdout.write(f"The database is at {found}, ahead of {newest}: it stays there.\n")
            return
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _wait_for_others(guard: psycopg.Connection) -> None:
    # By asking again: CREATE INDEX CONCURRENTLY waits for every statement that runs, and would wait
    # for one that waits for its own migration.
    statement, values = "SELECT pg_try_advisory_lock(%s)", (ADVISORY_LOCK,)
    while guard.execute(statement, values).fetchone() != (True,):
        time.sleep(POLL_SECONDS)


def _limit_waiting(connection: Connection) -> None:
    # In an autocommit_block there is no transaction, and this does nothing.
    connection.exec_driver_sql("SET LOCAL lock_timeout = '3s'")


def run_in_environment() -> None:
    """What a `migrations/env.py` does: run the revisions, each in a transaction."""
    connection: Connection = context.config.attributes["connection"]
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
