"""Answers of ready bytes: a thing with its ETag, a page with its Link, a created thing."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from pydantic_core import to_json
from starlette.responses import Response

from chassis.conditional import etag, matches
from chassis.pagination import Page

# For the documentation of an endpoint that answers with `thing_answer`.
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The ETag is the one in `If-None-Match`."}
}


class Answer(Response):
    """JSON that is already bytes; FastAPI passes a Response on without encoding it again."""

    media_type = "application/json"


def thing_answer(request: Request, thing: Mapping[str, Any], version: int) -> Answer:
    """200 with a strong ETag, or 304 where the client has these very bytes."""
    content = to_json(thing)
    tag = etag(version, content)
    if request.method == "GET" and matches(request.headers.get("if-none-match"), tag):
        return Answer(status_code=304, headers={"ETag": tag})
    return Answer(content, headers={"ETag": tag})


def page_answer(request: Request, page: Page) -> Answer:
    """200 with `{items, next_cursor}` and, where there is more, `Link: rel="next"`."""
    answer = Answer(to_json({"items": page.items, "next_cursor": page.next_cursor}))
    if page.next_cursor is not None:
        given = [pair for pair in request.query_params.multi_items() if pair[0] != "cursor"]
        query = urlencode([*given, ("cursor", page.next_cursor)])
        answer.headers["Link"] = f'<{request.scope["path"]}?{query}>; rel="next"'
    return answer


def created(thing: Mapping[str, Any], location: str, version: int | None) -> Answer:
    """201 with `Location` and, where the thing has a version, its ETag."""
    content = to_json(thing)
    headers = {"Location": location}
    if version is not None:
        headers["ETag"] = etag(version, content)
    return Answer(content, 201, headers)


def no_content() -> Response:
    """204: done, nothing to show."""
    return Response(status_code=204)
