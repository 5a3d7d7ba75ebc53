"""The HTTP of sessions, and of the keys that access tokens are checked with."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request, Response
from pydantic_core import to_json

from chassis import problems
from chassis.address import client_address
from chassis.answers import Answer, no_content, page_answer
from chassis.body import Body, body_schema, json_body
from chassis.identity import Member, Writer
from chassis.pagination import CursorInvalid, CursorText, Limit, Pages
from chassis.problems import documented
from monolith.users import errors, schemas
from monolith.users.endpoints import BODY, MEMBER, PREFIX, WRITER
from monolith.users.sessions import Client, Sessions
from monolith.users.signing import KeyRing

router = APIRouter(prefix=PREFIX, tags=["sessions"])


def _sessions(request: Request) -> Sessions:
    return cast(Sessions, request.app.state.sessions)


def _tokens(tokens: schemas.Tokens) -> Answer:
    return Answer(to_json(tokens), 201, {"Cache-Control": "no-store"})


@router.post(
    "/sessions",
    status_code=201,
    response_model=schemas.Tokens,
    responses=documented(*BODY, errors.LoginFailed, problems.TooManyRequests),
    openapi_extra=body_schema(schemas.Login, {"login": "ada", "password": "correct horse battery"}),
)
async def log_in(
    request: Request,
    body: Annotated[Body[schemas.Login], Depends(json_body(schemas.Login))],
) -> Answer:
    """Log in with a username or an e-mail address."""
    client = Client(client_address(request), request.headers.get("user-agent", ""))
    return _tokens(await _sessions(request).log_in(body, client))


@router.get(
    "/sessions",
    response_model=schemas.SessionPage,
    responses=documented(*MEMBER, CursorInvalid, problems.Invalid),
)
async def list_sessions(
    request: Request, caller: Member, limit: Limit = 20, cursor: CursorText = None
) -> Answer:
    """Your sessions that are alive, newest first."""
    pages = Pages(limit, cursor, ("sessions", caller.user_id), (int,))
    return page_answer(request, await _sessions(request).list_sessions(caller, pages))


@router.post(
    "/sessions/refresh",
    status_code=201,
    response_model=schemas.Tokens,
    responses=documented(*BODY, errors.RefreshFailed),
    openapi_extra=body_schema(
        schemas.Refresh, {"refresh_token": "mF_9B5f-4.1JqMmF_9B5f-4.1JqMmF_9B5f-4.1JqMa"}
    ),
)
async def refresh(
    request: Request,
    body: Annotated[Body[schemas.Refresh], Depends(json_body(schemas.Refresh))],
) -> Answer:
    """New tokens for a refresh token, which is used up. Using one twice ends its session."""
    return _tokens(await _sessions(request).refresh(body))


@router.delete(
    "/sessions/{session_id:id}",
    status_code=204,
    responses=documented(*WRITER, errors.SessionNotFound),
)
async def log_out(request: Request, session_id: int, caller: Writer) -> Response:
    """Log out; the access token of that session lives for up to 10 minutes more."""
    await _sessions(request).log_out(caller, session_id)
    return no_content()


@router.get("/.well-known/jwks.json", response_model=schemas.JsonWebKeySet)
async def read_keys(request: Request) -> Answer:
    """The public keys of access tokens, those that are about to sign included."""
    keys = cast(KeyRing, request.app.state.keys)
    return Answer(
        to_json({"keys": await keys.published()}), headers={"Cache-Control": "public, max-age=60"}
    )
