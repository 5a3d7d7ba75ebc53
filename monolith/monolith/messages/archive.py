"""The messages of a forum archive, old bodies, reactions, and their audit log."""

from collections.abc import Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Annotated, Any, Literal, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from chassis.archive import Id, Moment, Record, Version, as_kept
from chassis.archive_copy import Check, File, Table
from chassis.markdown import render
from chassis.text import Line, Text
from monolith.messages import archive_store as sql
from monolith.messages.schemas import EMOJI

# Made archives say the same over and over; people, mostly in short messages, do so too.
rendered = lru_cache(maxsize=512)(render)


class Message(Record):
    """A deleted one has no text."""

    id: Id
    topic_id: Id
    position: Id
    author_id: Id
    body: Annotated[str, as_kept(Text(0, 32_000))]
    reply_to: Id | None
    created_at: Moment
    edited_at: Moment | None
    deleted_at: Moment | None
    version: Version

    @model_validator(mode="after")
    def _text_or_tombstone(self) -> Self:
        if bool(self.body.strip()) == bool(self.deleted_at):
            raise PydanticCustomError(
                "body", "a message has a body, and one with deleted_at has the body ''"
            )
        return self

    def columns(self) -> Sequence[Any]:
        """Those of `COPY_MESSAGES`."""
        return (
            self.id,
            self.topic_id,
            self.position,
            self.author_id,
            self.body,
            rendered(self.body) if self.body else "",
            self.reply_to,
            self.created_at,
            self.edited_at,
            self.deleted_at,
            self.version,
        )


class Revision(Record):
    message_id: Id
    version: Version
    body: Annotated[str, as_kept(Text(1, 32_000))]
    edited_at: Moment
    editor_id: Id


class Reaction(Record):
    message_id: Id
    user_id: Id
    emoji: Literal[EMOJI]  # type: ignore[valid-type]
    created_at: Moment


class AuditEntry(Record):
    id: Id
    at: Moment
    actor_id: Id | None
    action: Annotated[str, as_kept(Line(1, 100))]
    target_id: Id | None
    detail: dict[str, Any]

    def columns(self) -> Sequence[Any]:
        """Those of `COPY_AUDIT`."""
        return ("messages", *super().columns())


MESSAGES = Table(
    Message,
    sql.COPY_MESSAGES,
    sql.SELECT_MESSAGES,
    references={"topic_id": "topics", "author_id": "users"},
)
REVISIONS = Table(
    Revision,
    sql.COPY_REVISIONS,
    sql.SELECT_REVISIONS,
    key=attrgetter("message_id", "version"),
    references={"message_id": "messages", "editor_id": "users"},
)
REACTIONS = Table(
    Reaction,
    sql.COPY_REACTIONS,
    sql.SELECT_REACTIONS,
    key=attrgetter("message_id", "user_id", "emoji"),
    references={"message_id": "messages", "user_id": "users"},
)
AUDIT = Table(AuditEntry, sql.COPY_AUDIT, sql.SELECT_AUDIT, references={"actor_id": "users"})

CHECKS = (
    Check(
        "messages",
        sql.GAP,
        "position is {position} in topic {topic_id}, where {before} is the one before it."
        " Positions are 1, 2, 3 and so on without a gap: add what is missing, or number anew.",
    ),
    Check(
        "messages",
        sql.STRANGE_REPLY,
        "reply_to is {reply_to}, which is no message of topic {topic_id}. Name one, or null.",
    ),
    Check(
        "revisions",
        sql.STRANGE_REVISION,
        "the message is deleted, or this version is not older than its own. Remove the line.",
    ),
    Check("reactions", sql.STRANGE_REACTION, "the message is deleted. Remove the line."),
)

FILES = (
    File("messages", [MESSAGES]),
    File("revisions", [REVISIONS]),
    File("reactions", [REACTIONS]),
    File("audit-messages", [AUDIT]),
)
