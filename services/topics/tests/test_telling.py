"""What the service tells others: each new state of a topic, each new count of a person's topics."""

import pytest
from topics_harness import Service


async def test_every_version_of_a_topic_is_told(service: Service) -> None:
    topic = await service.open(title="First title")
    path = f"/{topic['id']}"
    await service.ask("PATCH", path, json={"title": "Second title"})
    await service.ask("PUT", f"{path}/lock", user_id=2, role="moderator")
    await service.ask("DELETE", f"{path}/lock", user_id=2, role="moderator")
    await service.ask("PUT", f"{path}/pin", user_id=2, role="moderator")
    await service.ask("DELETE", path)
    told = service.told("topic.updated")
    assert [set(state) for state in told] == [{"id", "title", "locked", "deleted", "version"}] * 6
    assert [(state["title"], state["locked"], state["deleted"]) for state in told] == [
        ("First title", False, False),
        ("Second title", False, False),
        ("Second title", True, False),
        ("Second title", False, False),
        ("Second title", False, False),
        ("Second title", False, True),
    ]
    assert [state["version"] for state in told] == [1, 2, 3, 4, 5, 6]


async def test_what_changes_nothing_tells_nothing(service: Service) -> None:
    topic = await service.open(title="A title")
    path = f"/{topic['id']}"
    unchanged = await service.ask("PATCH", path, json={"title": "A title", "tags": []})
    assert unchanged.json() == topic
    assert (await service.ask("PATCH", path, json={})).json() == topic
    assert (await service.ask("DELETE", f"{path}/pin", 2, "admin")).status_code == 204
    assert (await service.ask("PATCH", path, user_id=3, json={"title": "B"})).status_code == 403
    assert len(service.told("topic.updated")) == 1


async def test_a_refused_topic_counts_nowhere_and_tells_nothing(service: Service) -> None:
    new = {"title": "A title", "body": "Text", "category": "nowhere"}
    refused = await service.ask("POST", "", json=new, headers={"Idempotency-Key": "a"})
    assert refused.status_code == 422
    for nothing in (
        "SELECT * FROM topics",
        "SELECT * FROM outbox",
        "SELECT * FROM authors",
        "SELECT * FROM idempotency_keys",
    ):
        assert service.rows(nothing) == []


async def test_a_persons_topics_are_counted_with_the_change(service: Service) -> None:
    first = await service.open(user_id=1)
    await service.open(user_id=1)
    await service.open(user_id=2)
    await service.ask("DELETE", f"/{first['id']}", user_id=3, role="moderator")
    counts = [(each["user_id"], each["topic_count"]) for each in service.told("topics.counted")]
    assert counts == [(1, 1), (1, 2), (2, 1), (1, 1)]
    versions = [each["version"] for each in service.told("topics.counted") if each["user_id"] == 1]
    assert versions == [1, 2, 3]


async def test_a_topic_that_moves_is_counted_in_its_new_category(service: Service) -> None:
    for slug in ("aside", "zoo"):
        await service.ask("POST", "/categories", role="admin", json={"slug": slug, "name": slug})
    topic = await service.open(category="general")

    async def counts() -> list[int]:
        return [each["topic_count"] for each in (await service.read("/categories"))["items"]]

    for category, expected in (("aside", [1, 0, 0]), ("zoo", [0, 0, 1]), ("general", [0, 1, 0])):
        await service.ask("PATCH", f"/{topic['id']}", json={"category": category})
        assert await counts() == expected
    refused = await service.ask("PATCH", f"/{topic['id']}", json={"category": "nowhere"})
    assert (refused.status_code, await counts()) == (422, [0, 1, 0])


@pytest.mark.parametrize(
    ("method", "path", "body", "action"),
    [
        ("PATCH", "", {"title": "Better title"}, "topic.change"),
        ("DELETE", "", None, "topic.delete"),
        ("PUT", "/lock", None, "topic.lock"),
        ("PUT", "/pin", None, "topic.pin"),
    ],
)
async def test_what_moderators_do_is_in_the_audit_log(
    service: Service, method: str, path: str, body: object, action: str
) -> None:
    topic = await service.open(user_id=1)
    asked = f"/{topic['id']}{path}"
    assert (await service.ask(method, asked, 2, "moderator", json=body)).is_success
    [line] = service.rows("SELECT actor_id, action, target_id FROM audit_log")
    assert line == {"actor_id": 2, "action": action, "target_id": topic["id"]}


async def test_what_authors_do_is_not_in_the_audit_log(service: Service) -> None:
    topic = await service.open(user_id=1)
    await service.ask("PATCH", f"/{topic['id']}", json={"title": "Better title"})
    await service.ask("DELETE", f"/{topic['id']}")
    assert service.rows("SELECT * FROM audit_log") == []
