"""What the service hears of counts, and what it answers to other services."""

import itertools
from typing import Any

import pytest
from pydantic_core import from_json
from users_harness import Service, cloud_event

TOPICS = ("topics", "io.forum.topics.counted.v1", "topic_count")
MESSAGES = ("messages", "io.forum.messages.counted.v1", "message_count")


def counted(owner: tuple[str, str, str], user_id: int, count: int, version: int) -> dict[str, Any]:
    """The event that tells of a count."""
    source, kind, field = owner
    return cloud_event(source, kind, {"user_id": user_id, field: count, "version": version})


async def deliver(service: Service, *events: dict[str, Any]) -> Any:
    """Hand over a batch; what was refused."""
    answer = await service.internal("/internal/events", events)
    assert answer.status_code == 200, answer.text
    return answer.json()["refused"]


async def counts(service: Service, user_id: int = 1) -> tuple[int, int]:
    """A person's counts as the API shows them."""
    shown = (await service.client.get(f"/api/users/{user_id}")).json()
    return shown["topic_count"], shown["message_count"]


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))))
async def test_the_newest_count_wins_in_any_order(service: Service, order: tuple[int, ...]) -> None:
    await service.register("ada")
    for version in (*order, *order):
        await deliver(service, counted(TOPICS, 1, version * 10, version))
        await deliver(service, counted(MESSAGES, 1, version * 100, version))
    assert await counts(service) == (30, 300)


async def test_counts_may_go_down_and_do_not_change_the_version(service: Service) -> None:
    await service.register("ada")
    before = (await service.client.get("/api/users/1")).headers["ETag"]
    await deliver(service, counted(TOPICS, 1, 5, 1), counted(TOPICS, 1, 4, 2))
    assert await counts(service) == (4, 0)
    after = (await service.client.get("/api/users/1")).headers["ETag"]
    assert after != before
    assert after.partition(".")[0] == before.partition(".")[0]


async def test_an_event_about_nobody_and_one_of_a_new_type_are_taken(service: Service) -> None:
    unknown = cloud_event("topics", "io.forum.topics.moved.v1", {"anything": 1})
    assert await deliver(service, counted(TOPICS, 99, 1, 1), unknown) == []


async def test_a_malformed_event_is_named_and_blocks_no_other(service: Service) -> None:
    await service.register("ada")
    broken = cloud_event("topics", TOPICS[1], {"user_id": "ada", "version": 1})
    refused = await deliver(service, broken, counted(TOPICS, 1, 3, 1))
    assert [refusal["id"] for refusal in refused] == [broken["id"]]
    assert await counts(service) == (3, 0)


async def test_a_count_of_another_service_is_not_believed(service: Service) -> None:
    await service.register("ada")
    data = {"user_id": 1, "topic_count": 9, "version": 9}
    await deliver(service, cloud_event("messages", TOPICS[1], data))
    assert await counts(service) == (0, 0)


async def test_the_snapshot_has_everyone_as_events_tell_of_him(service: Service) -> None:
    ada, bob = await service.person("ada"), await service.person("bob")
    await bob.erase()
    request = {"operation": "snapshot", "of": "users"}
    answer = await service.internal("/internal/snapshot", request)
    first, *cards = [from_json(line) for line in answer.text.splitlines()]
    assert set(first) == {"seq"}
    assert cards == [service.told(person.id)[-1] for person in (ada, bob)]
    assert "@" not in answer.text


@pytest.mark.parametrize("path", ["/internal/events", "/internal/snapshot"])
async def test_an_unsigned_call_is_refused(service: Service, path: str) -> None:
    assert (await service.client.post(path, json=[])).status_code == 401
