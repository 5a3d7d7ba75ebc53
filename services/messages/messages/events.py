"""What the messages service tells others, and what it does with what it hears."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from chassis.database import Connection
from chassis.inbox import Handler, Handlers
from chassis.rebuild import Projection
from messages import projection_store
from messages.settings import Settings

USER_UPDATED = "io.forum.user.updated.v1"
TOPIC_UPDATED = "io.forum.topic.updated.v1"
# These two are told by the statements that count: see store.TELL.
TOPIC_ACTIVITY = "io.forum.topic.activity.v1"
MESSAGES_COUNTED = "io.forum.messages.counted.v1"


class UserUpdated(BaseModel):
    """What a card says and what a person may do."""

    id: int
    username: str
    display_name: str
    avatar_url: str | None
    role: Literal["member", "moderator", "admin"]
    state: Literal["active", "suspended", "erased"]
    suspended_until: datetime | None
    version: int


class TopicUpdated(BaseModel):
    """Whether someone may read a topic and post in it."""

    id: int
    title: str
    locked: bool
    deleted: bool
    version: int


async def take_user(conn: Connection, user: UserUpdated) -> None:
    """The users service told how a person is. An erased one leaves no answers behind."""
    await projection_store.apply_card(conn, user.model_dump())
    if user.state == "erased":
        await projection_store.forget_answers(conn, user.id)


async def take_topic(conn: Connection, topic: TopicUpdated) -> None:
    """The topics service told how a topic is."""
    await projection_store.apply_topic(conn, topic.model_dump())


ON_USER_UPDATED = Handler(UserUpdated, take_user)
ON_TOPIC_UPDATED = Handler(TopicUpdated, take_topic)
HANDLERS: Handlers = {
    "users": {USER_UPDATED: ON_USER_UPDATED},
    "topics": {TOPIC_UPDATED: ON_TOPIC_UPDATED},
}


def projections(settings: Settings) -> list[Projection]:
    """What is kept here of other services, for the rebuild."""
    return [
        Projection(
            "users", settings.users_url, "users", projection_store.empty_cards, ON_USER_UPDATED
        ),
        Projection(
            "topics", settings.topics_url, "topics", projection_store.empty_topics, ON_TOPIC_UPDATED
        ),
    ]
