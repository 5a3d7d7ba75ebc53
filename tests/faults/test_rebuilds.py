"""The commands that mend: what is kept of other services made anew while everybody writes."""

from collections.abc import Callable

import pytest

from forum.instance import Forum

from .people import Load, Person, assert_right

SOURCES = {
    "users": ["topics", "messages"],
    "topics": ["users", "messages"],
    "messages": ["users", "topics"],
}


@pytest.mark.parametrize("service", SOURCES)
def test_a_rebuild_under_load_changes_nothing_that_was_right(
    forum: Forum, person: Callable[[], Person], service: str
) -> None:
    people = [person() for _ in range(3)]
    with Load(people, [people[0].topic()]) as load:
        load.wait_for(10)
        said = forum.run(service, "rebuild")
        load.wait_for(10)
    assert [line.partition(":")[0] for line in said.splitlines()[1::2]] == SOURCES[service]
    assert_right(people, load.topics)
    assert forum.run(service, "replay").startswith("0 ")
