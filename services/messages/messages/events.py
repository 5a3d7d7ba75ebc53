"""What this service publishes, and what it does with what it hears."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from chassis.database import Connection
from chassis.inbox import Handler, Handlers
from messages import projection_store

# Written by the statements that count: see store.TELL.
ACTIVITY = "io.forum.topic.activity.v1"
COUNTED = "io.forum.messages.counted.v1"


class UserUpdated(BaseModel):
    """`io.forum.user.updated.v1`: what a card says and what a person may do."""

    id: int
    username: str
    display_name: str
    avatar_url: str | None
    role: Literal["member", "moderator", "admin"]
    state: Literal["active", "suspended", "erased"]
    suspended_until: datetime | None
    version: int


class TopicUpdated(BaseModel):
    """`io.forum.topic.updated.v1`: whether someone may read a topic and post in it."""

    id: int
    title: str
    locked: bool
    deleted: bool
    version: int


async def hear_user(conn: Connection, user: UserUpdated) -> None:
    """Keep the card; of someone who is erased, keep no answers."""
    await projection_store.keep_author(conn, user.model_dump())
    if user.state == "erased":
        await projection_store.forget_answers(conn, user.id)


async def hear_topic(conn: Connection, topic: TopicUpdated) -> None:
    """Keep the gate."""
    await projection_store.keep_topic(conn, topic.model_dump())


USERS = Handler(UserUpdated, hear_user)
TOPICS = Handler(TopicUpdated, hear_topic)

HANDLERS: Handlers = {
    "users": {"io.forum.user.updated.v1": USERS},
    "topics": {"io.forum.topic.updated.v1": TOPICS},
}
