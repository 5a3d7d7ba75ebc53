"""The commands `python -m SERVICE.load` and `python -m SERVICE.dump`, for the part it owns."""

import argparse
import sys
from pathlib import Path

import psycopg

from chassis.archive import ArchiveError
from chassis.archive_copy import Part, connect, dump, load

READY, COMMIT = "ready", "commit"


def load_command(url: str, part: Part) -> None:
    """`python -m SERVICE.load DIR`."""
    parser = argparse.ArgumentParser(description=f"Load {part.name} of a forum archive.")
    parser.add_argument("folder", type=Path, metavar="DIR", help="the archive")
    parser.add_argument(
        "--hold",
        action="store_true",
        help=f"when all is in, print '{READY}' and commit only when told '{COMMIT}' on stdin:"
        " several parts then change together or not at all",
    )
    arguments = parser.parse_args()
    try:
        with connect(url) as conn, conn.transaction():
            load(conn, arguments.folder, part)
            if arguments.hold and not _told_to_commit():
                # Another part could not be loaded, and has said so. Leaving so rolls back.
                sys.exit(1)
    except ArchiveError as error:
        sys.exit(f"{error}\nNothing was changed.")
    except KeyboardInterrupt:
        sys.exit(f"Stopped; nothing of {part.name} was changed.")
    except psycopg.Error as error:
        sys.exit(
            f"The database of {part.name}: {type(error).__name__}: {error}\nNothing was changed."
        )


def _told_to_commit() -> bool:
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    return sys.stdin.readline().strip() == COMMIT


def dump_command(url: str, part: Part) -> None:
    """`python -m SERVICE.dump DIR`, with `--credentials` where the part has any."""
    parser = argparse.ArgumentParser(description=f"Dump {part.name} into a forum archive.")
    parser.add_argument("folder", type=Path, metavar="DIR", help="a new one, or other parts'")
    if any(file.private for file in part.files):
        parser.add_argument(
            "--credentials",
            action="store_true",
            help="also write credentials.ndjson: e-mail addresses, password hashes, sessions, keys",
        )
    arguments = parser.parse_args()
    try:
        with connect(url) as conn:
            dump(conn, arguments.folder, part, private=getattr(arguments, "credentials", False))
    except ArchiveError as error:
        sys.exit(str(error))
    except (psycopg.Error, OSError) as error:
        sys.exit(f"Nothing was dumped: {type(error).__name__}: {error}")
