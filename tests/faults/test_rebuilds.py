"""The commands that mend: what is kept of other services made anew while everybody writes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from forum.instance import Forum

from .people import Load, Person, assert_right

pytestmark = pytest.mark.xdist_group("faults")

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


def test_a_rebuild_waits_for_a_service_that_is_starting(forum: Forum) -> None:
    forum.stop("users")
    try:
        with ThreadPoolExecutor() as pool:
            rebuilding = pool.submit(forum.run, "topics", "rebuild", "users")
            # By then it has asked in vain.
            assert wait([rebuilding], 3).not_done
            forum.start("users")
            assert "up to its event" in rebuilding.result()
    finally:
        forum.start("users")
