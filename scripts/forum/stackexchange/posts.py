"""Questions, answers and comments of a dump, and which becomes what."""

import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from forum.stackexchange import texts
from forum.stackexchange.dates import Clock, parse
from forum.stackexchange.oddities import Oddities
from forum.stackexchange.people import LARGEST_ID, NO_ID, People, row_id
from forum.stackexchange.rows import Row, read_rows

QUESTION, ANSWER = "1", "2"
LONGEST_BODY = 32_000
LONGEST_TITLE, SHORTEST_TITLE = 200, 3
LONGEST_SLUG = 80
MOST_TAGS, LONGEST_TAG = 5, 30
NO_TEXT = "(no text)"
CATEGORY = "general"
TAGS = re.compile(r"[^<>|]+")
NOT_A_WORD = re.compile(r"\W+")
TABLES = """
    CREATE TABLE topics (
        id INTEGER PRIMARY KEY,
        title TEXT NOT NULL,
        body TEXT NOT NULL,
        tags TEXT NOT NULL,
        owner TEXT NOT NULL,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL
    );
    -- An answer is of kind 0 and a comment of kind 1: `source` is its Id in its own file.
    CREATE TABLE messages (
        kind INTEGER NOT NULL,
        source INTEGER NOT NULL,
        post INTEGER,
        place TEXT NOT NULL,
        body TEXT NOT NULL,
        owner TEXT NOT NULL,
        created_at TEXT NOT NULL,
        edited_at TEXT,
        PRIMARY KEY (kind, source)
    );
    -- Where everything went: filled when all is read.
    CREATE TABLE placed (
        kind INTEGER NOT NULL,
        source INTEGER NOT NULL,
        topic_id INTEGER NOT NULL,
        answer INTEGER,
        id INTEGER,
        position INTEGER,
        PRIMARY KEY (kind, source)
    );
"""
# Times are texts of one form but for their fraction, so the fraction is compared apart.
MOMENT = "substr(created_at, 1, 19), created_at LIKE '%.%', created_at, kind, messages.source"


class Posts:
    """Tables of them in the scratch database."""

    def __init__(self, scratch: sqlite3.Connection, people: People, oddities: Oddities) -> None:
        self._scratch = scratch
        self._people = people
        self._oddities = oddities
        scratch.executescript(TABLES)

    def read_posts(self, path: Path) -> None:
        """Take questions as topics and answers as messages."""
        clock = Clock(self._oddities)
        for row in read_rows(path, "posts"):
            number, kind = row_id(row), row.values.get("PostTypeId", "(none)")
            if number is None or not 0 < number <= LARGEST_ID:
                self._oddities.left_out(row, NO_ID)
            elif kind not in (QUESTION, ANSWER):
                self._oddities.left_out(row, f"post type {texts.cut(kind, 20)}: no part of a forum")
            elif self._known(number):
                self._oddities.left_out(row, "its Id was there before")
            elif kind == QUESTION:
                self._add_topic(row, number, clock)
            else:
                self._add_message(row, 0, number, "ParentId", self._html(row), clock)

    def read_comments(self, path: Path | None) -> None:
        """Take comments as messages, if there is a file of them."""
        if path is None:
            return
        clock = Clock(self._oddities)
        for row in read_rows(path, "comments"):
            number = row_id(row)
            if number is None:
                self._oddities.left_out(row, NO_ID)
            elif self._known(number, kind=1):
                self._oddities.left_out(row, "its Id was there before")
            else:
                # Unlike posts, comments are in the dump as they were written, not as HTML.
                body = texts.normal(row.values.get("Text", ""))
                self._add_message(row, 1, number, "PostId", body, clock)

    def place(self) -> None:
        """Find each message's topic, id and position; leave out those that have no topic."""
        self._scratch.executescript(
            f"""
            INSERT INTO placed (kind, source, topic_id)
            SELECT kind, source, post FROM messages JOIN topics ON topics.id = post;
            INSERT INTO placed (kind, source, topic_id, answer)
            SELECT messages.kind, messages.source, placed.topic_id, post
            FROM messages
            JOIN placed ON placed.kind = 0 AND placed.source = post
            WHERE messages.kind = 1;
            CREATE TABLE numbered AS
            SELECT
                kind, source, row_number() OVER (ORDER BY {MOMENT}) AS id,
                row_number() OVER (PARTITION BY topic_id ORDER BY {MOMENT}) AS position
            FROM messages JOIN placed USING (kind, source);
            UPDATE placed SET id = numbered.id, position = numbered.position
            FROM numbered
            WHERE numbered.kind = placed.kind AND numbered.source = placed.source;
            DROP TABLE numbered;
            CREATE UNIQUE INDEX placed_id ON placed (id);
            """  # noqa: S608 -- made of constants
        )
        lost = self._scratch.execute(
            """
            SELECT place, kind FROM messages
            WHERE NOT EXISTS (
                SELECT 1 FROM placed
                WHERE placed.kind = messages.kind AND placed.source = messages.source
            )
            ORDER BY kind, rowid
            """
        )
        for place, kind in lost:
            what = "comment under a post" if kind else "answer to a question"
            self._oddities.left_out_later(place, f"{what} that is not in the archive")

    def topics(self) -> Iterator[dict[str, Any]]:
        """The lines of topics.ndjson."""
        topics = self._scratch.execute(
            """
            SELECT
                topics.id, title, body, tags, people.id, topics.created_at, updated_at
            FROM topics JOIN people ON people.key = topics.owner
            ORDER BY topics.id
            """
        )
        for number, title, body, tags, author_id, created_at, updated_at in topics:
            slug = NOT_A_WORD.sub("-", title.lower()).strip("-")[:LONGEST_SLUG].strip("-")
            yield {
                "id": number,
                "title": title,
                "slug": slug or "topic",
                "body": body,
                "category": CATEGORY,
                "tags": json.loads(tags),
                "author_id": author_id,
                "locked": False,
                "pinned": False,
                "created_at": created_at,
                "updated_at": updated_at,
                "deleted_at": None,
                "version": 1,
            }

    def messages(self) -> Iterator[dict[str, Any]]:
        """The lines of messages.ndjson."""
        messages = self._scratch.execute(
            """
            SELECT
                placed.id, placed.topic_id, placed.position, people.id, body, answers.id,
                messages.created_at, edited_at
            FROM placed
            JOIN messages ON messages.kind = placed.kind AND messages.source = placed.source
            JOIN people ON people.key = messages.owner
            LEFT JOIN placed AS answers ON answers.kind = 0 AND answers.source = placed.answer
            ORDER BY placed.id
            """
        )
        names = (
            *("id", "topic_id", "position", "author_id", "body", "reply_to"),
            *("created_at", "edited_at"),
        )
        for values in messages:
            yield {**dict(zip(names, values, strict=True)), "deleted_at": None, "version": 1}

    def first_moment(self) -> str | None:
        """When the first topic was opened."""
        [(first,)] = self._scratch.execute("SELECT min(created_at) FROM topics")
        return str(first) if first else None

    def _known(self, number: int, kind: int = 0) -> bool:
        found = self._scratch.execute(
            """
            SELECT 1 FROM messages WHERE kind = :kind AND source = :number
            UNION ALL
            SELECT 1 FROM topics WHERE :kind = 0 AND id = :number
            """,
            {"kind": kind, "number": number},
        )
        return found.fetchone() is not None

    def _add_topic(self, row: Row, number: int, clock: Clock) -> None:
        self._oddities.see_controls(row, "Title", "Body")
        created = clock.read(row, "CreationDate")
        body = self._body(row, self._html(row))
        self._scratch.execute(
            "INSERT INTO topics VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                number,
                self._title(row, number, body),
                body,
                json.dumps(self._tags(row)),
                self._people.owner(row, "OwnerUserId", "OwnerDisplayName", created),
                created,
                parse(row.values.get("LastEditDate")) or created,
            ),
        )

    def _add_message(
        self, row: Row, kind: int, number: int, post: str, body: str, clock: Clock
    ) -> None:
        self._oddities.see_controls(row, "Body", "Text")
        created = clock.read(row, "CreationDate")
        fields = ("UserId", "UserDisplayName") if kind else ("OwnerUserId", "OwnerDisplayName")
        parent = row.values.get(post, "").strip()
        self._scratch.execute(
            "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                kind,
                number,
                int(parent) if re.fullmatch(r"\d{1,18}", parent) else None,
                str(row),
                self._body(row, body),
                self._people.owner(row, *fields, created),
                created,
                parse(row.values.get("LastEditDate")),
            ),
        )

    def _html(self, row: Row) -> str:
        html = row.values.get("Body", "")
        try:
            return texts.normal(texts.markdown(html))
        except RecursionError:
            self._oddities.changed(row, "nested too deep: kept as the HTML that it is")
            return texts.normal(html)

    def _body(self, row: Row, body: str) -> str:
        body = body.strip("\n").rstrip()
        if not body.strip():
            self._oddities.changed(row, f"no text: '{NO_TEXT}' in its place")
            return NO_TEXT
        if len(body) > LONGEST_BODY:
            self._oddities.changed(row, f"longer than {LONGEST_BODY:,} characters: cut")
        return texts.cut(body, LONGEST_BODY)

    def _title(self, row: Row, number: int, body: str) -> str:
        title = texts.line(row.values.get("Title", ""))
        if not title:
            self._oddities.changed(row, "no title: the first words of the text in its place")
            title = texts.cut(texts.line(body), 60)
        if len(title) < SHORTEST_TITLE:
            self._oddities.changed(row, "title shorter than 3 characters: its Id added")
            title = f"{title} ({number})"
        if len(title) > LONGEST_TITLE:
            self._oddities.changed(row, "title longer than 200 characters: cut")
        return texts.cut(title, LONGEST_TITLE)

    def _tags(self, row: Row) -> list[str]:
        given = TAGS.findall(row.values.get("Tags", ""))
        tags: list[str] = []
        for one in given:
            tag = one.strip().lower().replace("#", "-sharp").replace("+", "-plus")
            tag = re.sub(r"[^a-z0-9]+", "-", tag).strip("-")[:LONGEST_TAG].strip("-")
            if tag != one:
                self._oddities.changed(row, "tag spelled anew in a-z 0-9 -, or left out")
            if tag and tag not in tags:
                tags.append(tag)
        if len(tags) > MOST_TAGS:
            self._oddities.changed(row, "more than 5 tags: the first 5 kept")
        return tags[:MOST_TAGS]
