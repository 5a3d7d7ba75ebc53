"""Whether two forums hold the same rows: what an archive carries, and what is derived from it."""

import hashlib
from pathlib import Path
from typing import LiteralString

import psycopg

from chassis.archive import Archive
from forum.archives import FILES
from forum.instance import Forum
from forum.verdict import Verdict

SHOWN = 12

# What it is, and whose database has it; the same question to the monolith and to that service.
DERIVED: tuple[tuple[str, str, LiteralString, LiteralString], ...] = (
    (
        "counts of people",
        "users",
        "SELECT id, topic_count, message_count FROM users ORDER BY id",
        "SELECT id, topic_count, message_count FROM users ORDER BY id",
    ),
    (
        "counts of categories",
        "topics",
        "SELECT slug, topic_count FROM categories ORDER BY slug",
        "SELECT slug, topic_count FROM categories ORDER BY slug",
    ),
    (
        "topics: HTML, excerpts, activity",
        "topics",
        """
        SELECT id, body_html, excerpt, message_count, last_activity_at, last_author_id
        FROM topics
        ORDER BY id
        """,
        """
        SELECT id, body_html, excerpt, message_count, last_activity_at, last_author_id
        FROM topics
        ORDER BY id
        """,
    ),
    (
        "topics as messages knows them",
        "messages",
        """
        SELECT id, title, locked, deleted_at IS NOT NULL, last_position
        FROM topics
        ORDER BY id
        """,
        "SELECT id, title, locked, deleted, last_position FROM topics ORDER BY id",
    ),
    (
        "messages: HTML, reactions",
        "messages",
        "SELECT id, body_html, reactions FROM messages ORDER BY id",
        "SELECT id, body_html, reactions FROM messages ORDER BY id",
    ),
    *(
        (
            f"people as {service} knows them",
            service,
            """
            SELECT
                id, username, display_name, avatar_url, role, suspended_until,
                CASE
                    WHEN erased_at IS NOT NULL THEN 'erased'
                    WHEN suspended AND coalesce(suspended_until > now(), true) THEN 'suspended'
                    ELSE 'active'
                END
            FROM users
            ORDER BY id
            """,
            """
            SELECT
                id, username, display_name, avatar_url, role, suspended_until,
                CASE
                    WHEN state = 'suspended' AND suspended_until <= now() THEN 'active'
                    ELSE state
                END
            FROM authors
            ORDER BY id
            """,
        )
        for service in ("topics", "messages")
    ),
)


def compare_archives(before: Path, after: Path, verdict: Verdict) -> None:
    """The files of two dumps: a row count and a checksum for each table."""
    ours, theirs = Archive(before).files, Archive(after).files
    for name in FILES:
        one, other = ours[f"{name}.ndjson"], theirs[f"{name}.ndjson"]
        verdict.add(
            name,
            f"{one.rows:>9,} {one.sha256[:SHOWN]}",
            f"{other.rows:>9,} {other.sha256[:SHOWN]}",
            same=one == other,
        )


def compare_derived(forum: Forum, verdict: Verdict) -> None:
    """The columns that a load derives, and what the services keep of each other."""
    for what, service, ours, theirs in DERIVED:
        one = _checksum(forum.database_url("monolith"), ours)
        other = _checksum(forum.database_url(service), theirs)
        verdict.add(what, _shown(*one), _shown(*other), same=one == other)


def _shown(rows: int, digest: str) -> str:
    return f"{rows:>9,} {digest[:SHOWN]}"


def _checksum(url: str, query: LiteralString) -> tuple[int, str]:
    rows, digest = 0, hashlib.sha256()
    with (
        psycopg.connect(url, options="-c timezone=UTC") as conn,
        conn.cursor().copy(f"COPY ({query}) TO STDOUT") as copy,
    ):
        for chunk in copy:
            digest.update(chunk)
            rows += bytes(chunk).count(b"\n")
    return rows, digest.hexdigest()
