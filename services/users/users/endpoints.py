"""The HTTP of people: accounts and moderation. Sessions: session_endpoints."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Query, Request, Response

from chassis import problems
from chassis.address import client_address
from chassis.answers import NOT_MODIFIED, Answer, no_content, page_answer, thing_answer
from chassis.body import Body, NotJson, body_schema, json_body
from chassis.conditional import IfMatch
from chassis.database import Database
from chassis.idempotency import KeyInFlight, KeyInvalid, KeyReused, Once, guest_once
from chassis.identity import Member, Writer
from chassis.limits import Limiter
from chassis.pagination import CursorInvalid, CursorText, Limit, Pages
from chassis.problems import documented
from chassis.text import LARGEST_ID, Line
from users import errors, moderation, schemas, service
from users.sessions import Sessions
from users.settings import Settings

PREFIX = "/api/users"
BODY = (NotJson, problems.TooLarge, problems.UnsupportedMediaType, problems.Invalid)
MEMBER = (problems.Unauthorized, errors.AccountErased)
WRITER = (*MEMBER, problems.TooManyRequests)
ONCE = (KeyInvalid, KeyReused, KeyInFlight)
MODERATION = (*WRITER, errors.UserNotFound, errors.UserErased, errors.Suspended)
MOST_IDS = 100

router = APIRouter(prefix=PREFIX, tags=["users"])


def _db(request: Request) -> Database:
    return cast(Database, request.app.state.db)


@router.post(
    "",
    status_code=201,
    response_model=schemas.User,
    responses=documented(
        *BODY,
        *ONCE,
        errors.RegistrationClosed,
        errors.UsernameTaken,
        errors.EmailTaken,
        problems.TooManyRequests,
    ),
    openapi_extra=body_schema(
        schemas.Registration,
        {"username": "ada", "email": "ada@example.org", "password": "correct horse battery"},
    ),
)
async def register(
    request: Request,
    once: Annotated[Once, Depends(guest_once("/api/users/{id}"))],
    body: Annotated[Body[schemas.Registration], Depends(json_body(schemas.Registration))],
) -> Answer:
    """Register. Log in afterwards: a registration gives no token."""
    settings = cast(Settings, request.app.state.settings)
    if settings.registration == "closed":
        raise errors.RegistrationClosed("This forum takes no new members.")
    limiter = cast(Limiter, request.app.state.limiter)
    await limiter.take(settings.registration_policy, client_address(request))
    return await service.register(_db(request), request.app.state.passwords, once, body)


@router.get(
    "",
    response_model=schemas.UserPage,
    responses=documented(CursorInvalid, problems.Invalid),
)
async def list_users(
    request: Request,
    q: Annotated[
        Annotated[str, Line(0, 100)] | None, Query(description="How the username begins.")
    ] = None,
    ids: Annotated[
        str | None,
        Query(
            pattern=r"^[0-9]{1,40}(,[0-9]{1,40})*$",
            description="In place of q: at most 100 ids, all answered in one page.",
            examples=["1,2,3"],
        ),
    ] = None,
    limit: Limit = 20,
    cursor: CursorText = None,
) -> Answer:
    """People in order of id, or of the username where `q` is given."""
    db = _db(request)
    if ids is not None:
        numbers = [min(int(number), LARGEST_ID) for number in ids.split(",")]
        if len(numbers) > MOST_IDS:
            raise problems.invalid("/ids", "too_long", f"at most {MOST_IDS} ids are allowed")
        page = await service.read_users(db, numbers)
    elif q:
        pages = Pages(limit, cursor, ("users", "q", q), (str,))
        page = await service.search_users(db, q, pages)
    else:
        page = await service.list_users(db, Pages(limit, cursor, ("users",), (int,)))
    return page_answer(request, page)


@router.get("/me", response_model=schemas.Me, responses={**documented(*MEMBER), **NOT_MODIFIED})
async def read_me(request: Request, caller: Member) -> Answer:
    """Your own profile, with the e-mail address."""
    row = await service.read_me(_db(request), caller)
    return thing_answer(request, schemas.me(row), row["version"])


@router.patch(
    "/me",
    response_model=schemas.Me,
    responses=documented(
        *BODY,
        *WRITER,
        errors.Suspended,
        errors.EmailTaken,
        problems.PreconditionRequired,
        problems.PreconditionFailed,
    ),
    openapi_extra=body_schema(schemas.Profile, {"bio": "I count."}),
)
async def update_me(
    request: Request,
    caller: Writer,
    precondition: IfMatch,
    body: Annotated[Body[schemas.Profile], Depends(json_body(schemas.Profile))],
) -> Answer:
    """Change your profile; fields that are left out stay as they are."""
    row = await service.update_me(_db(request), caller, precondition, body)
    return thing_answer(request, schemas.me(row), row["version"])


@router.delete(
    "/me",
    status_code=204,
    responses=documented(*BODY, *WRITER, errors.WrongPassword, errors.LastAdmin),
    openapi_extra=body_schema(schemas.Erasure, {"password": "correct horse battery"}),
)
async def erase_me(
    request: Request,
    caller: Member,
    body: Annotated[Body[schemas.Erasure], Depends(json_body(schemas.Erasure))],
) -> Response:
    """Erase yourself for good. What you wrote stays, under the name `deleted-<id>`."""
    sessions = cast(Sessions, request.app.state.sessions)
    await service.erase_me(_db(request), sessions, caller, body, client_address(request))
    return no_content()


@router.put(
    "/me/password",
    status_code=204,
    responses=documented(*BODY, *WRITER, errors.WrongPassword),
    openapi_extra=body_schema(
        schemas.PasswordChange,
        {"current_password": "correct horse battery", "new_password": "staple and so on"},
    ),
)
async def change_password(
    request: Request,
    caller: Member,
    body: Annotated[Body[schemas.PasswordChange], Depends(json_body(schemas.PasswordChange))],
) -> Response:
    """Change your password; all your other sessions end."""
    sessions = cast(Sessions, request.app.state.sessions)
    await sessions.change_password(caller, body, client_address(request))
    return no_content()


@router.get(
    "/{user_id:id}",
    response_model=schemas.User,
    responses={**documented(errors.UserNotFound), **NOT_MODIFIED},
)
async def read_user(request: Request, user_id: int) -> Answer:
    """One person. Of an erased one there is a card left, with the state `erased`."""
    row = await service.read_user(_db(request), user_id)
    return thing_answer(request, schemas.user(row), row["version"])


@router.put(
    "/{user_id:id}/suspension",
    status_code=204,
    responses=documented(*BODY, *MODERATION, errors.RoleRequired),
    openapi_extra=body_schema(
        schemas.Suspension, {"reason": "Spam", "until": "2099-01-01T00:00:00Z"}
    ),
)
async def suspend(
    request: Request,
    user_id: int,
    caller: Writer,
    body: Annotated[Body[schemas.Suspension], Depends(json_body(schemas.Suspension))],
) -> Response:
    """Suspend someone of a lower role than yours. For moderators."""
    await moderation.suspend(_db(request), caller, user_id, body)
    return no_content()


@router.delete(
    "/{user_id:id}/suspension",
    status_code=204,
    responses=documented(*MODERATION, errors.RoleRequired),
)
async def lift_suspension(request: Request, user_id: int, caller: Writer) -> Response:
    """End a suspension. For moderators."""
    await moderation.lift_suspension(_db(request), caller, user_id)
    return no_content()


@router.put(
    "/{user_id:id}/role",
    status_code=204,
    responses=documented(*BODY, *MODERATION, errors.RoleRequired, errors.LastAdmin),
    openapi_extra=body_schema(schemas.RoleChange, {"role": "moderator"}),
)
async def change_role(
    request: Request,
    user_id: int,
    caller: Writer,
    body: Annotated[Body[schemas.RoleChange], Depends(json_body(schemas.RoleChange))],
) -> Response:
    """Give someone a role. For admins; the last one has to stay one."""
    await moderation.change_role(_db(request), caller, user_id, body)
    return no_content()
