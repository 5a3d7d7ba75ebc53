"""A broken archive, or a target that is not empty, is a clear error that changes nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chassis.archive import ArchiveError

from . import small_forum
from .conftest import Store
from .small_forum import FILES, T0, T1, Files, changed, message, topic, user

USERS, TOPICS, MESSAGES = FILES["users"], FILES["topics"], FILES["messages"]
REVISION, REACTION = FILES["revisions"][0], FILES["reactions"][0]


def broken(number: int, rows: list[dict[str, Any]], **changes: Any) -> list[dict[str, Any]]:
    """The rows with one of them changed; the number counts from 1, as the errors do."""
    return [row | changes if at == number else row for at, row in enumerate(rows, 1)]


CASES: list[tuple[Files, str]] = [
    (changed(users=broken(2, USERS, id="2")), r'users.ndjson, line 2: id \("2"\): .*integer'),
    (changed(users=broken(2, USERS, id=2**63)), "users.ndjson, line 2: id "),
    (changed(users=broken(1, USERS, role="king")), r'line 1: role \("king"\)'),
    (changed(users=broken(1, USERS, username="a b")), r'line 1: username \("a b"\)'),
    (changed(users=broken(5, USERS, username="ADA")), r"users.ndjson, line 5: .*already exists"),
    (changed(users=broken(1, USERS, created_at="soon")), r'line 1: created_at \("soon"\)'),
    (changed(users=broken(1, USERS, created_at="2024-01-01T00:00:00")), "timezone"),
    (changed(users=broken(1, USERS, extra=1)), r"line 1: extra \(1\): Extra"),
    (changed(users=[{"id": 1}]), "line 1: username: Field required"),
    (changed(users=[*USERS, user(70, "fay")]), "line 6: 70 is there twice"),
    (changed(users=[*USERS, user(69, "fay")]), "line 6: 69 comes after 70"),
    (
        changed(users=broken(3, USERS, suspension={"reason": "x", "until": None, "by": 99})),
        "users.ndjson, line 3: suspended_by is 99",
    ),
    (
        changed(audit_users=[small_forum.audit(1, "x", 1) | {"actor_id": 99}]),
        "audit-users.ndjson, line 1: actor_id is 99, and users.ndjson has no such row",
    ),
    (changed(categories=FILES["categories"][1:], topics=[], messages=[], revisions=[],
             reactions=[]), "categories.ndjson: the category 'general' is missing"),
    (changed(topics=broken(4, TOPICS, author_id=99)), "topics.ndjson, line 4: author_id is 99"),
    (changed(topics=broken(4, TOPICS, category="none")), "line 4: category is 'none', and cat"),
    (changed(topics=broken(4, TOPICS, title="x" * 201)), "line 4: title .*at most 200"),
    (changed(topics=broken(4, TOPICS, title=" outer ")), "line 4: title .*outer space"),
    (changed(topics=broken(4, TOPICS, body="e\u0301")), "line 4: body .*NFC"),
    (changed(topics=broken(4, TOPICS, body="a\x00b")), r"line 4: body .*U\+0000"),
    (changed(topics=broken(4, TOPICS, tags=["A"])), r"line 4: tags.0"),
    (changed(messages=broken(5, MESSAGES, topic_id=99)), "messages.ndjson, line 5: topic_id is 99"),
    (changed(messages=broken(5, MESSAGES, author_id=99)), "messages.ndjson, line 5: author_id is"),
    (changed(messages=broken(1, MESSAGES, body="")), "messages.ndjson, line 1: .*has a body"),
    (changed(messages=broken(1, MESSAGES, body="x" * 32_001)), "line 1: body .*at most 32000"),
    (changed(messages=broken(4, MESSAGES, reply_to=99)), "messages.ndjson, line 4: reply_to is 99"),
    (changed(messages=broken(4, MESSAGES, reply_to=6)), "line 4: reply_to is 6, which is no mess"),
    (
        changed(messages=broken(4, MESSAGES, position=5)),
        "messages.ndjson, line 4: position is 5 in topic 3, where 3 is the one before it",
    ),
    (changed(messages=broken(4, MESSAGES, position=3)), "messages.ndjson, line 4: .*already exist"),
    (
        changed(messages=[*MESSAGES, message(12, 12, 2, 1)]),
        "line 7: position is 2 in topic 12, where 0",
    ),
    (changed(revisions=[REVISION | {"message_id": 3}]), "revisions.ndjson, line 1: message_id is"),
    (changed(revisions=[REVISION | {"version": 3}]), "revisions.ndjson, line 1: .* not older"),
    (changed(revisions=[REVISION | {"message_id": 2}]), "revisions.ndjson, line 1: .* is deleted"),
    (changed(reactions=[REACTION | {"emoji": "x"}]), r'reactions.ndjson, line 1: emoji \("x"\)'),
    (changed(reactions=[REACTION, REACTION]), "reactions.ndjson, line 2: .* is there twice"),
    (changed(reactions=[REACTION | {"message_id": 2}]), "reactions.ndjson, line 1: .* is deleted"),
    (changed(messages=[], revisions=[]), "reactions.ndjson, line 1: message_id is 1"),
    (
        changed(credentials=[
            {"kind": "login", "user_id": 1, "email": "a@b.c", "password_hash": None},
            {"kind": "login", "user_id": 2, "email": "A@b.c", "password_hash": None},
        ]),
        "credentials.ndjson, line 2: .*already exists",
    ),
    (changed(credentials=[{"kind": "?"}]), "credentials.ndjson, line 1: .*kind"),
    (
        changed(credentials=[
            {"kind": "refresh_token", "hash": "ab" * 32, "session_id": 4, "created_at": T0,
             "used_at": T1},
        ]),
        "credentials.ndjson, line 1: session_id is 4, and there is no such row",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("files", "says"), CASES, ids=[says[:40] for _, says in CASES])
def test_a_broken_row_is_named_and_nothing_is_changed(
    empty_store: Store, tmp_path: Path, files: Files, says: str
) -> None:
    archive = small_forum.write(tmp_path / "in", files)
    untouched = small_forum.read(empty_store.dump(tmp_path / "before"))
    with pytest.raises(ArchiveError, match=says):
        empty_store.load(archive)
    assert small_forum.read(empty_store.dump(tmp_path / "after")) == untouched


SECRET = "sesame-5f2c"
LOGIN = {"kind": "login", "user_id": 1, "email": f"{SECRET}@b.c", "password_hash": None}
KEY = {"kind": "signing_key", "kid": SECRET, "private_pem": SECRET, "public_jwk": {},
       "created_at": T0, "signs_from": T0}  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([LOGIN | {"password_hash": [SECRET]}], r"line 1: login\.password_hash: .* Repair"),
        ([{"kind": SECRET}], "line 1: .*kind"),
        ([LOGIN | {SECRET: 1}], "line 1: .*not allowed.* Repair the line"),
        ([LOGIN | {"created_at": SECRET}], "line 1: .*not allowed.* Repair the line"),
        ([KEY | {"signs_from": SECRET}], r"line 1: signing_key\.signs_from: .* Repair the line"),
        ([KEY | {"public_jwk": {"d": f"{SECRET}\0"}}], "line 1: a value is not allowed"),
        ([KEY, KEY], "line 2: the key is there twice"),
        ([LOGIN, LOGIN | {"user_id": 2}], r"line 2: a value already exists \(.*email.* Repair"),
    ],
    ids=["type", "kind", "unknown name", "unknown field", "moment", "nul", "key", "unique"],
)
def test_what_is_wrong_with_credentials_is_said_without_them(
    empty_store: Store, tmp_path: Path, rows: list[dict[str, Any]], says: str
) -> None:
    archive = small_forum.write(tmp_path / "in", changed(credentials=rows))
    with pytest.raises(ArchiveError, match=f"credentials.ndjson, {says}") as caught:
        empty_store.load(archive)
    assert SECRET not in str(caught.value)


def cut(folder: Path) -> None:
    path = folder / "messages.ndjson"
    path.write_bytes(path.read_bytes()[:-10])


def no_file(folder: Path) -> None:
    (folder / "messages.ndjson").unlink()


def no_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def broken_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("{")


def other_format(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace("archive-1", "archive-2"))


def wrong_count(folder: Path) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"]["messages.ndjson"]["rows"] += 1
    path.write_text(json.dumps(manifest))


def not_in_the_manifest(folder: Path) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["files"]["messages.ndjson"]
    path.write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (cut, r"messages\.ndjson was changed or cut: its sha256 is [0-9a-f]{64}"),
        (no_file, r"messages\.ndjson is in manifest\.json but cannot be read \(No such file"),
        (no_manifest, r"manifest\.json does not exist\. Give the folder of an archive"),
        (broken_manifest, r"manifest\.json cannot be read: Invalid JSON"),
        (other_format, r'manifest\.json cannot be read: format \("forum-archive-2"\)'),
        (wrong_count, r"messages\.ndjson has 6 lines that end with LF, manifest\.json says 7"),
        (not_in_the_manifest, r"messages\.ndjson is not in manifest\.json"),
    ],
)
def test_a_damaged_folder_is_an_error(
    empty_store: Store, tmp_path: Path, damage: Callable[[Path], None], says: str
) -> None:
    archive = small_forum.write(tmp_path / "in", FILES)
    damage(archive)
    untouched = small_forum.read(empty_store.dump(tmp_path / "before"))
    with pytest.raises(ArchiveError, match=says):
        empty_store.load(archive)
    assert small_forum.read(empty_store.dump(tmp_path / "after")) == untouched


def test_the_target_has_to_be_empty(store: Store, tmp_path: Path) -> None:
    archive = small_forum.write(tmp_path / "in", FILES)
    store.load(archive)
    with pytest.raises(ArchiveError, match="An archive makes a forum whole"):
        store.load(archive)
    assert small_forum.read(store.dump(tmp_path / "out")) == small_forum.read(archive)


def test_a_part_alone_needs_no_other(make_store: Callable[[str], Store], tmp_path: Path) -> None:
    """An archive of one service, without the files that it refers to."""
    files = {"categories": FILES["categories"], "topics": [topic(1, "Alone", 4)]}
    archive = small_forum.write(tmp_path / "in", files)
    services = make_store("services")
    services.parts = [part for part in services.parts if part.name == "topics"]
    services.load(archive)
    assert (services.dump(tmp_path / "out") / "topics.ndjson").read_bytes() == (
        archive / "topics.ndjson"
    ).read_bytes()
