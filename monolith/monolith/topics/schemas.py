"""What the topics API takes (models) and gives (plain dicts, built from rows)."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from chassis.database import Row
from chassis.text import Identifier, Input, Line, Text
from monolith.topics.list_store import Item, Sort, State

MOST_TAGS = 5

AUTHOR_EXAMPLE = {
    "id": 7,
    "username": "ada",
    "display_name": "Ada Lovelace",
    "avatar_url": None,
    "state": "active",
}
ITEM_EXAMPLE = {
    "id": 42,
    "title": "Which loom for a beginner?",
    "slug": "which-loom-for-a-beginner",
    "excerpt": "I have woven on a frame so far and look for …",
    "category": "general",
    "tags": ["looms", "buying"],
    "author": AUTHOR_EXAMPLE,
    "locked": False,
    "pinned": False,
    "message_count": 3,
    "last_activity_at": "2026-03-01T10:15:00Z",
    "last_author": AUTHOR_EXAMPLE,
    "created_at": "2026-02-27T08:00:00Z",
    "updated_at": "2026-02-27T08:00:00Z",
    "version": 1,
}
TOPIC_EXAMPLE = {
    **{name: value for name, value in ITEM_EXAMPLE.items() if name != "excerpt"},
    "body": "I have woven on a *frame* so far.",
    "body_html": "<p>I have woven on a <em>frame</em> so far.</p>\n",
}
CATEGORY_EXAMPLE = {
    "slug": "general",
    "name": "General",
    "description": "Whatever fits nowhere else",
    "topic_count": 12,
}
NEW_TOPIC_EXAMPLE = {
    "title": "Which loom for a beginner?",
    "body": "I have woven on a *frame* so far.",
    "category": "general",
    "tags": ["looms", "buying"],
}
NEW_CATEGORY_EXAMPLE = {"slug": "looms", "name": "Looms", "description": "Frames and shafts"}
CHANGES_EXAMPLE = {"title": "Which loom for a beginner's flat?", "tags": ["looms"]}


def _each_once(tags: list[str]) -> list[str]:
    if len(set(tags)) < len(tags):
        raise PydanticCustomError("tags_not_unique", "a tag is given twice")
    return tags


def _no_default(schema: dict[str, Any]) -> None:
    # A field that is left out stays as it is; the model's own default is never used.
    del schema["default"]


LEFT_OUT: Any = Field(default=None, json_schema_extra=_no_default)

Title = Annotated[str, Line(3, 200)]
OpeningText = Annotated[str, Text(1, 32_000)]
CategorySlug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Tag = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,29}$")]
Tags = Annotated[list[Tag], Field(max_length=MOST_TAGS), AfterValidator(_each_once)]
# Of a query: no control characters; a text that fits nothing finds nothing.
Term = Annotated[str, Line(0, 200)]
Question = Annotated[str, Line(1, 200)]


class ListQuery(BaseModel):
    """The query of the list of topics."""

    category: Term | None = Field(None, description="The topics of this category alone.")
    tag: Term | None = Field(None, description="The topics with this tag alone.")
    author_id: Identifier | None = Field(None, description="The topics of this person alone.")
    sort: Sort = Field(
        "activity",
        description="`activity`: pinned ones, then what moved last. `created`: the newest.",
    )
    limit: int = Field(20, ge=1, le=100, description="How many items at most.")
    cursor: str | None = Field(None, description="The `next_cursor` of the page before.")


class NewTopic(Input):
    title: Title
    body: OpeningText
    category: CategorySlug
    tags: Tags = Field(default_factory=list)


class TopicChanges(Input):
    """What is left out stays as it is; nothing can be null."""

    title: Title = LEFT_OUT
    body: OpeningText = LEFT_OUT
    category: CategorySlug = LEFT_OUT
    tags: Tags = LEFT_OUT


class NewCategory(Input):
    slug: CategorySlug
    name: Annotated[str, Line(1, 80)]
    description: Annotated[str, Line(0, 500)] = ""


class Author(TypedDict):
    id: int
    username: str
    display_name: str
    avatar_url: str | None
    state: State


class _Shared(TypedDict):
    id: int
    title: str
    slug: str
    category: str
    tags: list[str]
    author: Author
    locked: bool
    pinned: bool
    message_count: int
    last_activity_at: datetime
    last_author: Author | None
    created_at: datetime
    updated_at: datetime
    version: int


class TopicItem(_Shared):
    excerpt: str


class Topic(_Shared):
    body: str
    body_html: str


class Category(TypedDict):
    slug: str
    name: str
    description: str
    topic_count: int


class TopicPage(TypedDict):
    items: list[TopicItem]
    next_cursor: str | None


class CategoryPage(TypedDict):
    items: list[Category]
    next_cursor: str | None


def _author(
    person: int, username: str, display_name: str, avatar_url: str | None, state: State
) -> Author:
    return {
        "id": person,
        "username": username,
        "display_name": display_name,
        "avatar_url": avatar_url,
        "state": state,
    }


def topic_item(row: Item) -> TopicItem:
    """A topic as lists show it."""
    return {
        "id": row.id,
        "title": row.title,
        "slug": row.slug,
        "excerpt": row.excerpt,
        "category": row.category,
        "tags": row.tags,
        "author": _author(
            row.author_id,
            row.author_username,
            row.author_display_name,
            row.author_avatar_url,
            row.author_state,
        ),
        "locked": row.locked,
        "pinned": row.pinned,
        "message_count": row.message_count,
        "last_activity_at": row.last_activity_at,
        "last_author": None
        if row.last_author_id is None
        else _author(
            row.last_author_id,
            row.last_username,
            row.last_display_name,
            row.last_avatar_url,
            row.last_state,
        ),
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "version": row.version,
    }


def topic(row: Row) -> Topic:
    """A topic with its opening text."""
    return {
        "id": row["id"],
        "title": row["title"],
        "slug": row["slug"],
        "body": row["body"],
        "body_html": row["body_html"],
        "category": row["category"],
        "tags": row["tags"],
        "author": _author(
            row["author_id"],
            row["author_username"],
            row["author_display_name"],
            row["author_avatar_url"],
            row["author_state"],
        ),
        "locked": row["locked"],
        "pinned": row["pinned"],
        "message_count": row["message_count"],
        "last_activity_at": row["last_activity_at"],
        "last_author": None
        if row["last_author_id"] is None
        else _author(
            row["last_author_id"],
            row["last_username"],
            row["last_display_name"],
            row["last_avatar_url"],
            row["last_state"],
        ),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "version": row["version"],
    }


def category(row: Row) -> Category:
    """A category with the number of its topics."""
    return {
        "slug": row["slug"],
        "name": row["name"],
        "description": row["description"],
        "topic_count": row["topic_count"],
    }
