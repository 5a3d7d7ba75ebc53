"""A request's JSON body, parsed when the rules ask for it.

FastAPI would check a body before anything else. Here 401, 404, 410, 403, 428 and 412 come before
422, so an endpoint gets the raw body and the service parses it at the right place.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Generic, NoReturn, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from chassis.problems import BadRequest, Problem, UnsupportedMediaType, from_validation, invalid

T = TypeVar("T", bound=BaseModel)


class NotJson(BadRequest):
    code, title = "not_json", "The body is not JSON"


class Body(Generic[T]):
    """The body as it came (`raw`), to be parsed as `model`."""

    def __init__(self, raw: bytes, model: type[T]) -> None:
        self.raw = raw
        self._model = model
        self._parsed: T | None = None

    def parse(self) -> T:
        """The body as `model`; 400 where it is not JSON, 422 with pointers where it is wrong."""
        if self._parsed is None:
            self._parsed = self._read()
        return self._parsed

    def peek(self) -> T | None:
        """The body for work that comes before the rules; None where `parse` is going to raise."""
        try:
            return self.parse()
        except Problem:
            return None

    def _read(self) -> T:
        try:
            return self._model.model_validate_json(self.raw)
        except ValidationError as error:
            if error.errors()[0]["type"] == "json_invalid":
                self._explain()
            raise from_validation(error.errors(include_url=False, include_input=False)) from None

    def _explain(self) -> NoReturn:
        # pydantic's parser refuses lone surrogates as if they were not JSON; they are, and are 422.
        try:
            value = json.loads(self.raw.decode(), parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise NotJson(f"The body is not JSON: {error}. Send an object in UTF-8.") from None
        try:
            self._model.model_validate(value)
        except ValidationError as error:
            raise from_validation(error.errors(include_url=False, include_input=False)) from None
        raise invalid("", "lone_surrogate", "half of a surrogate pair is not a character")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def json_body(model: type[T]) -> Callable[[Request], Awaitable[Body[T]]]:
    """The dependency that hands over the body; 415 where its type is not `application/json`."""

    async def read(request: Request) -> Body[T]:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            raise UnsupportedMediaType(
                f"The body's type is '{media_type}'. Send it with Content-Type: application/json."
            )
        return Body(await request.body(), model)

    return read


def body_schema(model: type[BaseModel], example: dict[str, Any] | None = None) -> dict[str, Any]:
    """The `openapi_extra=` of an endpoint that takes `model`."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    content: dict[str, Any] = {"schema": schema}
    if example is not None:
        content["example"] = example
    return {"requestBody": {"required": True, "content": {"application/json": content}}}
