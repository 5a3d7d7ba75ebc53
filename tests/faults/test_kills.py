"""kill -9, under load and in the middle of a batch: nothing is lost, nothing counts twice."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from forum.instance import Forum

from .people import Load, Person, assert_right, within

pytestmark = pytest.mark.xdist_group("faults")

SERVICES = ("users", "topics", "messages")
UNDELIVERED = """
SELECT count(*)
FROM outbox
WHERE seq > (SELECT min(seq) FROM relay_cursors)
"""
DEAD_LETTERS = "SELECT count(*) FROM dead_letters"


def count(forum: Forum, service: str, statement: str) -> int:
    with psycopg.connect(forum.database_url(service), autocommit=True) as conn:
        [(number,)] = conn.execute(statement.encode()).fetchall()
    return int(number)


@contextmanager
def frozen(forum: Forum, service: str) -> Iterator[None]:
    """The service takes connections but does nothing, as a machine that swaps."""
    pid = forum.parts[service].pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("victim", SERVICES)
def test_a_service_that_is_killed_under_load_loses_nothing(
    forum: Forum, person: Callable[[], Person], victim: str
) -> None:
    people = [person() for _ in range(4)]
    with Load(people, [people[0].topic(), people[1].topic()]) as load:
        load.wait_for(20)
        forum.kill(victim)
        forum.start(victim)
        load.wait_for(20)
    assert_right(people, load.topics)
    for topic_id in load.topics:
        listed = people[0].read_all(f"/api/messages?topic_id={topic_id}")
        acknowledged = {i: body for i, (topic, body) in load.messages.items() if topic == topic_id}
        assert {message["id"]: message["body"] for message in listed} == acknowledged
        assert [message["position"] for message in listed] == list(range(1, len(listed) + 1))
        assert set(Counter(message["body"] for message in listed).values()) <= {1}
    assert [count(forum, service, DEAD_LETTERS) for service in SERVICES] == [0, 0, 0]


@pytest.mark.parametrize(
    ("sender", "receiver"), [("users", "topics"), ("topics", "users"), ("messages", "topics")]
)
def test_a_service_that_is_killed_in_the_middle_of_a_batch_counts_nothing_twice(
    forum: Forum, person: Callable[[], Person], sender: str, receiver: str
) -> None:
    ann = person()
    topics = [ann.topic()]
    assert_right([ann], topics)
    with frozen(forum, receiver):
        match sender:
            case "users":
                rename(ann, "Ann of the Faults")
            case "topics":
                topics.append(ann.topic())
            case "messages":
                ann.message(topics[0])
        # Stamped and not passed: the batch is on its way to someone who does not answer.
        within(5, lambda: count(forum, sender, UNDELIVERED) > 0)
        forum.kill(sender)
    forum.start(sender)
    assert_right([ann], topics)
    within(5, lambda: count(forum, sender, UNDELIVERED) == 0)
    shown = ann.read(f"/api/topics/{topics[0]}")["author"]["display_name"]
    assert shown == ("Ann of the Faults" if sender == "users" else ann.name)


def rename(person: Person, name: str) -> None:
    tag = person.http.get("/api/users/me").headers["etag"]
    change = {"display_name": name}
    person.until_answered("PATCH", "/api/users/me", 200, json=change, headers={"If-Match": tag})
