"""Logging in, staying so, and logging out; checking and changing a password."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from chassis.body import Body
from chassis.database import Connection, Database, Row
from chassis.identity import Identity
from chassis.limits import Limiter
from chassis.pagination import Page, Pages
from users import schemas, session_store, store
from users.errors import AccountErased, LoginFailed, RefreshFailed, SessionNotFound, WrongPassword
from users.passwords import Passwords
from users.settings import Settings
from users.signing import TOKEN_SECONDS, KeyRing

SESSION_LIFE = timedelta(days=30)
LONGEST_USER_AGENT = 300
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Client:
    """Where a login comes from."""

    address: str
    user_agent: str


class Sessions:
    """The rules of sessions, with what they stand on."""

    def __init__(
        self,
        db: Database,
        settings: Settings,
        limiter: Limiter,
        keys: KeyRing,
        passwords: Passwords,
    ) -> None:
        self._db = db
        self._limiter = limiter
        self._keys = keys
        self._passwords = passwords
        self._per_account = settings.account_policy
        self._per_address = settings.address_policy

    async def log_in(self, body: Body[schemas.Login], client: Client) -> schemas.Tokens:
        """Tokens of a new session. Who is unknown gets the same answer after the same time."""
        login = body.parse()
        async with self._db.connection() as conn:
            account = await store.find_by_login(conn, login.login)
        # One bucket for both names of an account; a guesser at unknown ones gets no more tries.
        name = hashlib.sha256(login.login.lower().encode()).hexdigest()
        await self._count(f"user:{account['id']}" if account else name, client.address)
        password_hash = account["password_hash"] if account else None
        right = await self._passwords.verify(login.password, password_hash)
        if account is None or not right:
            raise LoginFailed("No account has this name or e-mail address and this password.")
        async with self._db.transaction() as conn:
            person = await session_store.confirm_account(
                conn, account["id"], account["password_hash"]
            )
            if person is None:
                raise LoginFailed("The account has just changed. Try again.")
            session_id = await session_store.insert_session(
                conn, person["id"], _printable(client.user_agent), client.address, _expiry()
            )
            refresh_token = await _new_refresh_token(conn, session_id)
        return await self._tokens(person, session_id, refresh_token)

    async def refresh(self, body: Body[schemas.Refresh]) -> schemas.Tokens:
        """New tokens for a refresh token, which is used up.

        One that was used before is in two hands: the session of both ends, and that commits.
        """
        used = hashlib.sha256(body.parse().refresh_token.encode()).digest()
        async with self._db.transaction() as conn:
            person = await session_store.use_refresh_token(conn, used, _expiry())
            if person is not None:
                refresh_token = await _new_refresh_token(conn, person["session_id"])
            elif (revoked := await session_store.revoke_family(conn, used)) is not None:
                log.warning("refresh_token_reused", session_id=revoked)
        if person is None:
            raise RefreshFailed("The refresh token is unknown, used or expired. Log in again.")
        return await self._tokens(person, person["session_id"], refresh_token)

    async def list_sessions(self, caller: Identity, pages: Pages) -> Page:
        """The caller's live sessions, newest first."""
        before = pages.after[0] if pages.after else 2**63 - 1
        async with self._db.connection() as conn:
            await present(conn, caller)
            rows = await session_store.list_sessions(conn, caller.user_id, before, pages.fetch)
        return pages.page(
            rows,
            key=lambda row: (row["id"],),
            build=lambda row: schemas.session(row, caller.session_id),
        )

    async def log_out(self, caller: Identity, session_id: int) -> None:
        """End one of the caller's sessions; its refresh token is worth nothing from now on."""
        async with self._db.transaction() as conn:
            await present(conn, caller)
            if not await session_store.revoke(conn, caller.user_id, session_id):
                raise SessionNotFound(f"You have no live session {session_id}.")

    async def change_password(
        self, caller: Identity, body: Body[schemas.PasswordChange], address: str
    ) -> None:
        """Set another password; all the caller's other sessions end."""
        async with self._db.connection() as conn:
            row = await present(conn, caller)
        change = body.parse()
        await self.check_password(row, change.current_password, address)
        password_hash = await self._passwords.hash(change.new_password)
        async with self._db.transaction() as conn:
            await store.lock_user(conn, caller.user_id)
            await confirm_unchanged(conn, caller, row)
            await store.set_password(conn, caller.user_id, password_hash)
            await session_store.revoke_all(conn, caller.user_id, but=caller.session_id)

    async def check_password(self, row: Row, password: str, address: str) -> None:
        """403 unless it is this person's password. Counts as a login: a stolen token may guess."""
        await self._count(f"user:{row['id']}", address)
        if not await self._passwords.verify(password, row["password_hash"]):
            raise WrongPassword("This is not your password.")

    async def _count(self, account: str, address: str) -> None:
        await self._limiter.take(self._per_address, address)
        await self._limiter.take(self._per_account, f"{account}:{address}")

    async def _tokens(self, person: Row, session_id: int, refresh_token: str) -> schemas.Tokens:
        return {
            "access_token": await self._keys.access_token(
                person["id"], person["username"], person["role"], session_id
            ),
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "refresh_token": refresh_token,
            "session_id": session_id,
        }


async def present(conn: Connection, caller: Identity) -> Row:
    """The caller's row; 401 where the account was erased while its access token still lives."""
    row = await store.find_user(conn, caller.user_id)
    if row is None or row["erased_at"] is not None:
        raise AccountErased("Your account was erased. Its access tokens end with it.")
    return row


async def confirm_unchanged(conn: Connection, caller: Identity, checked: Row) -> None:
    """403 where the password that was checked has been changed since; call under the lock."""
    row = await present(conn, caller)
    if row["password_hash"] != checked["password_hash"]:
        raise WrongPassword("Your password has just been changed.")


async def _new_refresh_token(conn: Connection, session_id: int) -> str:
    token = secrets.token_urlsafe(32)
    await session_store.insert_refresh_token(
        conn, hashlib.sha256(token.encode()).digest(), session_id
    )
    return token


def _expiry() -> datetime:
    return datetime.now(UTC) + SESSION_LIFE


def _printable(user_agent: str) -> str:
    return "".join(c for c in user_agent if c.isprintable())[:LONGEST_USER_AGENT]
