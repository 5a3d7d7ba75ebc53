"""Asks the topics service for a topic that this one has not heard of yet."""

import httpx
import structlog
from pydantic import ValidationError
from pydantic_core import to_json

from chassis.database import Database
from chassis.internal import InternalClient
from messages.errors import TopicNotFound, TopicUnheard
from messages.events import TopicUpdated, take_topic

# Somebody waits for it, and most likely the event that would have told is on its way.
SECONDS = 0.2
log = structlog.get_logger()


class Gate:
    """The way to the topics service."""

    def __init__(self, db: Database, topics: InternalClient) -> None:
        self._db = db
        self._topics = topics

    async def ask(self, topic_id: int) -> None:
        """Learn of a topic. 404 where there is none; 503 where nobody answers."""
        request = to_json({"operation": "topic", "id": topic_id})
        try:
            answer = await self._topics.post("/internal/topic", request, timeout=SECONDS)
            if answer.status_code == 404:
                raise TopicNotFound(f"There is no topic {topic_id}.")
            topic = TopicUpdated.model_validate_json(answer.raise_for_status().content)
        except (httpx.HTTPError, ValidationError) as error:
            log.warning("topics_not_asked", topic_id=topic_id, error=type(error).__name__)
            raise TopicUnheard(
                f"Topic {topic_id} is not known here yet and cannot be asked for. Try again."
            ) from None
        async with self._db.transaction() as conn:
            await take_topic(conn, topic)
