"""Errors as classes with a status, answered as `application/problem+json` (RFC 9457)."""

from collections.abc import Mapping
from typing import Any, ClassVar, NotRequired

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from psycopg import OperationalError
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match
from typing_extensions import TypedDict

from chassis import context

MEDIA_TYPE = "application/problem+json"
log = structlog.get_logger()
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class FieldError(TypedDict):
    """One thing wrong; `pointer` is a JSON Pointer (RFC 6901) into the body, or a parameter."""

    pointer: str
    code: str
    detail: str


class ProblemBody(TypedDict):
    """The body of every error; `errors` is there for 422 alone."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: NotRequired[list[FieldError]]


class Problem(Exception):  # noqa: N818 -- the RFC's word
    """An answer that is not the one asked for. Subclasses fix status, code and title.

    `detail` is read by people: it says what is wrong, with which value, and what to do.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Something went wrong here"

    def __init__(
        self,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: list[FieldError] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers = dict(headers or {})
        self.errors = errors


class BadRequest(Problem):
    status, code, title = 400, "bad_request", "The request cannot be read"


class Unauthorized(Problem):
    status, code, title = 401, "unauthorized", "A valid access token is needed"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(Problem):
    status, code, title = 403, "forbidden", "Not allowed"


class NotFound(Problem):
    status, code, title = 404, "not_found", "Nothing is here"


class MethodNotAllowed(Problem):
    status, code, title = 405, "method_not_allowed", "This method is not offered here"


class Conflict(Problem):
    status, code, title = 409, "conflict", "The state of things forbids it"


class Gone(Problem):
    status, code, title = 410, "gone", "It was deleted"


class PreconditionFailed(Problem):
    status, code, title = 412, "precondition_failed", "It has changed since you read it"


class TooLarge(Problem):
    status, code, title = 413, "body_too_large", "The body is too large"


class UnsupportedMediaType(Problem):
    status, code, title = 415, "unsupported_media_type", "The body must be JSON"


class Invalid(Problem):
    status, code, title = 422, "invalid", "The request says something that cannot be"


class PreconditionRequired(Problem):
    status, code, title = 428, "precondition_required", "An If-Match header is needed"


class TooManyRequests(Problem):
    status, code, title = 429, "too_many_requests", "Too many requests"


class Unavailable(Problem):
    status, code, title = 503, "unavailable", "Not available for the moment"

    def __init__(self, detail: str, *, retry_after: int = 1) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


HTTP_PROBLEMS: dict[int, type[Problem]] = {404: NotFound, 405: MethodNotAllowed, 400: BadRequest}


def invalid(pointer: str, code: str, detail: str) -> Invalid:
    """A 422 that names one field."""
    return Invalid(
        f"{pointer}: {detail}", errors=[{"pointer": pointer, "code": code, "detail": detail}]
    )


def answer(problem: Problem, path: str) -> Response:
    """The problem as a response."""
    body: ProblemBody = {
        "type": f"urn:forum:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": path,
        "code": problem.code,
        "request_id": context.request_id.get() or "",
    }
    if problem.errors is not None:
        body["errors"] = problem.errors
    # A path may hold bytes that are not UTF-8; to_json must not fail on them.
    content = to_json(body, bytes_mode="utf8", inf_nan_mode="null")
    return Response(content, problem.status, problem.headers, MEDIA_TYPE)


def from_validation(errors: list[Any]) -> Invalid:
    """Pydantic's errors as one 422 with a pointer to each field."""
    fields: list[FieldError] = [
        {
            "pointer": "".join(f"/{part}" for part in error["loc"]),
            "code": error["type"],
            "detail": error["msg"],
        }
        for error in errors
    ]
    summary = "; ".join(f"{field['pointer'] or 'body'}: {field['detail']}" for field in fields[:3])
    return Invalid(summary, errors=fields)


def _allowed(request: Request) -> list[str]:
    # The router's own Allow names the methods of one of the routes with this path alone.
    found = [
        method
        for method in METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]
    return ["HEAD", *found] if "GET" in found else found


def install(app: FastAPI) -> None:
    """Answer every error of `app` as problem+json; what is not a Problem becomes a 500 upstream."""

    async def on_problem(request: Request, error: Problem) -> Response:
        return answer(error, request.url.path)

    async def on_http(request: Request, error: HTTPException) -> Response:
        kind = HTTP_PROBLEMS.get(error.status_code, BadRequest)
        detail = f"{request.method} {request.url.path} is not part of this API."
        headers = {"Allow": ", ".join(_allowed(request))} if kind is MethodNotAllowed else {}
        return answer(kind(detail, headers=headers), request.url.path)

    async def on_validation(request: Request, error: RequestValidationError) -> Response:
        problem = from_validation([{**e, "loc": e["loc"][1:]} for e in error.errors()])
        return answer(problem, request.url.path)

    async def on_database(request: Request, error: Exception) -> Response:
        # The message may quote a row; the kind of the error says enough.
        log.warning("database_failed", error=type(error).__name__)
        return answer(Unavailable("The database does not answer. Try again."), request.url.path)

    app.exception_handler(Problem)(on_problem)
    app.exception_handler(HTTPException)(on_http)
    app.exception_handler(RequestValidationError)(on_validation)
    # Among them a lock that was waited for too long, and a pool without a free connection.
    app.exception_handler(OperationalError)(on_database)


def documented(*problems: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of an endpoint: each status with the codes that it can carry."""
    by_status: dict[int | str, list[type[Problem]]] = {}
    for problem in problems:
        by_status.setdefault(problem.status, []).append(problem)
    return {
        status: {
            "description": " · ".join(f"`{kind.code}`: {kind.title}" for kind in kinds),
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "example": {
                        "type": f"urn:forum:problem:{kinds[0].code}",
                        "title": kinds[0].title,
                        "status": status,
                        "detail": kinds[0].title + ".",
                        "instance": "/api/…",
                        "code": kinds[0].code,
                        "request_id": "0198c3f5a4b27d10b1c4a5e6f7a8b9c0",
                    },
                }
            },
        }
        for status, kinds in sorted(by_status.items(), key=lambda item: str(item[0]))
    }
