"""Migrations by a command of their own, one at a time, never at the start of a server.

Each migration is SQL under a `lock_timeout`: one that has to wait for a busy table fails and is run
again, and does not make every request queue behind it.
"""

import sys
from pathlib import Path

import psycopg
from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

from chassis.provision import Master, provision
from chassis.revisions import found_revision, newest_revision
from chassis.settings import ServiceSettings

# Any number; the same for all services, whose databases are their own.
ADVISORY_LOCK = 7_346_001


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


def migrate(database_url: str, migrations: Path) -> None:
    """Bring the database to the newest revision; a second run beside this one waits for it.

    One that a later release has migrated stays as it is: this release runs on it, too.
    """
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(
            database_url, application_name="migrate", options="-c lock_timeout=3s"
        ),
        poolclass=NullPool,
    )
    config = Config()
    config.set_main_option("script_location", str(migrations))
    with psycopg.connect(database_url, autocommit=True) as guard, engine.connect() as connection:
        guard.execute("SELECT pg_advisory_lock(%s)", (ADVISORY_LOCK,))
        found, newest = found_revision(guard), newest_revision(migrations)
        if found is not None and found > newest:
            sys.stdout.write(f"The database is at {found}, ahead of {newest}: it stays there.\n")
            return
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def run_in_environment() -> None:
    """What a `migrations/env.py` does: run the revisions, each in a transaction."""
    connection: Connection = context.config.attributes["connection"]
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
