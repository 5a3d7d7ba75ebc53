"""`scripts/convert-stackexchange DUMP OUT`."""

import argparse
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from chassis.archive import ArchiveWriter
from forum.errors import ForumError
from forum.stackexchange.dates import EPOCH
from forum.stackexchange.oddities import Oddities, write_report
from forum.stackexchange.people import People
from forum.stackexchange.posts import CATEGORY, Posts
from forum.stackexchange.rows import find

# What a dump has nothing for.
EMPTY = ("audit-messages", "audit-topics", "audit-users", "reactions", "revisions")


def main() -> None:
    """Convert, and say what was odd; status 1 where the dump cannot be read."""
    parser = argparse.ArgumentParser(
        prog="scripts/convert-stackexchange",
        description="Turn a Stack Exchange data dump into a forum archive.",
    )
    parser.add_argument("dump", type=Path, metavar="DUMP", help="the folder with Posts.xml in it")
    parser.add_argument("out", type=Path, metavar="OUT", help="the archive: a new folder")
    arguments = parser.parse_args()
    try:
        print(convert(arguments.dump, arguments.out))
    except ForumError as error:
        sys.exit(f"scripts/convert-stackexchange: {error}")
    print(f"All of it, row by row: {report_of(arguments.out)}")


def convert(dump: Path, out: Path) -> str:
    """Write the archive and the report; what the report says first."""
    if not dump.is_dir():
        raise ForumError(f"{dump} is no folder. Unpack the dump, and give the folder it is in.")
    posts_file = find(dump, "posts.xml")
    if posts_file is None:
        raise ForumError(f"{dump} has no Posts.xml. Unpack the dump, and give its folder.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ForumError(f"{out} exists and is not empty. Give a new folder.")
    out.parent.mkdir(parents=True, exist_ok=True)
    # Renamed when whole: a conversion that fails leaves nothing behind.
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f"{out.name}-") as made:
        archive, listing = Path(made) / "archive", Path(made) / "odd"
        with _scratch(Path(made) / "scratch") as scratch, listing.open("w") as odd:
            oddities = Oddities(odd)
            people = People(scratch, oddities)
            posts = Posts(scratch, people, oddities)
            people.read(find(dump, "users.xml"))
            posts.read_posts(posts_file)
            posts.read_comments(find(dump, "comments.xml"))
            people.number()
            posts.place()
            rows = _write(archive, people, posts)
        head = "\n".join(f"{count:>9,}  {name}" for name, count in rows.items())
        summary = f"Written:\n{head}\n{oddities.summary()}"
        write_report(report_of(out), summary, listing)
        archive.rename(out)
    return summary


def report_of(out: Path) -> Path:
    """Where the report is: beside the archive, which holds what the manifest names and no more."""
    return out.with_name(f"{out.name}-report.txt")


def _write(folder: Path, people: People, posts: Posts) -> dict[str, int]:
    general = {
        "slug": CATEGORY,
        "name": "General",
        "description": "",
        "created_at": posts.first_moment() or EPOCH,
    }
    with ArchiveWriter(folder, []) as writer:
        rows = {
            "people": writer.write("users", people.records()),
            "topics": writer.write("topics", posts.topics()),
            "messages": writer.write("messages", posts.messages()),
        }
        writer.write("categories", [general])
        for name in EMPTY:
            writer.write(name, [])
    return rows


@contextmanager
def _scratch(path: Path) -> Iterator[sqlite3.Connection]:
    """A database on disk for one conversion: memory stays the same however large the dump is."""
    with closing(sqlite3.connect(path, isolation_level=None)) as scratch:
        for setting in ("journal_mode = OFF", "synchronous = OFF", "temp_store = FILE"):
            scratch.execute(f"PRAGMA {setting}")
        scratch.execute("BEGIN")
        yield scratch
