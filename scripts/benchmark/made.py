"""A made archive of any size, the same each time: one long topic, and many short ones."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from chassis.archive import ArchiveWriter

PEOPLE = 500
SHORT = 40
BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
WORDS = (
    "The *bridge* over the river was built in spring, and the old ferry stopped the same week.",
    "See the [plan](https://example.org/plan): two arches of stone, `4.20 m` wide, no toll.",
    "> Who paid for it?\n\nThe town did, over ten years, and the guild of millers gave the wood.",
    "1. the east bank\n2. the west bank\n\nBoth were **flooded** twice before the wall was raised.",
)


def write(folder: Path, topics: int, messages: int) -> None:
    """Write the archive: topic 1 holds what the short topics, 40 messages each, leave over."""
    with ArchiveWriter(
        folder, ["users", "categories", "topics", "messages", "revisions", "reactions"]
    ) as archive:
        archive.write("users", _users())
        archive.write("categories", [_category()])
        archive.write("topics", _topics(topics))
        archive.write("messages", _messages(topics, messages))
        archive.write("revisions", [])
        archive.write("reactions", [])


def short_topics(topics: int, messages: int) -> int:
    """How many topics, from topic 2 on, hold 40 messages each: a tenth of all messages."""
    return min(topics - 1, messages // 10 // SHORT)


def _at(number: int) -> datetime:
    return BEGIN + timedelta(seconds=number)


def _category() -> dict[str, Any]:
    return {"slug": "general", "name": "General", "description": "", "created_at": BEGIN}


def _users() -> Iterator[dict[str, Any]]:
    for number in range(1, PEOPLE + 1):
        yield {
            "id": number,
            "username": f"person-{number}",
            "display_name": f"Person {number}",
            "bio": "",
            "avatar_url": None,
            "role": "member",
            "suspension": None,
            "erased_at": None,
            "retired_name_hash": None,
            "created_at": BEGIN,
            "updated_at": BEGIN,
            "version": 1,
        }


def _topics(topics: int) -> Iterator[dict[str, Any]]:
    for number in range(1, topics + 1):
        yield {
            "id": number,
            "title": f"About the bridge, part {number}",
            "slug": f"about-the-bridge-part-{number}",
            "body": WORDS[number % len(WORDS)],
            "category": "general",
            "tags": ["bridges", f"part-{number % 50}"],
            "author_id": number % PEOPLE + 1,
            "locked": False,
            "pinned": False,
            "created_at": _at(number),
            "updated_at": _at(number),
            "deleted_at": None,
            "version": 1,
        }


def _messages(topics: int, messages: int) -> Iterator[dict[str, Any]]:
    short = short_topics(topics, messages) * SHORT
    for number in range(1, messages + 1):
        in_short = number <= short
        yield {
            "id": number,
            "topic_id": 2 + (number - 1) // SHORT if in_short else 1,
            "position": (number - 1) % SHORT + 1 if in_short else number - short,
            "author_id": number % PEOPLE + 1,
            "body": WORDS[number % len(WORDS)],
            "reply_to": None,
            "created_at": _at(topics + number),
            "edited_at": None,
            "deleted_at": None,
            "version": 1,
        }
