"""`scripts/split`: the forum of the monolith's database into those of the services, proved."""

import argparse
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from forum import archives, ports
from forum.answers import compare_answers
from forum.errors import ForumError
from forum.instance import Forum
from forum.leashed import leashed
from forum.migrations import migrate
from forum.places import ROOT, folder_of
from forum.readiness import answers
from forum.tables import compare_archives, compare_derived
from forum.verdict import Verdict

START_SECONDS = 60.0


def main() -> None:
    """Split and prove, or only prove; status 1 on any difference."""
    parser = argparse.ArgumentParser(
        prog="scripts/split",
        description="Move the forum of the monolith to the services, and prove that it is the same."
        " The monolith's database is only read.",
    )
    parser.add_argument("--data", type=Path, default=ROOT / "var", help="that forum's (var/)")
    parser.add_argument(
        "--check-only", action="store_true", help="move nothing, only compare the two"
    )
    options = parser.parse_args()
    try:
        same = split(options.data, check_only=options.check_only)
    except ForumError as error:
        sys.exit(f"scripts/split: {error}")
    except KeyboardInterrupt:
        sys.exit("Stopped.")
    if not same:
        sys.exit(1)
    if not options.check_only:
        print("The services have the whole forum now: start them with scripts/up.")


def split(data: Path, *, check_only: bool) -> bool:
    """Move the forum unless `check_only`, print the comparison; whether all is the same."""
    if not (data / "postgres").exists():
        raise ForumError(f"{data} holds no forum. Name another with --data.")
    # It holds the data folder, and so says no where a forum runs on it.
    with (
        Forum(data, "services") as forum,
        _monolith(forum.database_url("monolith")) as (settings, monolith_url),
        tempfile.TemporaryDirectory(prefix="forum-split-") as private,
    ):
        before, after = Path(private) / "monolith", Path(private) / "services"
        archives.dump(before, {"monolith": settings}, credentials=True)
        # At work they would delete what has expired, and the dumps would differ.
        for name in forum.services:
            forum.stop(name)
        if not check_only:
            archives.load_rows(before, forum.environments)
        archives.dump(after, forum.environments, credentials=True)
        for name in forum.services:
            forum.start(name)
        if not check_only:
            archives.rebuild(forum.environments)
        verdict = Verdict()
        compare_archives(before, after, verdict)
        compare_derived(forum, verdict)
        services = {name: part.url for name, part in forum.services.items()}
        compare_answers(before, monolith_url, services, verdict)
    print(verdict.table())
    return verdict.same


@contextmanager
def _monolith(database_url: str) -> Iterator[tuple[Mapping[str, str], str]]:
    """The monolith beside the services, its settings and address."""
    [port] = ports.free(1)
    url = f"http://127.0.0.1:{port}"
    settings = {
        "ENVIRONMENT": "development",
        "PORT": str(port),
        "DATABASE_URL": database_url,
        "DRAIN_SECONDS": "0",
        # It answers the comparison's reads alone: nothing that this signs outlives it.
        "IDEMPOTENCY_SECRET": secrets.token_hex(32),
    }
    migrate({"monolith": settings}, lambda part, line: print(f"{part}: {line}", file=sys.stderr))
    with subprocess.Popen(
        leashed([sys.executable, "-m", "monolith"]),
        cwd=folder_of("monolith"),
        env={**os.environ, **settings},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            deadline = time.monotonic() + START_SECONDS
            while not answers(f"{url}/readyz"):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise ForumError("The monolith does not start: see scripts/up --monolith.")
                time.sleep(0.05)
            # Who is asked for keys makes the first one; the services have to get the same.
            if not answers(f"{url}/api/users/.well-known/jwks.json"):
                raise ForumError("The monolith shows no keys: see scripts/up --monolith.")
            yield settings, url
        finally:
            process.terminate()
