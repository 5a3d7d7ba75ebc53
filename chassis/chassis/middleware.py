"""Two plain ASGI layers around each service: one observes a request, one bounds its body."""

import re
import secrets
import time

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import context, limits, metrics
from chassis.problems import Problem, TooLarge, answer

LARGEST_BODY = 512 * 1024
LARGEST_DROPPED = 2 * 1024 * 1024
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_QUIET = ("/livez", "/readyz", "/metrics")
log = structlog.get_logger()


class Observed:
    """Takes or makes the request's id and trace, logs and counts it, answers a crash with 500."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        if scope["method"] == "HEAD":
            # As GET; the server leaves the body out, by the scope of its own.
            scope = {**scope, "method": "GET"}
        started, status = time.perf_counter(), 0
        request_id = _enter(Headers(scope=scope))

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = {"x-request-id": request_id, **(limits.headers.get() or {})}
                if scope["app"].state.draining:
                    headers["connection"] = "close"
                message["headers"] += [(k.encode(), v.encode()) for k, v in headers.items()]
            await send(message)

        try:
            await self._app(scope, receive, send_observed)
        except Exception:
            log.exception("request_failed", method=scope["method"], path=scope["path"])
            if status:
                raise
            crash = Problem("The fault is ours and is in the log under this request_id.")
            await answer(crash, scope["path"])(scope, receive, send_observed)
        finally:
            _leave(scope, status, time.perf_counter() - started)
        return None


def _enter(headers: Headers) -> str:
    made = secrets.token_hex(24)
    given = headers.get("x-request-id", "")
    request_id = given if _REQUEST_ID.fullmatch(given) else made[:32]
    context.request_id.set(request_id)
    trace = headers.get("traceparent", "")
    if not _TRACEPARENT.fullmatch(trace):
        # Where neither was given, a request and its trace have one id.
        trace = f"00-{made[:32]}-{made[32:]}-01"
    context.traceparent.set(trace)
    return request_id


def _leave(scope: Scope, status: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", "unknown")
    metrics.observe(scope["method"], route, status, seconds)
    if scope["path"] not in _QUIET:
        log.info(
            "request",
            method=scope["method"],
            path=scope["path"],
            status=status,
            milliseconds=round(seconds * 1000, 2),
        )


class BoundedBody:
    """Reads a body whole before anything looks at the request; 413 over 512 KiB.

    Up to 2 MiB is read and dropped first: a client that still sends would not see the answer.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return await self._app(scope, receive, send)
        body, size, more = bytearray(), 0, True
        while more and size <= LARGEST_DROPPED:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            size += len(message.get("body", b""))
            if size <= LARGEST_BODY:
                body += message.get("body", b"")
            more = message.get("more_body", False)
        if size > LARGEST_BODY:
            problem = TooLarge(f"A body has at most {LARGEST_BODY} bytes.")
            return await answer(problem, scope["path"])(scope, receive, send)
        whole: Message | None = {"type": "http.request", "body": bytes(body), "more_body": False}

        async def receive_whole() -> Message:
            nonlocal whole
            if whole is None:
                return await receive()
            message, whole = whole, None
            return message

        return await self._app(scope, receive_whole, send)
