"""Messages and topics do not reach each other for a while: only the two of them notice."""

import itertools
import time

import pytest

from drill import found, kills, people
from drill.load import Load
from forum.compose import Compose

from .network import cut
from .whole import assert_whole

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("compose")]

CUT_SECONDS = 20
# A call that was on its way when the network healed, and the pause after it.
CATCH_UP_SECONDS = 10
PAUSE_SECONDS = 5


def test_posting_goes_on_while_messages_and_topics_are_cut_off(forum: Compose) -> None:
    with Load(forum.url, people.register(forum.url)) as load:
        with cut(forum, "messages", "topics"):
            began = time.monotonic()
            time.sleep(CUT_SECONDS)
            ended = time.monotonic()
            written = load.ledger.copy()
            with found.reader(forum.url) as http:
                behind = found.behind(http, written)
        healed = time.monotonic()
        caught_up = kills.await_counters(forum.url, written)
        kills.await_answers(load, healed)

    assert behind, "the network was not cut"
    assert caught_up - healed <= CATCH_UP_SECONDS
    # What has to ask topics is told to try again; it is the only thing that fails.
    failed = [request for request in load.requests if request.failed]
    assert {(request.kind, request.problem) for request in failed} == {
        ("first post", "topic_unheard")
    }
    posts = sorted(one.ended for one in load.requests if one.kind == "post" and not one.failed)
    during = [began, *(moment for moment in posts if began < moment < ended), ended]
    pauses = [after - before for before, after in itertools.pairwise(during)]
    assert max(pauses) < PAUSE_SECONDS
    assert_whole(load)
