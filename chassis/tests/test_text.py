"""Text that is made to cost time: to normalise a run of marks takes time with its square."""

import time
from typing import Annotated

import pytest
from pydantic import BaseModel, ValidationError

from chassis.text import Text


class Post(BaseModel):
    body: Annotated[str, Text(1, 32_000)]


@pytest.mark.parametrize("marks", ["\u0300\u0316", "\u0f73", "\u0344\u0316"])
def test_a_long_run_of_marks_is_refused_at_once(marks: str) -> None:
    started = time.process_time()
    with pytest.raises(ValidationError) as refused:
        Post(body="a" + marks * 100_000)
    assert refused.value.errors()[0]["type"] == "too_many_marks"
    assert time.process_time() - started < 1


def test_many_short_runs_of_marks_are_text() -> None:
    assert Post(body="e\u0301" * 32_000).body == "\u00e9" * 32_000
    assert len(Post(body=("a" + "\u0300\u0316" * 50) * 300).body) == 300 * 100
