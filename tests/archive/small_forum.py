"""A small forum as an archive, made by hand, with every kind of row in it."""

import hashlib
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

Files = dict[str, list[dict[str, Any]]]

T0 = "2024-02-28T23:59:59.5Z".replace(".5Z", ".500000Z")
T1 = "2024-02-29T08:00:00Z"
T2 = "2024-03-01T09:30:00.000001Z"


def user(number: int, name: str, **changes: Any) -> dict[str, Any]:
    """A line of users.ndjson."""
    return {
        "id": number, "username": name, "display_name": name.title(), "bio": "", "avatar_url": None,
        "role": "member", "suspension": None, "erased_at": None, "retired_name_hash": None,
        "created_at": T0, "updated_at": T0, "version": 1,
    } | changes  # fmt: skip


def topic(number: int, title: str, author: int, **changes: Any) -> dict[str, Any]:
    """A line of topics.ndjson."""
    return {
        "id": number, "title": title, "slug": title.lower().replace(" ", "-"),
        "body": f"About *{title}*", "category": "general", "tags": [], "author_id": author,
        "locked": False, "pinned": False, "created_at": T0, "updated_at": T0, "deleted_at": None,
        "version": 1,
    } | changes  # fmt: skip


def message(number: int, of: int, position: int, author: int, **changes: Any) -> dict[str, Any]:
    """A line of messages.ndjson."""
    return {
        "id": number, "topic_id": of, "position": position, "author_id": author,
        "body": f"Answer {position} — naïve “quotes”, <b>tags</b>, `code`\n\n- one\n- two 🎉",
        "reply_to": None, "created_at": T1, "edited_at": None, "deleted_at": None, "version": 1,
    } | changes  # fmt: skip


def audit(number: int, action: str, target: int) -> dict[str, Any]:
    """A line of an audit file."""
    return {
        "id": number, "at": T2, "actor_id": 1, "action": action, "target_id": target,
        "detail": {"why": "because"},
    }  # fmt: skip


FILES: Files = {
    "users": [
        user(1, "ada", role="admin", bio="Weaves.\n\nAnd counts.", version=3),
        user(2, "bob", role="moderator", avatar_url="https://example.org/b.png"),
        user(
            5, "carl_of_the_north", updated_at=T2, version=2,
            suspension={"reason": "Shouts", "until": None, "by": 2},
        ),
        user(
            6, "deleted-6", display_name="deleted-6", erased_at=T1, version=2,
            retired_name_hash=hashlib.sha256(b"dora").hexdigest(),
        ),
        user(70, "Eve", suspension={"reason": "Spam", "until": "2031-01-01T00:00:00Z", "by": 1}),
    ],
    "audit-users": [audit(1, "user.suspended", 5), audit(4, "user.suspended", 70)],
    "categories": [
        {"slug": "general", "name": "General", "description": "", "created_at": T0},
        {"slug": "looms", "name": "Looms", "description": "Frames & shafts", "created_at": T1},
    ],
    "topics": [
        topic(3, "First words", 1, pinned=True, tags=["wool", "a-1"]),
        topic(4, "Locked and quiet", 2, locked=True, category="looms", updated_at=T2, version=4),
        topic(9, "Gone for good", 6, deleted_at=T2, version=2),
        topic(12, "Nobody answers", 70),
    ],
    "audit-topics": [audit(1, "topic.locked", 4)],
    "messages": [
        message(1, 3, 1, 2),
        message(2, 3, 2, 6, body="", deleted_at=T2, version=2),
        # A reply to what comes later: imported forums have such.
        message(4, 3, 3, 1, reply_to=5),
        message(5, 3, 4, 5, edited_at=T2, version=3, reply_to=1),
        message(6, 9, 1, 2),
        message(11, 4, 1, 2, body="", deleted_at=T2, version=2),
    ],
    "revisions": [
        {"message_id": 5, "version": 1, "body": "Frist", "edited_at": T1, "editor_id": 5},
        {"message_id": 5, "version": 2, "body": "First", "edited_at": T2, "editor_id": 2},
    ],
    "reactions": [
        {"message_id": 1, "user_id": 1, "emoji": "👍", "created_at": T1},
        {"message_id": 1, "user_id": 5, "emoji": "👍", "created_at": T1},
        {"message_id": 1, "user_id": 5, "emoji": "🚀", "created_at": T2},
    ],
    "audit-messages": [audit(1, "message.deleted", 2), audit(2, "message.edited", 5)],
}  # fmt: skip


def changed(**changes: Any) -> Files:
    """The small forum with some files replaced; `_` stands for `-` in a name."""
    return deepcopy(FILES) | {name.replace("_", "-"): rows for name, rows in changes.items()}


def write(folder: Path, files: Files) -> Path:
    """Write an archive in its canonical form."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = {}
    for name in sorted(files):
        data = b"".join(
            json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            for row in files[name]
        )
        (folder / f"{name}.ndjson").write_bytes(data)
        facts[f"{name}.ndjson"] = {
            "rows": len(files[name]),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
    manifest = {"format": "forum-archive-1", "files": facts}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    return folder


def read(folder: Path) -> dict[str, bytes]:
    """Every file of an archive."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
