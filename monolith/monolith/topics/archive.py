"""The categories and topics of a forum archive, and their audit log."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Annotated, Any

from pydantic import Field

from chassis import markdown
from chassis.archive import Id, Moment, Record, Version, as_kept
from chassis.archive_copy import Check, File, Table
from chassis.text import Line, Text
from monolith.topics import archive_store as sql
from monolith.topics.schemas import CategorySlug, Tags


class Category(Record):
    slug: CategorySlug
    name: Annotated[str, as_kept(Line(1, 80))]
    description: Annotated[str, as_kept(Line(0, 500))]
    created_at: Moment


class Topic(Record):
    id: Id
    title: Annotated[str, as_kept(Line(3, 200))]
    slug: Annotated[str, Field(min_length=1, max_length=80)]
    body: Annotated[str, as_kept(Text(1, 32_000))]
    category: CategorySlug
    tags: Tags
    author_id: Id
    locked: bool
    pinned: bool
    created_at: Moment
    updated_at: Moment
    deleted_at: Moment | None
    version: Version

    def columns(self) -> Sequence[Any]:
        """Those of `COPY_TOPICS`."""
        return (
            self.id,
            self.title,
            self.slug,
            self.body,
            markdown.render(self.body),
            markdown.excerpt(self.body),
            self.category,
            self.tags,
            self.author_id,
            self.locked,
            self.pinned,
            self.created_at,
            self.created_at,
            self.updated_at,
            self.deleted_at,
            self.version,
        )


class AuditEntry(Record):
    id: Id
    at: Moment
    actor_id: Id | None
    action: Annotated[str, as_kept(Line(1, 100))]
    target_id: Id | None
    detail: dict[str, Any]

    def columns(self) -> Sequence[Any]:
        """Those of `COPY_AUDIT`."""
        return ("topics", *super().columns())


CATEGORIES = Table(Category, sql.COPY_CATEGORIES, sql.SELECT_CATEGORIES, key=attrgetter("slug"))
TOPICS = Table(
    Topic,
    sql.COPY_TOPICS,
    sql.SELECT_TOPICS,
    references={"category": "categories", "author_id": "users"},
)
AUDIT = Table(AuditEntry, sql.COPY_AUDIT, sql.SELECT_AUDIT, references={"actor_id": "users"})

FILES = (
    File("categories", [CATEGORIES], before=sql.BEFORE_CATEGORIES),
    File("topics", [TOPICS]),
    File("audit-topics", [AUDIT]),
)

CHECKS = (
    Check(
        "categories",
        sql.GENERAL_MISSING,
        "the category 'general' is missing. Every forum has it: add a line for it.",
    ),
)
