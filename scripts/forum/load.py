"""`scripts/load DIR`."""

import argparse
import sys
from pathlib import Path

from chassis.archive import Archive, ArchiveError
from forum import archives
from forum.errors import ForumError
from forum.places import ROOT


def main() -> None:
    """Load an archive into an empty forum; status 1, and nothing changed, where it cannot be."""
    parser = argparse.ArgumentParser(
        prog="scripts/load",
        description="Load a forum archive into the empty forum of a data folder.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="the archive")
    parser.add_argument("--data", type=Path, default=ROOT / "var", help="that forum's (var/)")
    parser.add_argument(
        "--monolith", action="store_true", help="where none runs: the monolith, not the services"
    )
    options = parser.parse_args()
    try:
        _refuse_keys_under_way(options.folder, options.data)
        with archives.parts_of(options.data, monolith=options.monolith) as environments:
            archives.load(options.folder, environments)
    except (ForumError, ArchiveError) as error:
        sys.exit(f"scripts/load: {error}")
    except KeyboardInterrupt:
        sys.exit("Stopped.")
    print(f"Loaded {options.folder}.")


def _refuse_keys_under_way(folder: Path, data: Path) -> None:
    if "credentials" in Archive(folder) and archives.is_running(data):
        raise ForumError(
            "The archive has credentials, and with them the keys that sign tokens: a running forum"
            " would go on with its own for a minute. Stop it, then load."
        )
