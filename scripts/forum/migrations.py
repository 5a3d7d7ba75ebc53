"""The parts' own migration commands, run side by side."""

import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from forum.errors import ForumError
from forum.leashed import leashed
from forum.places import folder_of
from forum.supervisor import Say


def migrate(environments: Mapping[str, Mapping[str, str]], say: Say) -> None:
    """Bring the database of each part up to date: `python -m users.migrate` and so on."""

    def one(part: str) -> None:
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
        list(pool.map(one, environments))
