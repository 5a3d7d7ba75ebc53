"""kill -9 of each service and each database, in turn, under one steady load."""

import pytest

from drill import kills, people
from drill.kills import Outage
from drill.ledger import Request
from drill.load import Load
from drill.table import SERVICE_PARTS
from forum.compose import Compose

from .whole import COUNTERS_SECONDS, SENT, assert_whole

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("compose")]

# What is asked while a part starts is held by the gateway or told to try again.
HEALING_SECONDS = 10

each_part = pytest.mark.parametrize("part", SERVICE_PARTS)


@pytest.fixture(scope="module")
def load(forum: Compose) -> Load:
    """The load of all tests here, which has not begun."""
    return Load(forum.url, people.register(forum.url))


@pytest.fixture(scope="module")
def outages(forum: Compose, load: Load) -> dict[str, Outage]:
    """What each kill did; the load has ended."""
    with load:
        return {part: kills.kill(forum, load, part) for part in SERVICE_PARTS}


def owner(part: str) -> str:
    return part.removesuffix("-db")


def asks_topics(request: Request) -> bool:
    """Whether messages had not heard of the topic yet: the one case in which it needs topics."""
    return (request.kind, request.problem) == ("first post", "topic_unheard")


@each_part
def test_the_other_services_answer_while_a_part_is_down(
    outages: dict[str, Outage], part: str
) -> None:
    outage = outages[part]
    others = [request for request in outage.failed if request.service != owner(part)]
    if owner(part) == "topics":
        others = [request for request in others if not asks_topics(request)]
    assert others == []
    assert any(request.service == owner(part) for request in outage.failed), "nothing was killed"


@each_part
def test_every_acknowledged_write_is_there_once_a_part_is_back(
    outages: dict[str, Outage], part: str
) -> None:
    assert outages[part].lost == []


@each_part
def test_counters_are_right_soon_after_a_part_is_back(
    outages: dict[str, Outage], part: str
) -> None:
    assert outages[part].behind_seconds <= COUNTERS_SECONDS


@each_part
def test_all_is_answered_soon_after_a_part_is_started(
    outages: dict[str, Outage], part: str
) -> None:
    assert outages[part].healing_seconds <= HEALING_SECONDS


def test_nothing_fails_but_by_a_kill_and_nothing_is_lost_or_double(
    outages: dict[str, Outage], load: Load
) -> None:
    by_a_kill = {request for outage in outages.values() for request in outage.failed}
    assert [one for one in load.requests if one.failed and one not in by_a_kill] == []
    assert load.share_sent >= SENT
    assert_whole(load)
