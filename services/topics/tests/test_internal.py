"""The calls of other services: refused without a signature, and what they answer."""

import json

import pytest
from topics_harness import Service, user


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("events", []),
        ("snapshot", {"operation": "snapshot", "of": "topics"}),
        ("topic", {"operation": "topic", "id": 1}),
    ],
)
async def test_a_call_that_no_service_signed_is_refused(
    service: Service, path: str, body: object
) -> None:
    plain = await service.client.post(f"/internal/{path}", json=body)
    person = await service.client.post(
        f"/internal/{path}", json=body, headers=service.signer.headers(1, "admin", "admin")
    )
    stranger = await service.internal(f"/internal/{path}", body, secret="b" * 64)
    assert [answer.status_code for answer in (plain, person, stranger)] == [401, 401, 401]


async def test_a_signature_is_good_for_its_operation_alone(service: Service) -> None:
    asked = {"operation": "topic", "id": 1}
    assert (await service.internal("/internal/snapshot", asked)).status_code == 422
    assert (await service.internal("/internal/events", asked)).status_code == 422
    assert (await service.internal("/internal/topic", [])).status_code == 422


async def test_messages_can_ask_for_one_topic(service: Service) -> None:
    topic = await service.open(title="A title")
    asked = {"operation": "topic", "id": topic["id"]}
    answer = await service.internal("/internal/topic", asked)
    [told] = service.told("topic.updated")
    assert answer.json() == told == {
        "id": topic["id"], "title": "A title", "locked": False, "deleted": False, "version": 1,
    }  # fmt: skip
    await service.ask("DELETE", f"/{topic['id']}")
    assert (await service.internal("/internal/topic", asked)).json()["deleted"] is True
    for unknown in (topic["id"] + 1, 10**30):
        answer = await service.internal("/internal/topic", {"operation": "topic", "id": unknown})
        assert answer.status_code == 404


@pytest.mark.parametrize(
    ("of", "kind"), [("topics", "topic.updated"), ("topic_counts", "topics.counted")]
)
async def test_a_snapshot_says_what_the_last_events_said(
    service: Service, of: str, kind: str
) -> None:
    topics = [await service.open(user_id=user_id) for user_id in (1, 1, 2)]
    await service.ask("PUT", f"/{topics[0]['id']}/lock", 3, "moderator")
    await service.ask("DELETE", f"/{topics[1]['id']}", user_id=1)
    newest = {state.get("id") or state["user_id"]: state for state in service.told(kind)}
    answer = await service.internal("/internal/snapshot", {"operation": "snapshot", "of": of})
    first, *states = map(json.loads, answer.text.splitlines())
    assert set(first) == {"seq"}
    assert {state.get("id") or state["user_id"]: state for state in states} == newest


async def test_users_can_ask_who_was_erased(service: Service) -> None:
    await service.hear("users", user(1), user(2, state="erased"), user(3, state="suspended"))
    answer = await service.internal("/internal/snapshot", {"operation": "snapshot", "of": "erased"})
    _, *erased = map(json.loads, answer.text.splitlines())
    assert erased == [{"id": 2}]
