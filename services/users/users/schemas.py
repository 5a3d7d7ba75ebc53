"""What the users API takes (models) and gives (plain dicts, built from rows)."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from email_validator import EmailNotValidError, validate_email
from pydantic import (
    AfterValidator,
    AwareDatetime,
    Field,
    HttpUrl,
    TypeAdapter,
    ValidationError,
    with_config,
)
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from chassis.database import Row
from chassis.text import Input, Line, Text

Role = Literal["member", "moderator", "admin"]
State = Literal["active", "suspended", "erased"]

_HTTP_URL = TypeAdapter(HttpUrl)
# The cards of erased people carry such names.
_RESERVED = re.compile(r"deleted-\d+", re.IGNORECASE)


def _not_reserved(username: str) -> str:
    if _RESERVED.fullmatch(username):
        raise PydanticCustomError("username_reserved", "names like deleted-1 are kept")
    return username


def _email(value: str) -> str:
    try:
        return validate_email(value, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise PydanticCustomError("email_invalid", "{why}", {"why": str(error)}) from None


def _http_url(value: str) -> str:
    try:
        return str(_HTTP_URL.validate_python(value))
    except ValidationError:
        raise PydanticCustomError(
            "url_invalid", "an address that begins with https:// or http:// is needed"
        ) from None


def _in_future(moment: datetime) -> datetime:
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("too_late", "a time before the year 10000 is needed") from None
    if moment <= datetime.now(UTC):
        raise PydanticCustomError("not_in_future", "a time in the future is needed")
    return moment


Username = Annotated[
    str,
    Field(min_length=3, max_length=30, pattern=r"^[A-Za-z0-9_-]+$"),
    AfterValidator(_not_reserved),
]
Email = Annotated[str, Line(3, 254), AfterValidator(_email)]
NewPassword = Annotated[str, Field(min_length=10, max_length=128)]
# What someone types at a login is compared, not kept: it needs an upper bound alone.
TypedPassword = Annotated[str, Field(max_length=1000)]
DisplayName = Annotated[str, Line(1, 80)]
AvatarUrl = Annotated[str, Line(1, 500), AfterValidator(_http_url), Field(max_length=500)]
Future = Annotated[AwareDatetime, AfterValidator(_in_future)]


class Registration(Input):
    username: Username
    email: Email
    password: NewPassword
    display_name: DisplayName | None = None


class Profile(Input):
    """Fields that are left out stay as they are."""

    display_name: DisplayName = ""
    bio: Annotated[str, Text(0, 2000)] = ""
    avatar_url: AvatarUrl | None = None
    email: Email = ""


class PasswordChange(Input):
    current_password: TypedPassword
    new_password: NewPassword


class Erasure(Input):
    password: TypedPassword


class Login(Input):
    """`login` is a username or an e-mail address."""

    login: Annotated[str, Line(1, 254)]
    password: TypedPassword


class Refresh(Input):
    refresh_token: str


class Suspension(Input):
    """Without `until` it is for good."""

    reason: Annotated[str, Line(1, 500)]
    until: Future | None = None


class RoleChange(Input):
    role: Role


USER_EXAMPLE: dict[str, Any] = {
    "id": 7,
    "username": "ada",
    "display_name": "Ada",
    "bio": "Likes bridges.",
    "avatar_url": None,
    "role": "member",
    "state": "active",
    "topic_count": 3,
    "message_count": 41,
    "created_at": "2026-11-23T08:00:00Z",
    "updated_at": "2026-11-23T08:00:00Z",
}


@with_config(json_schema_extra={"example": USER_EXAMPLE})
class User(TypedDict):
    id: int
    username: str
    display_name: str
    bio: str
    avatar_url: str | None
    role: Role
    state: State
    topic_count: int
    message_count: int
    created_at: datetime
    updated_at: datetime


@with_config(json_schema_extra={"example": {**USER_EXAMPLE, "email": "ada@example.org"}})
class Me(User):
    email: str | None


class UserPage(TypedDict):
    items: list[User]
    next_cursor: str | None


@with_config(
    json_schema_extra={
        "example": {
            "id": 12,
            "created_at": "2026-11-23T08:00:00Z",
            "last_used_at": "2026-11-23T09:30:00Z",
            "user_agent": "Mozilla/5.0",
            "address": "198.51.100.7",
            "current": True,
        }
    }
)
class Session(TypedDict):
    id: int
    created_at: datetime
    last_used_at: datetime
    user_agent: str
    address: str
    current: bool


class SessionPage(TypedDict):
    items: list[Session]
    next_cursor: str | None


@with_config(
    json_schema_extra={
        "example": {
            "access_token": "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.e30.c2ln",
            "token_type": "Bearer",
            "expires_in": 600,
            "refresh_token": "mF_9B5f-4.1JqMmF_9B5f-4.1JqMmF_9B5f-4.1JqMa",
            "session_id": 12,
        }
    }
)
class Tokens(TypedDict):
    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    refresh_token: str
    session_id: int


@with_config(
    json_schema_extra={
        "example": {
            "keys": [
                {"kty": "RSA", "kid": "1", "use": "sig", "alg": "RS256", "n": "sXch…", "e": "AQAB"}
            ]
        }
    }
)
class JsonWebKeySet(TypedDict):
    keys: list[dict[str, Any]]


def state(row: Row) -> State:
    """A suspension ends by itself once its `until` has passed."""
    if row["erased_at"] is not None:
        return "erased"
    until = row["suspended_until"]
    if row["suspended"] and (until is None or until > datetime.now(UTC)):
        return "suspended"
    return "active"


def user(row: Row) -> User:
    return {
        "id": row["id"],
        "username": row["username"],
        "display_name": row["display_name"],
        "bio": row["bio"],
        "avatar_url": row["avatar_url"],
        "role": row["role"],
        "state": state(row),
        "topic_count": row["topic_count"],
        "message_count": row["message_count"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }


def me(row: Row) -> Me:
    return {**user(row), "email": row["email"]}


def session(row: Row, current_id: int) -> Session:
    return {
        "id": row["id"],
        "created_at": row["created_at"],
        "last_used_at": row["last_used_at"],
        "user_agent": row["user_agent"],
        "address": row["address"],
        "current": row["id"] == current_id,
    }
