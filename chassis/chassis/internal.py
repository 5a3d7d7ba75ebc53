"""Calls between services: POSTs signed as Standard Webhooks sign (id, time stamp, body).

The signature does not cover the path, so each body names its operation: an object carries
`{"operation": ...}`, and the array of CloudEvents is what no other operation accepts. A call that
is sent again within the 5 minutes says nothing new: events apply once, the rest only reads.
"""

import asyncio
import base64
import hashlib
import hmac
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated

import httpx
from fastapi import Depends, Request
from pydantic import SecretStr

from chassis import context
from chassis.problems import Unauthorized

TOLERANCE_SECONDS = 300
JSON = "application/json"


class SignatureInvalid(Unauthorized):
    code, title = "signature_invalid", "The call is not signed by a service of this forum"


def sign(secret: SecretStr, call_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`; the key is the text of the secret."""
    signed = f"{call_id}.{timestamp}.".encode() + body
    digest = hmac.digest(secret.get_secret_value().encode(), signed, hashlib.sha256)
    return "v1," + base64.b64encode(digest).decode()


def verify(secrets: Sequence[SecretStr], headers: Mapping[str, str], body: bytes) -> None:
    """401 unless one of `secrets` signed this body within the last 5 minutes."""
    call_id, given = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (given.isascii() and given.isdecimal() and len(given) <= 12):
        raise SignatureInvalid("The headers webhook-id and webhook-timestamp are needed.")
    if abs(time.time() - int(given)) > TOLERANCE_SECONDS:
        raise SignatureInvalid("The call is older or newer than 5 minutes. Check the clocks.")
    signatures = headers.get("webhook-signature", "").encode().split(b" ")
    # Every pair is compared, in constant time: how long it takes tells nothing.
    matches = [
        hmac.compare_digest(sign(secret, call_id, int(given), body).encode(), signature)
        for secret in secrets
        for signature in signatures
    ]
    if not any(matches):
        raise SignatureInvalid("No known secret made this signature.")


async def signed_body(request: Request) -> bytes:
    """The dependency of every /internal endpoint: the body, once its signature was checked."""
    body = await request.body()
    verify(request.app.state.settings.internal_secrets, request.headers, body)
    return body


SignedBody = Annotated[bytes, Depends(signed_body)]


def new_client(base_url: str) -> httpx.AsyncClient:
    """A client of one other service."""
    return httpx.AsyncClient(
        base_url=base_url,
        # Servers close an idle connection after 130 s; ours has to be the side that closes first.
        limits=httpx.Limits(keepalive_expiry=60),
        # Reading all certificate authorities takes memory and a part of a second at each start.
        verify=base_url.startswith("https:"),
        trust_env=False,
    )


class InternalClient:
    """Calls one other service. The first of `secrets` signs; see `verify` for the others."""

    def __init__(self, base_url: str, secrets: Sequence[SecretStr]) -> None:
        self._secret = secrets[0]
        self._client = new_client(base_url)

    async def post(
        self,
        path: str,
        body: bytes,
        *,
        timeout: float,  # noqa: ASYNC109 -- it bounds the call, not each read of it
        content_type: str = JSON,
    ) -> httpx.Response:
        """The answer, whatever its status; httpx.HTTPError when none came within `timeout`."""
        try:
            async with asyncio.timeout(timeout):
                return await self._client.post(
                    path, content=body, headers=self._headers(body, content_type), timeout=timeout
                )
        except TimeoutError as error:
            raise httpx.ReadTimeout(f"No whole answer within {timeout} s") from error

    @asynccontextmanager
    async def stream(self, path: str, body: bytes) -> AsyncIterator[httpx.Response]:
        """A 200 whose body is read piece by piece; httpx.HTTPError otherwise, also half-way."""
        headers = self._headers(body, JSON)
        call = self._client.stream("POST", path, content=body, headers=headers, timeout=30)
        async with call as response:
            yield response.raise_for_status()

    async def close(self) -> None:
        await self._client.aclose()

    def _headers(self, body: bytes, content_type: str) -> dict[str, str]:
        call_id, timestamp = f"msg_{uuid.uuid4().hex}", int(time.time())
        headers = {
            "content-type": content_type,
            "webhook-id": call_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(self._secret, call_id, timestamp, body),
        }
        if request_id := context.request_id.get():
            headers["x-request-id"] = request_id
        if traceparent := context.traceparent.get():
            headers["traceparent"] = traceparent
        return headers
