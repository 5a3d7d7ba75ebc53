"""Which migration a database had last, and which is the newest: their files are numbered."""

from pathlib import Path

import psycopg

FOUND_REVISION = "SELECT version_num FROM alembic_version"


def newest_revision(migrations: Path) -> str:
    """The revision that the code needs: the last of the files in `migrations/versions`."""
    return max(file.name[:4] for file in (migrations / "versions").glob("[0-9]*.py"))


def found_revision(connection: psycopg.Connection) -> str | None:
    """Where the database is; None before its first migration."""
    try:
        row = connection.execute(FOUND_REVISION).fetchone()
    except psycopg.errors.UndefinedTable:
        return None
    return row[0] if row else None
