"""This service's part of a forum archive: people, their audit log, and the credentials."""

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Annotated, Any, Literal

from pydantic import Field

from chassis.archive import Id, Moment, Record, Version, as_kept
from chassis.archive_copy import File, Part, Table
from chassis.text import Line, Text
from users import archive_store as sql
from users.schemas import Role

Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Suspension(Record):
    reason: Annotated[str, as_kept(Line(1, 500))]
    until: Moment | None
    by: Id | None


class User(Record):
    """`retired_name_hash` keeps the name of an erased person from being used again."""

    id: Id
    username: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{3,30}$")]
    display_name: Annotated[str, as_kept(Line(1, 80))]
    bio: Annotated[str, as_kept(Text(0, 2000))]
    avatar_url: Annotated[str, as_kept(Line(1, 500)), Field(pattern="^https?://")] | None
    role: Role
    suspension: Suspension | None
    erased_at: Moment | None
    retired_name_hash: Hash | None
    created_at: Moment
    updated_at: Moment
    version: Version

    def columns(self) -> Sequence[Any]:
        """Those of `COPY_USERS`."""
        suspension = self.suspension
        return (
            self.id,
            self.username,
            self.display_name,
            self.bio,
            self.avatar_url,
            self.role,
            suspension is not None,
            suspension.reason if suspension else None,
            suspension.until if suspension else None,
            suspension.by if suspension else None,
            self.erased_at,
            bytes.fromhex(self.retired_name_hash) if self.retired_name_hash else None,
            self.created_at,
            self.updated_at,
            self.version,
        )


class AuditEntry(Record):
    id: Id
    at: Moment
    actor_id: Id | None
    action: Annotated[str, as_kept(Line(1, 100))]
    target_id: Id | None
    detail: dict[str, Any]


class Login(Record):
    kind: Literal["login"]
    user_id: Id
    email: Annotated[str, Field(min_length=3, max_length=254)] | None
    password_hash: Annotated[str, Field(min_length=1, max_length=500)] | None


class Session(Record):
    kind: Literal["session"]
    id: Id
    user_id: Id
    created_at: Moment
    last_used_at: Moment
    user_agent: Annotated[str, Field(max_length=1000)]
    address: Annotated[str, Field(max_length=100)]
    expires_at: Moment
    revoked_at: Moment | None


class RefreshToken(Record):
    kind: Literal["refresh_token"]
    hash: Hash
    session_id: Id
    created_at: Moment
    used_at: Moment | None

    def columns(self) -> Sequence[Any]:
        """Those of `COPY_REFRESH_TOKENS`."""
        return (bytes.fromhex(self.hash), self.session_id, self.created_at, self.used_at)


class SigningKey(Record):
    kind: Literal["signing_key"]
    kid: Annotated[str, Field(min_length=1, max_length=100)]
    private_pem: Annotated[str, Field(min_length=1, max_length=20_000)]
    public_jwk: dict[str, str]
    created_at: Moment
    signs_from: Moment


def user_record(row: dict[str, Any]) -> Mapping[str, Any]:
    """The line of a row of `SELECT_USERS`, where `suspension` is whether there is one."""
    suspension = {name: row.pop(f"suspension_{name}") for name in ("reason", "until", "by")}
    return {**row, "suspension": suspension if row["suspension"] else None}


USERS = Table(User, sql.COPY_USERS, sql.SELECT_USERS, record=user_record)
AUDIT = Table(AuditEntry, sql.COPY_AUDIT, sql.SELECT_AUDIT, references={"actor_id": "users"})
CREDENTIALS = (
    Table(
        Login,
        sql.COPY_LOGINS,
        sql.SELECT_LOGINS,
        key=attrgetter("user_id"),
        references={"user_id": "users"},
    ),
    Table(Session, sql.COPY_SESSIONS, sql.SELECT_SESSIONS, references={"user_id": "users"}),
    Table(RefreshToken, sql.COPY_REFRESH_TOKENS, sql.SELECT_REFRESH_TOKENS, key=attrgetter("hash")),
    Table(SigningKey, sql.COPY_SIGNING_KEYS, sql.SELECT_SIGNING_KEYS, key=attrgetter("kid")),
)

PART = Part(
    name="users",
    files=(
        File("users", [USERS]),
        File("audit-users", [AUDIT]),
        File(
            "credentials",
            CREDENTIALS,
            before=sql.BEFORE_CREDENTIALS,
            after=sql.AFTER_CREDENTIALS,
            private=True,
        ),
    ),
    lock=sql.LOCK,
    occupied=sql.OCCUPIED,
    required=("users",),
    after=sql.AFTER,
)
