"""Whatever is sent, the answer is one that the OpenAPI document allows, and never a 5xx."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from forum.instance import Mode

from .conftest import BYSTANDER, THINGS, FindForum, Fuzzed

pytestmark = pytest.mark.xdist_group("fuzz")

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
DOCUMENTS: dict[str, tuple[Mode, str]] = {
    "users": ("services", "/api/users/openapi.json"),
    "topics": ("services", "/api/topics/openapi.json"),
    "messages": ("services", "/api/messages/openapi.json"),
    "monolith": ("monolith", "/api/users/openapi.json"),
}
# For each operation, good and bad; every one is sent by a guest, a member and a moderator.
EXAMPLES = 10


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_answer_is_one_that_the_document_allows(
    document: str, find_forum: FindForum, subtests: pytest.Subtests
) -> None:
    mode, path = DOCUMENTS[document]
    forum = find_forum(mode)
    openapi = schemathesis.openapi.from_url(forum.url + path)
    for found in openapi.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        with subtests.test(operation=operation.label):
            fuzz(st.one_of([operation.as_strategy(kind) for kind in GenerationMode]), forum)


def fuzz(cases: st.SearchStrategy[schemathesis.Case[Any]], forum: Fuzzed) -> None:
    """Send cases, about half of them to things that are there, as everybody in turn."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases, st.none() | st.integers(1, THINGS))
    def send(case: schemathesis.Case[Any], thing: int | None) -> None:
        if thing is not None:
            aim(case, thing)
        for headers in forum.people.values():
            case.call_and_validate(headers=headers, checks=CHECKS)

    send()


def aim(case: schemathesis.Case[Any], thing: int) -> None:
    """Let a case find something: no generated number or ETag does."""
    found = {"user_id": BYSTANDER, "topic_id": thing, "message_id": thing, "emoji": "👍"}
    for name in case.path_parameters.keys() & found.keys():
        case.path_parameters[name] = found[name]
    if "if-match" in case.headers:
        case.headers["if-match"] = "*"
    if isinstance(case.body, dict) and "topic_id" in case.body:
        case.body["topic_id"] = thing
