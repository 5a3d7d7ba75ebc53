"""Who asks: RS256 access tokens (RFC 7519), checked here with the users service's keys."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple, cast

import jwt
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from chassis.limits import Limiter, Policy
from chassis.problems import Unauthorized
from chassis.text import LARGEST_ID

Role = Literal["member", "moderator", "admin"]
FindKey = Callable[[str], Awaitable[Any]]
REQUIRED = ["iss", "aud", "sub", "username", "role", "sid", "iat", "exp"]
LONGEST_TOKEN = 4096
MOST_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Identity:
    """The person that a valid access token speaks for, as it was when the token was made."""

    user_id: int
    username: str
    role: Role
    session_id: int


class _Checked(NamedTuple):
    identity: Identity
    expires_at: float
    key_id: str
    key: Any


class TokenVerifier:
    """Checks access tokens. `find_key(kid)` gives the public key, or None where nobody knows it.

    A client sends the same token for ten minutes. What was checked is remembered until it expires
    or its key is no longer the one that checked it.
    """

    def __init__(self, find_key: FindKey, issuer: str, audience: str) -> None:
        self._find_key = find_key
        self._issuer = issuer
        self._audience = audience
        self._checked: dict[str, _Checked] = {}

    async def verify(self, token: str) -> Identity:
        """The identity of a valid token; anything else is a 401 that says why."""
        checked = self._checked.get(token)
        if (
            checked is None
            or checked.expires_at <= time.time()
            or checked.key != await self._find_key(checked.key_id)
        ):
            checked = await self._check(token)
            if len(self._checked) >= MOST_REMEMBERED:
                self._checked.clear()
            self._checked[token] = checked
        return checked.identity

    async def _check(self, token: str) -> _Checked:
        if len(token) > LONGEST_TOKEN:
            raise Unauthorized("The access token is too long to be one of ours.")
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
            key = await self._find_key(key_id) if isinstance(key_id, str) else None
            if key is None:
                raise Unauthorized("The access token is signed with a key that is not known here.")
            claims = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                issuer=self._issuer,
                audience=self._audience,
                options={"require": REQUIRED},
            )
        except jwt.ExpiredSignatureError:
            raise Unauthorized("The access token has expired. Refresh it.") from None
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise Unauthorized("The access token is not valid. Log in again.") from None
        return _Checked(_identity(claims), float(claims["exp"]), str(key_id), key)


def _identity(claims: dict[str, Any]) -> Identity:
    subject, session, role = claims["sub"], claims["sid"], claims["role"]
    if not (
        subject.isdecimal()
        and isinstance(session, int)
        and role in ("member", "moderator", "admin")
    ):
        raise Unauthorized("The access token's claims are not ours. Log in again.")
    return Identity(min(int(subject), LARGEST_ID), str(claims["username"]), role, session)


Bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="An access token.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(Bearer)]


async def member(request: Request, credentials: Credentials) -> Identity:
    """The caller; 401 without a valid `Authorization: Bearer`."""
    if credentials is None:
        raise Unauthorized("Send an access token: Authorization: Bearer …")
    tokens = cast(TokenVerifier, request.app.state.tokens)
    request.state.caller = await tokens.verify(credentials.credentials.strip())
    return cast(Identity, request.state.caller)


Member = Annotated[Identity, Depends(member)]


async def writer(request: Request, credentials: Credentials) -> Identity:
    """The caller, after one request was taken out of the writes that he has."""
    # Called, and not depended on: FastAPI resolves each step anew, for a tenth of the request.
    caller = await member(request, credentials)
    limiter = cast(Limiter, request.app.state.limiter)
    await limiter.take(cast(Policy, request.app.state.write_policy), str(caller.user_id))
    return caller


Writer = Annotated[Identity, Depends(writer)]
