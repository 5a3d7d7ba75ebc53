"""`scripts/dump DIR`."""

import argparse
import sys
from pathlib import Path

from forum import archives
from forum.errors import ForumError
from forum.places import ROOT


def main() -> None:
    """Dump a forum into a new archive."""
    parser = argparse.ArgumentParser(
        prog="scripts/dump", description="Dump the forum of a data folder into a new archive."
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="the archive: a new folder")
    parser.add_argument("--data", type=Path, default=ROOT / "var", help="that forum's (var/)")
    parser.add_argument(
        "--monolith", action="store_true", help="where none runs: the monolith, not the services"
    )
    parser.add_argument(
        "--credentials",
        action="store_true",
        help="also e-mail addresses, password hashes, sessions and signing keys, in a file that"
        " only you can read",
    )
    options = parser.parse_args()
    try:
        if not (options.data / "postgres").exists():
            raise ForumError(f"{options.data} holds no forum. Name another with --data.")
        with archives.parts_of(options.data, monolith=options.monolith) as environments:
            archives.dump(options.folder, environments, credentials=options.credentials)
    except ForumError as error:
        sys.exit(f"scripts/dump: {error}")
    except KeyboardInterrupt:
        sys.exit("Stopped.")
    print(f"Dumped into {options.folder}.")
