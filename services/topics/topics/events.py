"""What the topics service tells others, and what it does with what it hears."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from chassis import outbox
from chassis.database import Connection
from chassis.inbox import Handler, Handlers
from chassis.outbox import Event
from chassis.rebuild import Projection
from topics import projection_store
from topics.settings import Settings

USER_UPDATED = "io.forum.user.updated.v1"
TOPIC_UPDATED = "io.forum.topic.updated.v1"
TOPICS_COUNTED = "io.forum.topics.counted.v1"
TOPIC_ACTIVITY = "io.forum.topic.activity.v1"


class UserUpdated(BaseModel):
    id: int
    username: str
    display_name: str
    avatar_url: str | None
    role: Literal["member", "moderator", "admin"]
    state: Literal["active", "suspended", "erased"]
    suspended_until: datetime | None
    version: int


class TopicActivity(BaseModel):
    """`last_activity_at` and `last_author_id` are null while a topic has no message."""

    topic_id: int
    message_count: int
    last_activity_at: datetime | None
    last_author_id: int | None
    version: int


async def tell_topic(conn: Connection, topic_id: int) -> None:
    """Publish how this topic is now. Call at each new version of it."""
    state = await projection_store.topic_state(conn, topic_id)
    if state is not None:
        await outbox.publish(conn, [Event(TOPIC_UPDATED, str(topic_id), state)])


async def count_topic(conn: Connection, user_id: int, by: int) -> None:
    """Count `by` more topics of a person, and publish the number."""
    counted = await projection_store.count_of_author(conn, user_id, by)
    if counted is not None:
        await outbox.publish(conn, [Event(TOPICS_COUNTED, str(user_id), counted)])


async def take_user(conn: Connection, user: UserUpdated) -> None:
    """The users service told how a person is. An erased one leaves no answers behind."""
    await projection_store.apply_card(conn, user.model_dump())
    if user.state == "erased":
        await projection_store.forget_answers(conn, user.id)


async def take_activity(conn: Connection, activity: TopicActivity) -> None:
    """The messages service told what goes on in a topic."""
    await projection_store.apply_activity(conn, activity.model_dump())


ON_USER_UPDATED = Handler(UserUpdated, take_user)
ON_TOPIC_ACTIVITY = Handler(TopicActivity, take_activity)
HANDLERS: Handlers = {
    "users": {USER_UPDATED: ON_USER_UPDATED},
    "messages": {TOPIC_ACTIVITY: ON_TOPIC_ACTIVITY},
}


def projections(settings: Settings) -> list[Projection]:
    """What is kept here of other services, for the rebuild."""
    return [
        Projection(
            "users", settings.users_url, "users", projection_store.empty_cards, ON_USER_UPDATED
        ),
        Projection(
            "messages",
            settings.messages_url,
            "activity",
            projection_store.empty_activity,
            ON_TOPIC_ACTIVITY,
        ),
    ]
