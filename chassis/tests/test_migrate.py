"""Migrations on a database that is used meanwhile."""

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from chassis.migrate import migrate, migrate_command
from chassis.settings import ServiceSettings
from chassis.testing import SECRET

TABLES = Path(__file__).parent / "migrations"
# Longer than a migration waits for a lock.
BUSY_SECONDS = 4
NEXT = """
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade():
    {body}
"""
INDEX = """with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS notes_text")
        op.execute("CREATE INDEX CONCURRENTLY notes_text ON notes (text)")"""
COLUMN = """op.execute("ALTER TABLE notes ADD COLUMN tags text")"""
VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'notes_text'::regclass"


def following(folder: Path, body: str) -> Path:
    """The migrations of the tests and one more."""
    migrations = shutil.copytree(TABLES, folder / "migrations")
    (migrations / "versions" / "0002_next.py").write_text(NEXT.format(body=body))
    return migrations


@contextmanager
def reading(database_url: str) -> Iterator[psycopg.Connection]:
    """Somebody has read the notes in a transaction that goes on, as a backup does."""
    with psycopg.connect(database_url) as reader:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT * FROM notes")
        yield reader


def test_an_index_made_concurrently_waits_for_a_backup(database_url: str, tmp_path: Path) -> None:
    with reading(database_url) as reader:
        backup = threading.Timer(BUSY_SECONDS, reader.rollback)
        backup.start()
        migrate(database_url, following(tmp_path, INDEX))
        backup.join()
        assert reader.execute(VALID).fetchone() == (True,)


def test_a_second_run_does_not_stop_an_index_of_the_first(
    database_url: str, tmp_path: Path
) -> None:
    migrations = following(tmp_path, INDEX)
    with reading(database_url) as reader:
        first, second = (
            threading.Thread(target=migrate, args=(database_url, migrations), daemon=True)
            for _ in range(2)
        )
        first.start()
        time.sleep(1)
        second.start()
        time.sleep(1)
        reader.rollback()
        for each in (first, second):
            each.join(20)
        assert not first.is_alive()
        assert not second.is_alive()
        assert reader.execute(VALID).fetchone() == (True,)


def test_a_busy_table_fails_the_migration_in_one_line_and_changes_nothing(
    database_url: str, tmp_path: Path
) -> None:
    settings = ServiceSettings(database_url=database_url, idempotency_secret=SECRET)
    migrations = following(tmp_path, COLUMN)
    with reading(database_url), pytest.raises(SystemExit) as ended:
        migrate_command(settings, migrations)
    line = str(ended.value)
    assert line == "Cannot migrate: canceling statement due to lock timeout. Run it again."
    migrate_command(settings, migrations)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT tags FROM notes").fetchall() == []
