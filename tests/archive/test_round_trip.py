"""What is loaded comes out again, byte for byte, and what is derived is right."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chassis.archive import ArchiveError
from chassis.archive_copy import connect

from . import small_forum
from .conftest import Store

CREDENTIALS = [
    {
        "kind": "login", "user_id": 1, "email": "Ada@example.org",
        "password_hash": "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA",
    },
    {"kind": "login", "user_id": 5, "email": "carl@example.org", "password_hash": None},
    {
        "kind": "session", "id": 8, "user_id": 1, "created_at": small_forum.T0,
        "last_used_at": small_forum.T1, "user_agent": "curl/8", "address": "192.0.2.1",
        "expires_at": "2031-01-01T00:00:00Z", "revoked_at": None,
    },
    {
        "kind": "refresh_token", "hash": "0a" * 32, "session_id": 8, "created_at": small_forum.T0,
        "used_at": small_forum.T1,
    },
    {
        "kind": "refresh_token", "hash": "ff" * 32, "session_id": 8, "created_at": small_forum.T1,
        "used_at": None,
    },
    {
        "kind": "signing_key", "kid": "k1", "private_pem": "-----BEGIN\nabc\n",
        "public_jwk": {"e": "AQAB", "kty": "RSA"}, "created_at": small_forum.T0,
        "signs_from": small_forum.T0,
    },
]  # fmt: skip


def rows(store: Store, part: str, query: str) -> list[Any]:
    """What a query gives in the database of that part, or of the monolith."""
    with connect(store.urls.get(part) or store.urls["monolith"]) as conn:
        return [tuple(row.values()) for row in conn.execute(query).fetchall()]


def test_dump_of_a_load_is_the_same_bytes(store: Store, tmp_path: Path) -> None:
    archive = small_forum.write(tmp_path / "in", small_forum.FILES)
    store.load(archive)
    assert small_forum.read(store.dump(tmp_path / "out")) == small_forum.read(archive)


def test_credentials_carry_over_when_asked_for(store: Store, tmp_path: Path) -> None:
    archive = small_forum.write(tmp_path / "in", small_forum.changed(credentials=CREDENTIALS))
    store.load(archive)
    assert small_forum.read(store.dump(tmp_path / "out", credentials=True)) == small_forum.read(
        archive
    )
    mode = (tmp_path / "out" / "credentials.ndjson").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    assert "credentials.ndjson" not in small_forum.read(store.dump(tmp_path / "without"))


def test_services_and_monolith_write_the_same_archive(
    make_store: Callable[[str], Store], tmp_path: Path
) -> None:
    before, after = make_store("monolith"), make_store("services")
    before.load(small_forum.write(tmp_path / "in", small_forum.FILES))
    after.load(before.dump(tmp_path / "middle"))
    assert small_forum.read(after.dump(tmp_path / "out")) == small_forum.read(tmp_path / "in")


def test_what_an_archive_does_not_carry_is_derived(store: Store, tmp_path: Path) -> None:
    store.load(small_forum.write(tmp_path / "in", small_forum.FILES))
    assert rows(store, "topics", "SELECT slug, topic_count FROM categories ORDER BY slug") == [
        ("general", 2),
        ("looms", 1),
    ]
    counts = "SELECT id, message_count, last_position, last_author_id FROM topics ORDER BY id"
    assert [row for row in rows(store, "messages", counts) if row[2]] == [
        (3, 3, 4, 5),
        (4, 0, 1, None),
        (9, 1, 1, 2),
    ]
    found = rows(store, "messages", "SELECT body_html, reactions FROM messages ORDER BY id LIMIT 2")
    assert found[0][0].startswith("<p>Answer 1 — naïve “quotes”, &lt;b&gt;tags&lt;/b&gt;")
    assert found[0][1] == {"👍": 2, "🚀": 1}
    assert found[1] == ("", {})
    assert rows(store, "topics", "SELECT excerpt, body_html FROM topics WHERE id = 3") == [
        ("About First words", "<p>About <em>First words</em></p>\n")
    ]


def test_new_ids_follow_those_of_the_archive(store: Store, tmp_path: Path) -> None:
    store.load(small_forum.write(tmp_path / "in", small_forum.FILES))
    for part, last in (("users", 70), ("topics", 12), ("messages", 11)):
        next_id = f"SELECT nextval(pg_get_serial_sequence('{part}', 'id'))"
        assert rows(store, part, next_id) == [(last + 1,)]


def test_an_empty_forum_is_an_archive_too(store: Store, tmp_path: Path) -> None:
    general = {"slug": "general", "name": "G", "description": "", "created_at": small_forum.T0}
    files: small_forum.Files = {name: [] for name in small_forum.FILES}
    files["categories"] = [general]
    store.load(small_forum.write(tmp_path / "in", files))
    assert small_forum.read(store.dump(tmp_path / "out")) == small_forum.read(tmp_path / "in")


def test_a_dump_overwrites_nothing(store: Store, tmp_path: Path) -> None:
    store.dump(tmp_path / "out")
    before = small_forum.read(tmp_path / "out")
    with pytest.raises(ArchiveError, match=r"users\.ndjson exists\. Give a new folder"):
        store.dump(tmp_path / "out")
    assert small_forum.read(tmp_path / "out") == before
