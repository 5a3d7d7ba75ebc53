"""Posting: positions, counts, the topic's gate, who may, and what is told of it."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
from messages_harness import Service, topic_updated

ACTIVITY = "io.forum.topic.activity.v1"
COUNTED = "io.forum.messages.counted.v1"


async def test_fifty_posts_at_once_take_the_positions_one_to_fifty(service: Service) -> None:
    answers = await asyncio.gather(*(service.post(user_id=user % 5) for user in range(50)))
    assert {answer.status_code for answer in answers} == {201}
    assert sorted(answer.json()["position"] for answer in answers) == list(range(1, 51))
    by_position = sorted(
        (message["position"], message["id"], message["created_at"])
        for message in (answer.json() for answer in answers)
    )
    assert [row[1] for row in by_position] == sorted(row[1] for row in by_position)
    assert [row[2] for row in by_position] == sorted(row[2] for row in by_position)
    [topic] = service.rows("SELECT * FROM topics")
    assert (topic["message_count"], topic["last_position"]) == (50, 50)
    assert {row["message_count"] for row in service.rows("SELECT * FROM authors")} == {10}


async def test_posts_in_two_topics_by_the_same_people_do_not_wait_for_each_other_in_a_ring(
    service: Service,
) -> None:
    await service.hear_topic(8)
    answers = await asyncio.gather(
        *(service.post(topic_id=7 + n % 2, user_id=n // 2 % 2) for n in range(40))
    )
    assert {answer.status_code for answer in answers} == {201}


async def test_each_post_tells_the_numbers_that_it_made(service: Service) -> None:
    first = await service.posted(user_id=1)
    second = await service.posted(user_id=2)
    activity = service.outbox(ACTIVITY)
    assert [event["version"] for event in activity] == [1, 2]
    assert activity[1] == {
        "topic_id": 7,
        "message_count": 2,
        "last_activity_at": datetime.fromisoformat(second["created_at"]),
        "last_author_id": 2,
        "version": 2,
    }
    assert activity[0]["last_activity_at"] == datetime.fromisoformat(first["created_at"])
    assert service.outbox(COUNTED) == [
        {"user_id": 1, "message_count": 1, "version": 1},
        {"user_id": 2, "message_count": 1, "version": 1},
    ]


async def test_a_refused_post_leaves_nothing(service: Service) -> None:
    await service.hear_topic(8, locked=True)
    await service.hear_user(2, state="suspended")
    refused = [
        await service.post(reply_to=999),
        await service.post(topic_id=8),
        await service.post(user_id=2),
    ]
    assert [answer.status_code for answer in refused] == [422, 409, 403]
    assert refused[0].json()["errors"][0]["pointer"] == "/reply_to"
    assert service.rows("SELECT 1 FROM outbox") == []
    assert service.rows("SELECT 1 FROM topics WHERE last_position > 0") == []
    assert (await service.posted())["position"] == 1


async def test_an_answer_points_to_a_message_of_the_same_topic(service: Service) -> None:
    await service.hear_topic(8)
    first = await service.posted()
    elsewhere = await service.posted(topic_id=8)
    assert (await service.post(reply_to=first["id"])).json()["reply_to"] == first["id"]
    assert (await service.post(reply_to=elsewhere["id"])).status_code == 422


async def test_a_topic_that_was_not_heard_of_is_asked_for_once(service: Service) -> None:
    service.topics.known[9] = topic_updated(9)
    assert (await service.posted(topic_id=9))["position"] == 1
    assert (await service.posted(topic_id=9))["position"] == 2
    listed = await service.client.get("/api/messages", params={"topic_id": 9})
    assert len(listed.json()["items"]) == 2
    assert service.topics.asked == [9]


async def test_a_topic_whose_counts_came_first_is_asked_for(service: Service) -> None:
    service.rows(
        """
        INSERT INTO topics (id, message_count, last_position, activity_version)
        VALUES (9, 3, 5, 1)
        """
    )
    service.topics.known[9] = topic_updated(9, version=4)
    assert (await service.posted(topic_id=9))["position"] == 6
    [topic] = service.rows("SELECT message_count, version FROM topics WHERE id = 9")
    assert topic == {"message_count": 4, "version": 4}


async def test_a_topic_that_nobody_knows_is_404(service: Service) -> None:
    posted = await service.post(topic_id=9)
    listed = await service.client.get("/api/messages", params={"topic_id": 9})
    assert [posted.status_code, listed.status_code] == [404, 404]
    assert posted.json()["code"] == listed.json()["code"] == "topic_not_found"


@pytest.mark.parametrize("changes", [{"deleted": True}, {"locked": True}])
async def test_what_the_topics_service_says_of_the_topic_counts(
    service: Service, changes: dict[str, bool]
) -> None:
    service.topics.known[9] = topic_updated(9, **changes)
    assert (await service.post(topic_id=9)).status_code == (410 if "deleted" in changes else 409)


async def test_topics_down_known_topics_go_on_and_unknown_ones_are_503(service: Service) -> None:
    service.topics.status = 500
    unknown = await service.post(topic_id=9)
    listed = await service.client.get("/api/messages", params={"topic_id": 9})
    assert [unknown.status_code, listed.status_code] == [503, 503]
    assert int(unknown.headers["retry-after"]) > 0
    assert int(listed.headers["retry-after"]) > 0
    await service.posted()
    known = await service.client.get("/api/messages", params={"topic_id": 7})
    assert known.status_code == 200


async def test_topics_hanging_costs_a_fraction_of_a_second(service: Service) -> None:
    service.topics.hangs = asyncio.Event()
    started = time.monotonic()
    answer = await service.post(topic_id=9)
    assert answer.status_code == 503
    assert time.monotonic() - started < 1
    service.topics.hangs.set()


async def test_a_refused_post_frees_its_idempotency_key(service: Service) -> None:
    service.topics.status = 500
    headers = {**service.caller(), "Idempotency-Key": "one"}
    body = {"topic_id": 9, "body": "Hello"}
    refused = await service.client.post("/api/messages", json=body, headers=headers)
    service.topics.status, service.topics.known[9] = 200, topic_updated(9)
    taken = await service.client.post("/api/messages", json=body, headers=headers)
    again = await service.client.post("/api/messages", json=body, headers=headers)
    assert [refused.status_code, taken.status_code, again.status_code] == [503, 201, 201]
    assert taken.content == again.content
    assert again.headers["idempotency-replayed"] == "true"
    assert taken.headers["location"] == again.headers["location"]
    assert service.rows("SELECT message_count FROM topics WHERE id = 9") == [{"message_count": 1}]


async def test_twenty_posts_with_one_key_make_one_message(service: Service) -> None:
    headers = {**service.caller(), "Idempotency-Key": "one"}
    body = {"topic_id": 7, "body": "Hello"}
    answers = await asyncio.gather(
        *(service.client.post("/api/messages", json=body, headers=headers) for _ in range(20))
    )
    assert {(answer.status_code, answer.content) for answer in answers} == {
        (201, answers[0].content)
    }
    assert len(service.rows("SELECT 1 FROM messages")) == 1


async def test_a_first_post_makes_a_card_of_the_token_that_an_event_replaces(
    service: Service,
) -> None:
    message = await service.posted(user_id=3)
    assert message["author"] == {
        "id": 3,
        "username": "claimed-3",
        "display_name": "claimed-3",
        "avatar_url": None,
        "state": "active",
    }
    await service.hear_user(3, display_name="Three")
    shown = await service.client.get(f"/api/messages/{message['id']}")
    assert shown.json()["author"]["username"] == "name-3"
    assert shown.json()["author"]["display_name"] == "Three"
    assert service.rows("SELECT message_count FROM authors WHERE id = 3") == [{"message_count": 1}]


async def test_a_suspension_holds_until_its_end(service: Service) -> None:
    await service.hear_user(3, 1, state="suspended")
    refused = await service.post(user_id=3)
    assert (refused.status_code, refused.json()["code"]) == (403, "suspended")
    past = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    await service.hear_user(3, 2, state="suspended", suspended_until=past)
    message = await service.posted(user_id=3)
    assert message["author"]["state"] == "active"


async def test_suspension_comes_before_what_is_wrong_with_the_body(service: Service) -> None:
    await service.hear_user(3, state="suspended")
    assert (await service.post(user_id=3, body="")).status_code == 403
    assert (await service.post(user_id=4, body="")).status_code == 422


async def test_the_token_of_an_erased_account_is_no_more_good(service: Service) -> None:
    headers = {**service.caller(3), "Idempotency-Key": "one"}
    body = {"topic_id": 7, "body": "Hello"}
    assert (
        await service.client.post("/api/messages", json=body, headers=headers)
    ).status_code == 201
    await service.hear_user(3, username="deleted-3", display_name="deleted-3", state="erased")
    refused = await service.post(user_id=3)
    assert (refused.status_code, refused.json()["code"]) == (401, "account_erased")
    assert refused.headers["www-authenticate"] == "Bearer"
    assert service.rows("SELECT 1 FROM idempotency_keys") == []
    listed = (await service.client.get("/api/messages", params={"topic_id": 7})).json()
    assert listed["items"][0]["author"]["username"] == "deleted-3"
    assert listed["items"][0]["body"] == "Hello"
