"""What the users service tells others, and what it does with what it hears."""

from collections.abc import AsyncIterator
from typing import TypedDict

from pydantic import BaseModel

from chassis import outbox
from chassis.database import Connection, Row
from chassis.inbox import Handler, Handlers
from chassis.outbox import Event
from chassis.rebuild import Projection
from users import projection_store, schemas, store
from users.settings import Settings

USER_UPDATED = "io.forum.user.updated.v1"
TOPICS_COUNTED = "io.forum.topics.counted.v1"
MESSAGES_COUNTED = "io.forum.messages.counted.v1"


class AuthorCard(TypedDict):
    """The data of `USER_UPDATED`: what others show of a person, and what they let him do."""

    id: int
    username: str
    display_name: str
    avatar_url: str | None
    role: schemas.Role
    state: schemas.State
    suspended_until: str | None
    version: int


class TopicsCounted(BaseModel):
    user_id: int
    topic_count: int
    version: int


class MessagesCounted(BaseModel):
    user_id: int
    message_count: int
    version: int


def card(row: Row) -> AuthorCard:
    """A suspension is told with its end: others end it by their own clock, without an event."""
    until = row["suspended_until"]
    return {
        "id": row["id"],
        "username": row["username"],
        "display_name": row["display_name"],
        "avatar_url": row["avatar_url"],
        "role": row["role"],
        "state": schemas.state(row),
        "suspended_until": until.isoformat() if until else None,
        "version": row["version"],
    }


async def tell_user(conn: Connection, row: Row) -> None:
    """Publish how this person is now."""
    await outbox.publish(conn, [Event(USER_UPDATED, str(row["id"]), card(row))])


async def take_topic_count(conn: Connection, counted: TopicsCounted) -> None:
    """The topics service counted a person's topics."""
    await projection_store.apply_topic_count(conn, counted.model_dump())


async def take_message_count(conn: Connection, counted: MessagesCounted) -> None:
    """The messages service counted a person's messages."""
    await projection_store.apply_message_count(conn, counted.model_dump())


ON_TOPICS_COUNTED = Handler(TopicsCounted, take_topic_count)
ON_MESSAGES_COUNTED = Handler(MessagesCounted, take_message_count)
HANDLERS: Handlers = {
    "topics": {TOPICS_COUNTED: ON_TOPICS_COUNTED},
    "messages": {MESSAGES_COUNTED: ON_MESSAGES_COUNTED},
}


def projections(settings: Settings) -> list[Projection]:
    """What is kept here of other services, for the rebuild."""
    return [
        Projection(
            "topics",
            settings.topics_url,
            "topic_counts",
            projection_store.empty_topic_counts,
            ON_TOPICS_COUNTED,
        ),
        Projection(
            "messages",
            settings.messages_url,
            "message_counts",
            projection_store.empty_message_counts,
            ON_MESSAGES_COUNTED,
        ),
    ]


async def read_users(conn: Connection) -> AsyncIterator[AuthorCard]:
    """The snapshot of everyone, the erased included."""
    async for row in store.each_user(conn):
        yield card(row)
