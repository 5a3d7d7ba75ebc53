"""The query of a hot list, read as one model.

FastAPI reads each parameter by itself: for six of them that costs a quarter of the whole request.
"""

from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from chassis.problems import from_validation

T = TypeVar("T", bound=BaseModel)


def read_query(request: Request, model: type[T]) -> T:
    """The query's parameters as `model`; 422 with pointers where they do not fit."""
    try:
        return model.model_validate_strings(dict(request.query_params))
    except ValidationError as error:
        raise from_validation(error.errors(include_url=False, include_input=False)) from None


def query_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The `openapi_extra=` of an endpoint that reads `model` from its query."""
    schema = model.model_json_schema()
    parameters = []
    for name, field in schema["properties"].items():
        described = {key: value for key, value in field.items() if key != "description"}
        parameter = {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": field["description"],
            "schema": described,
        }
        parameters.append(parameter)
    return {"parameters": parameters}
