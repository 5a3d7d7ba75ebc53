"""`python -m monolith.restored`: nothing that a backup does not have is given out again."""

import os
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest

from chassis.testing import SECRET, Databases
from monolith.settings import MIGRATIONS

A_DAY = 24 * 3600 * 1000
REGISTER = "INSERT INTO users (username, display_name) VALUES (%s, %s) RETURNING id"
SOMEONE_OF_YESTERDAY = """
INSERT INTO users (username, display_name, updated_at)
VALUES ('ann', 'Ann', now() - interval '1 day')
"""


@pytest.fixture
def url(databases: Databases) -> Iterator[str]:
    url = databases.create(MIGRATIONS)
    yield url
    databases.drop(url)


def restored(url: str) -> str:
    """What the command prints."""
    variables = {"ENVIRONMENT": "development", "DATABASE_URL": url, "IDEMPOTENCY_SECRET": SECRET}
    done = subprocess.run(
        [sys.executable, "-m", "monolith.restored"],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_ids_and_versions_jump_by_the_age_of_the_backup_and_sessions_end(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(SOMEONE_OF_YESTERDAY)
        conn.execute("INSERT INTO sessions (user_id, expires_at) VALUES (1, 'infinity')")
        assert restored(url).startswith("Ids and versions go on 86,4")
        [(version,)] = conn.execute("SELECT version FROM users").fetchall()
        [(new,)] = conn.execute(REGISTER, ("bob", "Bob")).fetchall()
        [(live,)] = conn.execute("SELECT count(*) FROM sessions WHERE revoked_at IS NULL")
    assert A_DAY < version < A_DAY + 60_000
    assert A_DAY < new < A_DAY + 60_000
    assert live == 0


def test_ids_jump_where_the_backup_has_nothing_that_tells_its_age(url: str) -> None:
    restored(url)
    with psycopg.connect(url, autocommit=True) as conn:
        [(new,)] = conn.execute(REGISTER, ("ann", "Ann")).fetchall()
    assert new > 50 * 365 * A_DAY
