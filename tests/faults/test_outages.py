"""A service that is down takes down what it owns and nothing else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from forum.instance import Forum

from .people import Person, assert_right

pytestmark = pytest.mark.xdist_group("faults")


@contextmanager
def without(forum: Forum, service: str) -> Iterator[None]:
    forum.stop(service)
    try:
        yield
    finally:
        forum.start(service)


def test_without_topics_known_topics_are_read_and_answered(
    forum: Forum, person: Callable[[], Person]
) -> None:
    ann = person()
    topic_id = ann.topic()
    ann.message(topic_id)
    assert_right([ann], [topic_id])
    with without(forum, "topics"):
        assert ann.http.get("/api/topics").status_code == 503
        answer = {"topic_id": topic_id, "body": "meanwhile"}
        made = ann.http.post("/api/messages", json=answer)
        assert (made.status_code, made.json()["position"]) == (201, 2)
        listed = ann.http.get(f"/api/messages?topic_id={topic_id}").json()["items"]
        assert [message["body"] for message in listed] == ["text", "meanwhile"]
        unheard = ann.http.post("/api/messages", json={**answer, "topic_id": topic_id + 1000})
        assert (unheard.status_code, "retry-after" in unheard.headers) == (503, True)
        assert ann.http.get("/api/users/me").status_code == 200
    assert_right([ann], [topic_id])


def test_without_users_everyone_with_a_token_reads_and_writes(
    forum: Forum, person: Callable[[], Person]
) -> None:
    ann = person()
    with without(forum, "users"):
        assert ann.http.get("/api/users/me").status_code == 503
        topic_id = ann.topic("opened meanwhile")
        message = ann.message(topic_id)
        assert message["author"]["username"] == ann.name
        tag = ann.http.get(f"/api/messages/{message['id']}").headers["etag"]
        edited = ann.http.patch(
            f"/api/messages/{message['id']}", json={"body": "edited"}, headers={"If-Match": tag}
        )
        assert edited.status_code == 200
        assert ann.http.get(f"/api/topics/{topic_id}").json()["author"]["id"] == ann.id
    assert_right([ann], [topic_id])


def test_without_users_a_service_that_restarts_still_knows_the_keys(
    forum: Forum, person: Callable[[], Person]
) -> None:
    ann = person()
    topic_id = ann.topic()
    with without(forum, "users"):
        forum.restart("messages")
        assert (
            ann.http.post("/api/messages", json={"topic_id": topic_id, "body": "text"}).status_code
            == 201
        )


def test_without_messages_topics_are_opened_and_read(
    forum: Forum, person: Callable[[], Person]
) -> None:
    ann = person()
    with without(forum, "messages"):
        topic_id = ann.topic()
        assert ann.http.get(f"/api/topics/{topic_id}").status_code == 200
        assert ann.http.get(f"/api/messages?topic_id={topic_id}").status_code == 503
    ann.message(topic_id)
    assert_right([ann], [topic_id])
