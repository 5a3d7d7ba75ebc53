"""People of a dump: those in Users.xml, and those that only their posts tell of."""

import re
import sqlite3
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from forum.stackexchange import texts
from forum.stackexchange.dates import Clock
from forum.stackexchange.oddities import Oddities
from forum.stackexchange.rows import Row, read_rows

LONGEST_USERNAME = 30
SHORTEST_USERNAME = 3
LONGEST_NAME = 80
LONGEST_BIO = 2000
LONGEST_ADDRESS = 500
LARGEST_ID = 2**63 - 2
UNKNOWN = "unknown"
# The program that Stack Exchange itself posts by has the Id -1.
COMMUNITY = "Community"
NO_ID = "no Id that is a number"
NOT_IN_A_USERNAME = re.compile(r"[^A-Za-z0-9_]+")
# The forum keeps names like deleted-1 for people who were erased.
RESERVED = re.compile(r"deleted-\d+", re.IGNORECASE)
ADDRESS = re.compile(r"https?://[^\s\x00-\x20\x7f]+", re.IGNORECASE)


class People:
    """A table of them in the scratch database, by a key: `#17` for an id, `@Ada` for a name."""

    def __init__(self, scratch: sqlite3.Connection, oddities: Oddities) -> None:
        self._scratch = scratch
        self._oddities = oddities
        self._whole = False
        scratch.executescript(
            """
            CREATE TABLE people (
                key TEXT PRIMARY KEY,
                id INTEGER UNIQUE,
                display_name TEXT NOT NULL,
                bio TEXT NOT NULL,
                avatar_url TEXT,
                created_at TEXT NOT NULL
            );
            CREATE TABLE usernames (username TEXT PRIMARY KEY);
            """
        )

    def read(self, path: Path | None) -> None:
        """Take everyone of Users.xml, if there is one."""
        if path is None:
            return
        self._whole = True
        clock = Clock(self._oddities)
        for row in read_rows(path, "users"):
            number = row_id(row)
            if number is None:
                self._oddities.left_out(row, NO_ID)
                continue
            self._oddities.see_controls(row, "DisplayName", "AboutMe")
            name = texts.cut(texts.line(row.values.get("DisplayName", "")), LONGEST_NAME)
            if not name:
                self._oddities.changed(row, "no display name: user and the Id in its place")
            bio = self._bio(row)
            avatar = row.values.get("ProfileImageUrl", "").strip()
            fits = len(avatar) <= LONGEST_ADDRESS and ADDRESS.fullmatch(avatar)
            if avatar and not fits:
                self._oddities.changed(row, "picture left out: no web address of 500 characters")
            created = clock.read(row, "CreationDate")
            person = (f"#{number}", number, name or f"user{number}", bio, fits and avatar, created)
            if not self._add(*person):
                self._oddities.left_out(row, "its Id was there before")

    def owner(self, row: Row, id_field: str, name_field: str, created: str) -> str:
        """The key of who wrote the row; an account is made where there is none."""
        number = row.values.get(id_field, "").strip()
        name = texts.cut(texts.line(row.values.get(name_field, "")), LONGEST_NAME)
        if re.fullmatch(r"-?\d{1,18}", number):
            key = f"#{int(number)}"
            name = name or (COMMUNITY if key == "#-1" else f"user{int(number)}")
            added = self._add(key, int(number), name, "", None, created)
            if added and self._whole:
                self._oddities.changed(row, "owner not in Users.xml: an account was made")
            return key
        self._add(f"@{name}", None, name or UNKNOWN, "", None, created)
        self._oddities.changed(
            row,
            "owner deleted: given to an account of the name that is left"
            if name
            else f"owner unknown: given to the account '{UNKNOWN}'",
        )
        return f"@{name}"

    def number(self) -> None:
        """Give an id to those who have none: Community (-1) and owners by name, after all others.

        To be called when every owner is known.
        """
        [(largest,)] = self._scratch.execute("SELECT coalesce(max(id), 0) FROM people")
        nameless = self._scratch.execute("SELECT key FROM people WHERE id IS NULL ORDER BY rowid")
        for number, (key,) in enumerate(nameless.fetchall(), largest + 1):
            self._scratch.execute("UPDATE people SET id = ? WHERE key = ?", (number, key))

    def records(self) -> Iterator[dict[str, Any]]:
        """The lines of users.ndjson."""
        people = self._scratch.execute(
            "SELECT id, display_name, bio, avatar_url, created_at FROM people ORDER BY id"
        )
        for number, display_name, bio, avatar_url, created_at in people:
            yield {
                "id": number,
                "username": self._username(number, display_name),
                "display_name": display_name,
                "bio": bio,
                "avatar_url": avatar_url,
                "role": "member",
                "suspension": None,
                "erased_at": None,
                "retired_name_hash": None,
                "created_at": created_at,
                "updated_at": created_at,
                "version": 1,
            }

    def _add(
        self, key: str, number: int | None, name: str, bio: str, avatar: Any, created: str
    ) -> bool:
        if number is not None and not 0 < number <= LARGEST_ID:
            number = None
        added = self._scratch.execute(
            "INSERT INTO people VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (key, number, name, bio, avatar or None, created),
        )
        return added.rowcount == 1

    def _bio(self, row: Row) -> str:
        html = row.values.get("AboutMe", "")
        try:
            bio = texts.normal(texts.markdown(html)).strip() if html else ""
        except RecursionError:
            self._oddities.changed(row, "nested too deep: kept as the HTML that it is")
            bio = texts.normal(html).strip()
        if len(bio) > LONGEST_BIO:
            self._oddities.changed(row, f"about me is longer than {LONGEST_BIO:,}: cut")
        return texts.cut(bio, LONGEST_BIO)

    def _username(self, number: int, display_name: str) -> str:
        """A name of A-Z a-z 0-9 _ - that nobody has, without case, as near as can be."""
        letters = unicodedata.normalize("NFKD", display_name).encode("ascii", "ignore").decode()
        base = NOT_IN_A_USERNAME.sub("-", letters).strip("-")[:LONGEST_USERNAME].strip("-")
        if len(base) < SHORTEST_USERNAME:
            base = f"user-{number}"
        username, tail = base, f"-{number}"
        while RESERVED.fullmatch(username) or not self._take(username):
            username = base[: LONGEST_USERNAME - len(tail)] + tail
            tail += "x"
        return username

    def _take(self, username: str) -> bool:
        taken = self._scratch.execute(
            "INSERT INTO usernames VALUES (?) ON CONFLICT DO NOTHING", (username.lower(),)
        )
        return taken.rowcount == 1


def row_id(row: Row) -> int | None:
    """The row's Id; None where there is none that can be used."""
    value = row.values.get("Id", "").strip()
    return int(value) if re.fullmatch(r"-?\d{1,18}", value) else None
