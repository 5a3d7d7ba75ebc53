"""What other services call: events, snapshots, and one topic that messages has not heard of yet."""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json
from starlette.responses import Response

from chassis import inbox, snapshot
from chassis.internal import JSON, SignedBody
from chassis.problems import Invalid
from chassis.text import Identifier
from topics import projection_store
from topics.errors import TopicNotFound
from topics.events import HANDLERS

events = inbox.router(HANDLERS)
snapshots = snapshot.router(
    {
        "topics": projection_store.read_topics,
        "topic_counts": projection_store.read_topic_counts,
        "erased": projection_store.read_erased,
    }
)
lookups = APIRouter(include_in_schema=False)


class Wanted(BaseModel):
    """The body of the call; `operation` keeps its signature from being good for another one."""

    operation: Literal["topic"]
    id: Identifier


@lookups.post("/internal/topic")
async def read_topic(request: Request, body: SignedBody) -> Response:
    """The state of one topic, as its event tells it; 404 where there is none."""
    try:
        wanted = Wanted.model_validate_json(body)
    except ValidationError:
        raise Invalid('Send {"operation": "topic", "id": <number>}.') from None
    async with request.app.state.db.connection() as conn:
        state = await projection_store.topic_state(conn, wanted.id)
    if state is None:
        raise TopicNotFound(f"There is no topic {wanted.id}.")
    return Response(to_json(state), media_type=JSON)
