"""The HTTP of topics: parse, authorise, call one function, answer."""

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
from topics import lists, service
from topics.errors import (
    AccountErased,
    CategoryTaken,
    NotYours,
    QueryTooBroad,
    RoleRequired,
    Suspended,
    TopicDeleted,
    TopicNotFound,
)
from topics.schemas import (
    CATEGORY_EXAMPLE,
    CHANGES_EXAMPLE,
    ITEM_EXAMPLE,
    NEW_CATEGORY_EXAMPLE,
    NEW_TOPIC_EXAMPLE,
    TOPIC_EXAMPLE,
    Category,
    CategoryPage,
    ListQuery,
    NewCategory,
    NewTopic,
    Question,
    Topic,
    TopicChanges,
    TopicPage,
)

paths.install()
# Routes are tried in this order, so what is asked most comes first.
router = APIRouter(prefix="/api/topics", tags=["topics"])

Words = Annotated[Question, Query(description='Words, "a phrase", -without, or.')]

WRITING = (Unauthorized, AccountErased, Suspended, TooManyRequests)
SENDING = (NotJson, TooLarge, UnsupportedMediaType, Invalid)
MAKING = (*WRITING, *SENDING, KeyInvalid, KeyInFlight, KeyReused)
CONDITIONAL = (PreconditionRequired, PreconditionFailed)
ONE_TOPIC = (TopicNotFound, TopicDeleted)
MODERATING = (*WRITING, *ONE_TOPIC, RoleRequired, TooLarge, Invalid)


def _answers(example: Any, *problems: type[Problem], status: int = 200) -> Any:
    content = {"application/json": {"example": example}}
    return {status: {"content": content}, **documented(*problems)}


def _page(item: Any) -> Any:
    return {"items": [item], "next_cursor": None}


@router.get(
    "",
    response_model=TopicPage,
    openapi_extra=query_schema(ListQuery),
    responses=_answers(_page(ITEM_EXAMPLE), CursorInvalid, Invalid),
)
async def list_topics(request: Request) -> Answer:
    """Topics, what moved last first. While one pages by activity, things move."""
    asked = read_query(request, ListQuery)
    return page_answer(request, await lists.list_topics(request.app.state.db, asked))


@router.get(
    "/{topic_id:id}",
    response_model=Topic,
    responses={
        **_answers(TOPIC_EXAMPLE, *ONE_TOPIC, Invalid),
        **NOT_MODIFIED,
    },
)
async def read_topic(request: Request, topic_id: int) -> Answer:
    """One topic with its opening text."""
    topic = await service.read_topic(request.app.state.db, topic_id)
    return thing_answer(request, topic, topic["version"])


@router.post(
    "",
    status_code=201,
    response_model=Topic,
    openapi_extra=body_schema(NewTopic, NEW_TOPIC_EXAMPLE),
    responses=_answers(TOPIC_EXAMPLE, *MAKING, status=201),
)
async def create_topic(
    request: Request,
    caller: Writer,
    body: Annotated[Body[NewTopic], Depends(json_body(NewTopic))],
    once: Annotated[Once, Depends(once("/api/topics/{id}"))],
) -> Answer:
    """Open a topic."""
    return await service.create_topic(request.app.state.db, caller, once, body)


@router.get(
    "/search",
    response_model=TopicPage,
    responses=_answers(_page(ITEM_EXAMPLE), CursorInvalid, QueryTooBroad, Invalid),
)
async def search_topics(
    request: Request, q: Words, limit: Limit = 20, cursor: CursorText = None
) -> Answer:
    """Topics with these words in their title or text, newest first."""
    return page_answer(request, await lists.search_topics(request.app.state.db, q, limit, cursor))


@router.get(
    "/categories",
    response_model=CategoryPage,
    responses=_answers(_page(CATEGORY_EXAMPLE), CursorInvalid, Invalid),
)
async def list_categories(request: Request, limit: Limit = 20, cursor: CursorText = None) -> Answer:
    """All categories, in the order of their slugs."""
    return page_answer(request, await lists.list_categories(request.app.state.db, limit, cursor))


@router.post(
    "/categories",
    status_code=201,
    response_model=Category,
    openapi_extra=body_schema(NewCategory, NEW_CATEGORY_EXAMPLE),
    responses=_answers(CATEGORY_EXAMPLE, *MAKING, RoleRequired, CategoryTaken, status=201),
)
async def create_category(
    request: Request,
    caller: Writer,
    body: Annotated[Body[NewCategory], Depends(json_body(NewCategory))],
    once: Annotated[Once, Depends(once("/api/topics?category={slug}"))],
) -> Answer:
    """Make a category; admins alone."""
    return await lists.create_category(request.app.state.db, caller, once, body)


@router.patch(
    "/{topic_id:id}",
    response_model=Topic,
    openapi_extra=body_schema(TopicChanges, CHANGES_EXAMPLE),
    responses=_answers(TOPIC_EXAMPLE, *WRITING, *SENDING, *ONE_TOPIC, NotYours, *CONDITIONAL),
)
async def change_topic(
    request: Request,
    caller: Writer,
    topic_id: int,
    if_match: IfMatch,
    body: Annotated[Body[TopicChanges], Depends(json_body(TopicChanges))],
) -> Answer:
    """Change what is given; the rest stays. For its author and moderators."""
    topic = await service.change_topic(request.app.state.db, caller, topic_id, if_match, body)
    return thing_answer(request, topic, topic["version"])


@router.delete(
    "/{topic_id:id}",
    status_code=204,
    response_class=Response,
    responses=documented(*WRITING, *ONE_TOPIC, NotYours, *CONDITIONAL, TooLarge, Invalid),
)
async def delete_topic(
    request: Request, caller: Writer, topic_id: int, if_match: IfMatch
) -> Response:
    """Delete it with all that is in it. For its author and moderators."""
    await service.delete_topic(request.app.state.db, caller, topic_id, if_match)
    return no_content()


@router.put(
    "/{topic_id:id}/lock",
    status_code=204,
    response_class=Response,
    responses=documented(*MODERATING),
)
async def lock_topic(request: Request, caller: Writer, topic_id: int) -> Response:
    """Take no more messages in it. For moderators."""
    await service.lock_topic(request.app.state.db, caller, topic_id, locked=True)
    return no_content()


@router.delete(
    "/{topic_id:id}/lock",
    status_code=204,
    response_class=Response,
    responses=documented(*MODERATING),
)
async def unlock_topic(request: Request, caller: Writer, topic_id: int) -> Response:
    """Take messages in it again. For moderators."""
    await service.lock_topic(request.app.state.db, caller, topic_id, locked=False)
    return no_content()


@router.put(
    "/{topic_id:id}/pin",
    status_code=204,
    response_class=Response,
    responses=documented(*MODERATING),
)
async def pin_topic(request: Request, caller: Writer, topic_id: int) -> Response:
    """Keep it on top of the list. For moderators."""
    await service.pin_topic(request.app.state.db, caller, topic_id, pinned=True)
    return no_content()


@router.delete(
    "/{topic_id:id}/pin",
    status_code=204,
    response_class=Response,
    responses=documented(*MODERATING),
)
async def unpin_topic(request: Request, caller: Writer, topic_id: int) -> Response:
    """Keep it on top no longer. For moderators."""
    await service.pin_topic(request.app.state.db, caller, topic_id, pinned=False)
    return no_content()
