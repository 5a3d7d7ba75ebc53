"""The HTTP of messages: parse, authorise, call one function, answer."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from chassis import paths
from chassis.answers import NOT_MODIFIED, Answer, no_content, page_answer, thing_answer
from chassis.body import Body, NotJson, body_schema, json_body
from chassis.conditional import IfMatch
from chassis.idempotency import KeyInFlight, KeyInvalid, KeyReused, Once, once
from chassis.identity import Writer
from chassis.pagination import CursorInvalid, CursorText, Limit
from chassis.problems import (
    Invalid,
    PreconditionFailed,
    PreconditionRequired,
    Problem,
    TooLarge,
    TooManyRequests,
    Unauthorized,
    UnsupportedMediaType,
    documented,
)
from chassis.query import query_schema, read_query
from chassis.text import Line
from messages import lists, service
from messages.errors import (
    AccountErased,
    MessageDeleted,
    MessageNotFound,
    NotYours,
    QueryTooBroad,
    Suspended,
    TopicDeleted,
    TopicLocked,
    TopicNotFound,
    TopicUnheard,
)
from messages.schemas import (
    EDIT_EXAMPLE,
    MESSAGE_EXAMPLE,
    NEW_MESSAGE_EXAMPLE,
    REVISION_EXAMPLE,
    Edit,
    ListQuery,
    Message,
    MessagePage,
    NewMessage,
    RevisionPage,
)

paths.install()
# Routes are tried in this order, so what is asked most comes first.
router = APIRouter(prefix="/api/messages", tags=["messages"])

Words = Annotated[str, Line(1, 200), Query(description='Words, "a phrase", -without, or.')]

WRITING = (Unauthorized, AccountErased, Suspended, TooManyRequests)
SENDING = (NotJson, TooLarge, UnsupportedMediaType, Invalid)
CONDITIONAL = (PreconditionRequired, PreconditionFailed)
ONE_MESSAGE = (MessageNotFound, TopicDeleted)


def _answers(example: Any, *problems: type[Problem], status: int = 200) -> Any:
    content = {"application/json": {"example": example}}
    return {status: {"content": content}, **documented(*problems)}


def _page(item: Any) -> Any:
    return {"items": [item], "next_cursor": None}


@router.get(
    "",
    response_model=MessagePage,
    openapi_extra=query_schema(ListQuery),
    responses=_answers(
        _page(MESSAGE_EXAMPLE), CursorInvalid, TopicNotFound, TopicDeleted, TopicUnheard, Invalid
    ),
)
async def list_messages(request: Request) -> Answer:
    """A topic's messages by position, or everybody's by id."""
    app, asked = request.app.state, read_query(request, ListQuery)
    if asked.topic_id is None:
        return page_answer(request, await lists.list_everywhere(app.db, asked))
    return page_answer(request, await lists.list_in_topic(app.db, app.gate, asked.topic_id, asked))


@router.post(
    "",
    status_code=201,
    response_model=Message,
    openapi_extra=body_schema(NewMessage, NEW_MESSAGE_EXAMPLE),
    responses=_answers(
        MESSAGE_EXAMPLE,
        *WRITING,
        *SENDING,
        TopicNotFound,
        TopicDeleted,
        TopicLocked,
        TopicUnheard,
        KeyInvalid,
        KeyInFlight,
        KeyReused,
        status=201,
    ),
)
async def post_message(
    request: Request,
    caller: Writer,
    body: Annotated[Body[NewMessage], Depends(json_body(NewMessage))],
    once: Annotated[Once, Depends(once("/api/messages/{id}"))],
) -> Answer:
    """Answer in a topic."""
    app = request.app.state
    return await service.post_message(app.db, app.gate, caller, once, body)


@router.get(
    "/{message_id:id}",
    response_model=Message,
    responses={
        **_answers(MESSAGE_EXAMPLE, *ONE_MESSAGE, Invalid),
        **NOT_MODIFIED,
    },
)
async def read_message(request: Request, message_id: int) -> Answer:
    """One message; of a deleted one, its tombstone."""
    message = await service.read_message(request.app.state.db, message_id)
    return thing_answer(request, message, message["version"])


@router.get(
    "/search",
    response_model=MessagePage,
    responses=_answers(_page(MESSAGE_EXAMPLE), CursorInvalid, QueryTooBroad),
)
async def search_messages(
    request: Request, q: Words, limit: Limit = 20, cursor: CursorText = None
) -> Answer:
    """Messages with these words, newest first."""
    return page_answer(request, await lists.search_messages(request.app.state.db, q, limit, cursor))


@router.patch(
    "/{message_id:id}",
    response_model=Message,
    openapi_extra=body_schema(Edit, EDIT_EXAMPLE),
    responses=_answers(
        MESSAGE_EXAMPLE, *WRITING, *SENDING, *ONE_MESSAGE, MessageDeleted, NotYours, *CONDITIONAL
    ),
)
async def edit_message(
    request: Request,
    caller: Writer,
    message_id: int,
    if_match: IfMatch,
    body: Annotated[Body[Edit], Depends(json_body(Edit))],
) -> Answer:
    """Put another body in its place; the old one stays as a revision."""
    message = await service.edit_message(request.app.state.db, caller, message_id, if_match, body)
    return thing_answer(request, message, message["version"])


@router.delete(
    "/{message_id:id}",
    status_code=204,
    response_class=Response,
    responses=documented(
        *WRITING, *ONE_MESSAGE, MessageDeleted, NotYours, *CONDITIONAL, Invalid, TooLarge
    ),
)
async def delete_message(
    request: Request, caller: Writer, message_id: int, if_match: IfMatch
) -> Response:
    """Make it a tombstone: its place stays, its texts and reactions are gone for good."""
    await service.delete_message(request.app.state.db, caller, message_id, if_match)
    return no_content()


@router.get(
    "/{message_id:id}/revisions",
    response_model=RevisionPage,
    responses=_answers(_page(REVISION_EXAMPLE), CursorInvalid, *ONE_MESSAGE, Invalid),
)
async def list_revisions(
    request: Request, message_id: int, limit: Limit = 20, cursor: CursorText = None
) -> Answer:
    """Every body that it has had, the present one first."""
    page = await lists.list_revisions(request.app.state.db, message_id, limit, cursor)
    return page_answer(request, page)


@router.put(
    "/{message_id:id}/reactions/{emoji}",
    status_code=204,
    response_class=Response,
    responses=documented(*WRITING, *ONE_MESSAGE, MessageDeleted, Invalid, TooLarge),
)
async def add_reaction(request: Request, caller: Writer, message_id: int, emoji: str) -> Response:
    """React; a second time changes nothing."""
    await service.add_reaction(request.app.state.db, caller, message_id, emoji)
    return no_content()


@router.delete(
    "/{message_id:id}/reactions/{emoji}",
    status_code=204,
    response_class=Response,
    responses=documented(*WRITING, *ONE_MESSAGE, MessageDeleted, Invalid, TooLarge),
)
async def remove_reaction(
    request: Request, caller: Writer, message_id: int, emoji: str
) -> Response:
    """Take the reaction back; a second time changes nothing."""
    await service.remove_reaction(request.app.state.db, caller, message_id, emoji)
    return no_content()
