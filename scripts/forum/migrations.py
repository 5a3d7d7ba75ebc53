"""The parts' own migration commands, run side by side."""

import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import psycopg

from chassis.revisions import found_revision, newest_revision
from forum.errors import ForumError
from forum.leashed import leashed
from forum.places import folder_of
from forum.supervisor import Say


def current(part: str, database_url: str) -> bool:
    """Whether the database has the newest migration: the command takes a second to see that."""
    with psycopg.connect(database_url) as connection:
        found = found_revision(connection)
    return found is not None and found >= newest_revision(folder_of(part) / "migrations")


def migrate(environments: Mapping[str, Mapping[str, str]], say: Say) -> None:
    """Bring the database of each part up to date: `python -m users.migrate` and so on."""

    def one(part: str) -> None:
        if current(part, environments[part]["DATABASE_URL"]):
            return
        done = subprocess.run(
            leashed([sys.executable, "-m", f"{part}.migrate"]),
            cwd=folder_of(part),
            env={**os.environ, **environments[part]},
            capture_output=True,
            text=True,
            check=False,
            process_group=0,
        )
        output = (done.stdout + done.stderr).rstrip()
        if done.returncode != 0:
            raise ForumError(f"The migrations of {part} failed:\n{output}")
        for line in output.splitlines():
            say(part, line)

    with ThreadPoolExecutor() as pool:
        # list: a failure is raised when its result is asked for.
        list(pool.map(one, environments))
