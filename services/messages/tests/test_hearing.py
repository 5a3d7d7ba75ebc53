"""What the service does with what other services tell it, and what it tells them when asked."""

import itertools
import json
from typing import Any

import pytest
from messages_harness import (
    Service,
    cloud_event,
    moments,
    topic_updated,
    user_updated,
)
from pydantic_core import to_json

from chassis.database import Database
from chassis.internal import InternalClient
from chassis.rebuild import rebuild
from messages.events import projections

CARDS = "SELECT id, display_name, state, version FROM authors ORDER BY id"
GATES = "SELECT id, title, locked, deleted, version FROM topics ORDER BY id"


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_the_newest_state_wins_in_any_order_and_however_often(
    service: Service, order: tuple[int, ...]
) -> None:
    users = [user_updated(5, version, display_name=f"At {version}") for version in (1, 2, 3)]
    topics = [topic_updated(5, version, locked=version == 2) for version in (1, 2, 3)]
    events = [cloud_event("users", users[n]) for n in order]
    events += [cloud_event("topics", topics[n]) for n in order]
    for event in [*events, *events]:
        assert await service.deliver(event) == []
    assert service.rows(CARDS) == [
        {"id": 5, "display_name": "At 3", "state": "active", "version": 3}
    ]
    [_, gate] = service.rows(GATES)[-2:]
    assert (service.rows(GATES)[0]["version"], gate["locked"]) == (3, False)


async def test_an_event_that_cannot_be_read_is_named_and_holds_up_no_other(
    service: Service,
) -> None:
    wrong = cloud_event("users", user_updated(5, role="emperor"))
    right = cloud_event("users", user_updated(6))
    [refusal] = await service.deliver(wrong, right)
    assert refusal["id"] == wrong["id"]
    assert "emperor" not in refusal["reason"]
    assert [row["id"] for row in service.rows(CARDS)] == [6]


async def test_an_event_of_a_type_or_with_fields_of_tomorrow_is_taken(service: Service) -> None:
    tomorrow = {**cloud_event("users", {"id": 1}), "type": "io.forum.user.waved.v1"}
    more = cloud_event("users", user_updated(5, mood="good"))
    assert await service.deliver(tomorrow, more) == []
    assert [row["id"] for row in service.rows(CARDS)] == [5]


async def test_a_topic_is_locked_opened_and_deleted_by_events(service: Service) -> None:
    message = await service.posted()
    await service.hear_topic(7, 2, locked=True)
    assert (await service.post()).json()["code"] == "topic_locked"
    edited = await service.change("PATCH", message["id"], json={"body": "Edited"})
    assert edited.status_code == 200
    await service.hear_topic(7, 3)
    assert (await service.post()).status_code == 201
    await service.hear_topic(7, 4, deleted=True)
    gone = [
        await service.post(),
        await service.client.get("/api/messages", params={"topic_id": 7}),
        await service.client.get(f"/api/messages/{message['id']}"),
        await service.client.get(f"/api/messages/{message['id']}/revisions"),
        await service.change("PATCH", message["id"], json={"body": "Edited"}),
        await service.change("DELETE", message["id"]),
    ]
    assert {(answer.status_code, answer.json()["code"]) for answer in gone} == {
        (410, "topic_deleted")
    }
    for query in ({}, {"author_id": "1"}):
        listed = await service.client.get("/api/messages", params=query)
        assert listed.json()["items"] == []


@pytest.mark.parametrize("path", ["/internal/events", "/internal/snapshot"])
async def test_internal_calls_need_a_signature(service: Service, path: str) -> None:
    body = to_json([]) if path.endswith("events") else to_json({"operation": "snapshot"})
    unsigned = await service.client.post(path, content=body)
    forged = await service.internal(path, body, secret="f" * 64)
    assert (unsigned.status_code, forged.status_code) == (401, 401)
    assert unsigned.json()["code"] == "signature_invalid"


async def test_a_snapshot_says_what_the_events_said(service: Service) -> None:
    await service.hear_topic(8)
    for user in (1, 2):
        for topic in (7, 8, 7):
            await service.posted(topic_id=topic, user_id=user)

    async def snapshot(of: str) -> list[dict[str, Any]]:
        answer = await service.internal(
            "/internal/snapshot", to_json({"operation": "snapshot", "of": of})
        )
        first, *lines = answer.text.splitlines()
        assert json.loads(first)["seq"] >= 0
        return [moments(json.loads(line)) for line in lines]

    for of, kind, subject in (
        ("activity", "io.forum.topic.activity.v1", "topic_id"),
        ("message_counts", "io.forum.messages.counted.v1", "user_id"),
    ):
        newest = {event[subject]: event for event in service.outbox(kind)}
        assert {line[subject]: line for line in await snapshot(of)} == newest
    refused = await service.internal(
        "/internal/snapshot", to_json({"operation": "snapshot", "of": "passwords"})
    )
    assert refused.status_code == 422


async def test_users_can_ask_who_was_erased(service: Service) -> None:
    for user_id, state in ((1, "active"), (2, "erased"), (3, "suspended")):
        await service.hear_user(user_id, state=state)
    answer = await service.internal(
        "/internal/snapshot", to_json({"operation": "snapshot", "of": "erased"})
    )
    _, *erased = map(json.loads, answer.text.splitlines())
    assert erased == [{"id": 2}]


async def rebuilt(service: Service, source: str) -> None:
    """Run the rebuild of what is kept of `source` from what the neighbour's snapshot says."""
    db = Database(service.url, 1)
    await db.open()
    [projection] = [p for p in projections(service.settings) if p.source == source]
    client = InternalClient(projection.url, service.settings.internal_secrets)
    await rebuild(db, client, projection)
    await client.close()
    await db.close()


async def test_a_rebuild_forgets_what_is_not_true_and_keeps_the_counts(service: Service) -> None:
    message = await service.posted(user_id=1)
    await service.hear_user(1, 9, display_name="Restored too late", state="suspended")
    await service.hear_topic(7, 9, locked=True)
    service.topics.snapshot = [user_updated(1, 4, display_name="True"), user_updated(2, 1)]
    await rebuilt(service, "users")
    service.topics.snapshot = [topic_updated(7, 4), topic_updated(8, 1)]
    await rebuilt(service, "topics")
    assert [(row["display_name"], row["version"]) for row in service.rows(CARDS)] == [
        ("True", 4),
        ("Name 2", 1),
    ]
    assert (await service.post(user_id=1)).json()["position"] == 2
    [topic] = service.rows("SELECT message_count, activity_version FROM topics WHERE id = 7")
    assert topic == {"message_count": 2, "activity_version": 2}
    shown = (await service.client.get(f"/api/messages/{message['id']}")).json()
    assert shown["author"]["display_name"] == "True"


async def test_a_rebuild_without_its_owner_changes_nothing(service: Service) -> None:
    await service.hear_user(1, 3, display_name="Kept")
    service.topics.status = 500
    with pytest.raises(Exception, match="500"):
        await rebuilt(service, "users")
    assert service.rows(CARDS)[0]["display_name"] == "Kept"
