"""What the messages API takes (models) and gives (plain dicts, built from rows)."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from chassis.database import Row
from chassis.text import Identifier, Input, Text

Body = Annotated[str, Text(1, 32_000)]
Order = Literal["asc", "desc"]
State = Literal["active", "suspended", "erased"]

EMOJI = ("👍", "👎", "😄", "😢", "😮", "😡", "💖", "🎉", "🚀", "👀", "🤔", "🙏")


class ListQuery(BaseModel):
    """The query of the list of messages."""

    topic_id: Identifier | None = Field(None, description="The messages of this topic alone.")
    author_id: Identifier | None = Field(None, description="The messages of this person alone.")
    position: Identifier | None = Field(
        None, alias="from", ge=1, description="The position to start at; needs `topic_id`."
    )
    order: Order | None = Field(
        None, description="Left out: `asc` by position in a topic, otherwise `desc` by id."
    )
    limit: int = Field(20, ge=1, le=100, description="How many items at most.")
    cursor: str | None = Field(None, description="The `next_cursor` of the page before.")


class NewMessage(Input):
    """`reply_to` is the id of a message in the same topic."""

    topic_id: Identifier
    body: Body
    reply_to: Identifier | None = None


class Edit(Input):
    body: Body


class Author(TypedDict):
    id: int
    username: str
    display_name: str
    avatar_url: str | None
    state: State


class Message(TypedDict):
    """A deleted one is a tombstone: `deleted_at` is set, its texts and reactions are empty."""

    id: int
    topic_id: int
    position: int
    author: Author
    body: str
    body_html: str
    reply_to: int | None
    reactions: dict[str, int]
    created_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None
    version: int


class MessagePage(TypedDict):
    items: list[Message]
    next_cursor: str | None


class Revision(TypedDict):
    """A body that the message has or had; `edited_at` and `editor` say when and who wrote it."""

    version: int
    body: str
    edited_at: datetime
    editor: Author


class RevisionPage(TypedDict):
    items: list[Revision]
    next_cursor: str | None


def author(row: Row) -> Author:
    """Of someone whose card is not here yet the id alone is known."""
    username = row["username"] or f"user-{row['author_id']}"
    return {
        "id": row["author_id"],
        "username": username,
        "display_name": row["display_name"] or username,
        "avatar_url": row["avatar_url"],
        "state": row["author_state"] or "active",
    }


def message(row: Row) -> Message:
    return {
        "id": row["id"],
        "topic_id": row["topic_id"],
        "position": row["position"],
        "author": author(row),
        "body": row["body"],
        "body_html": row["body_html"],
        "reply_to": row["reply_to"],
        "reactions": row["reactions"],
        "created_at": row["created_at"],
        "edited_at": row["edited_at"],
        "deleted_at": row["deleted_at"],
        "version": row["version"],
    }


def revision(row: Row) -> Revision:
    return {
        "version": row["version"],
        "body": row["body"],
        "edited_at": row["edited_at"],
        "editor": author(row),
    }


NEW_MESSAGE_EXAMPLE: dict[str, Any] = {"topic_id": 7, "body": "Try `rsync -a`.", "reply_to": None}
EDIT_EXAMPLE: dict[str, Any] = {"body": "Try `rsync -aH`."}
AUTHOR_EXAMPLE: dict[str, Any] = {
    "id": 3,
    "username": "ada",
    "display_name": "Ada",
    "avatar_url": None,
    "state": "active",
}
MESSAGE_EXAMPLE: dict[str, Any] = {
    "id": 42,
    "topic_id": 7,
    "position": 1,
    "author": AUTHOR_EXAMPLE,
    "body": "Try `rsync -a`.",
    "body_html": "<p>Try <code>rsync -a</code>.</p>\n",
    "reply_to": None,
    "reactions": {"👍": 2},
    "created_at": "2026-11-23T09:30:00.123456Z",
    "edited_at": None,
    "deleted_at": None,
    "version": 1,
}
REVISION_EXAMPLE: dict[str, Any] = {
    "version": 1,
    "body": "Try `rsync -a`.",
    "edited_at": "2026-11-23T09:30:00.123456Z",
    "editor": AUTHOR_EXAMPLE,
}
