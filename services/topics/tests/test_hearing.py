"""What the service does with what users and messages tell it: newest wins, once is enough."""

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
from topics_harness import Service, activity, cloud_event, user

from chassis.testing import eventually


async def test_a_card_is_made_of_the_token_until_users_tells(service: Service) -> None:
    topic = await service.open(user_id=1)
    made = {
        "id": 1, "username": "claimed-1", "display_name": "claimed-1", "avatar_url": None,
        "state": "active",
    }  # fmt: skip
    assert topic["author"] == made
    avatar = "https://pictures.test/1.png"
    await service.hear("users", user(1, display_name="One", avatar_url=avatar))
    told = {**made, "username": "name-1", "display_name": "One", "avatar_url": avatar}
    assert (await service.read(f"/{topic['id']}"))["author"] == told
    assert [item["author"] for item in (await service.read())["items"]] == [told]


async def test_a_token_does_not_touch_a_card_that_users_told(service: Service) -> None:
    await service.hear("users", user(1))
    assert (await service.open(user_id=1))["author"]["username"] == "name-1"


async def test_a_card_keeps_its_newest_version_whatever_comes_when(service: Service) -> None:
    topic = await service.open(user_id=1)
    newest = user(1, version=5, display_name="Newest")
    await service.hear("users", user(1, version=3), newest, user(1, version=4), newest)
    assert (await service.read(f"/{topic['id']}"))["author"]["display_name"] == "Newest"


async def test_a_card_leaves_the_count_of_topics_alone(service: Service) -> None:
    await service.open(user_id=1)
    await service.hear("users", user(1))
    await service.open(user_id=1)
    assert service.told("topics.counted") == [
        {"user_id": 1, "topic_count": 1, "version": 1},
        {"user_id": 1, "topic_count": 2, "version": 2},
    ]


async def test_a_suspension_works_as_soon_as_it_is_heard(service: Service) -> None:
    topic = await service.open(user_id=1)
    await service.hear("users", user(1, state="suspended"))
    for method, path, body in (
        ("POST", "", {"title": "A title", "body": "Text", "category": "general"}),
        ("PATCH", f"/{topic['id']}", {"title": "Another"}),
        ("DELETE", f"/{topic['id']}", None),
    ):
        refused = await service.ask(method, path, json=body)
        assert (refused.status_code, refused.json()["code"]) == (403, "suspended")
    assert (await service.read(f"/{topic['id']}"))["author"]["state"] == "suspended"
    await service.hear("users", user(1, version=2))
    assert (await service.ask("PATCH", f"/{topic['id']}", json={"title": "Mine"})).is_success


async def test_a_suspension_ends_by_the_clock(service: Service) -> None:
    topic = await service.open(user_id=1)
    past, future = ((datetime.now(UTC) + timedelta(hours=hours)).isoformat() for hours in (-1, 1))
    await service.hear("users", user(1, state="suspended", suspended_until=past))
    assert (await service.read(f"/{topic['id']}"))["author"]["state"] == "active"
    assert (await service.ask("PATCH", f"/{topic['id']}", json={"title": "Mine"})).is_success
    await service.hear("users", user(1, version=2, state="suspended", suspended_until=future))
    assert (await service.read(f"/{topic['id']}"))["author"]["state"] == "suspended"
    assert (await service.ask("DELETE", f"/{topic['id']}")).status_code == 403


async def test_a_role_is_the_cards_once_users_has_told(service: Service) -> None:
    topic = await service.open(user_id=1)
    pin = f"/{topic['id']}/pin"
    assert (await service.ask("PUT", pin, user_id=2, role="moderator")).status_code == 204
    await service.hear("users", user(2))
    assert (await service.ask("DELETE", pin, user_id=2, role="moderator")).status_code == 403
    await service.hear("users", user(2, version=2, role="admin"))
    assert (await service.ask("DELETE", pin, user_id=2)).status_code == 204


async def test_an_erased_person_is_nobody_and_leaves_no_answers_behind(service: Service) -> None:
    once = {"Idempotency-Key": "a"}
    await service.open(user_id=2)
    new = {"title": "A title", "body": "Text", "category": "general"}
    made = await service.ask("POST", "", json=new, headers=once)
    assert made.status_code == 201
    erased = user(1, version=9, username="deleted-1", display_name="deleted-1", state="erased")
    await service.hear("users", erased)
    assert service.rows("SELECT * FROM idempotency_keys WHERE owner = 'user:1'") == []
    for path in ("", "/categories"):
        refused = await service.ask("POST", path, json=new, headers=once)
        assert (refused.status_code, refused.json()["code"]) == (401, "account_erased")
    unknown = await service.ask("DELETE", "/999")
    assert unknown.status_code == 401
    author = (await service.read(f"/{made.json()['id']}"))["author"]
    assert (author["username"], author["state"]) == ("deleted-1", "erased")


async def test_who_is_erased_while_he_opens_a_topic_leaves_no_answer_behind(
    service: Service,
) -> None:
    await service.hear("users", user(1))
    new = {"title": "A title", "body": "A text", "category": "general", "tags": []}
    with psycopg.connect(service.url) as holder:
        holder.execute("SELECT FROM categories FOR UPDATE")
        opening = asyncio.create_task(
            service.ask("POST", "", json=new, headers={"Idempotency-Key": "a"})
        )

        async def waits() -> bool:
            return bool(
                service.rows(
                    "SELECT pid FROM pg_stat_activity"
                    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
                )
            )

        await eventually(waits)
        await service.hear("users", user(1, version=2, state="erased"))
    answer = await opening
    assert (answer.status_code, answer.json()["code"]) == (401, "account_erased")
    assert service.rows("SELECT key FROM idempotency_keys UNION ALL SELECT title FROM topics") == []


async def test_activity_moves_a_topic_up_and_never_back(service: Service) -> None:
    first, second = [await service.open(user_id=1) for _ in range(2)]
    latest = activity(first["id"], version=3, message_count=7)
    await service.hear("messages", activity(first["id"], version=2), latest)
    await service.hear("messages", activity(first["id"], version=1), latest)
    listed = (await service.read())["items"]
    assert [item["id"] for item in listed] == [first["id"], second["id"]]
    read = await service.read(f"/{first['id']}")
    assert (read["message_count"], read["last_activity_at"]) == (7, "2031-01-01T00:00:03Z")
    assert read["version"] == first["version"]


async def test_a_topic_without_messages_was_active_when_it_was_opened(service: Service) -> None:
    topic = await service.open()
    nothing = {"message_count": 0, "last_activity_at": None, "last_author_id": None}
    await service.hear(
        "messages", activity(topic["id"]), activity(topic["id"], version=2, **nothing)
    )
    read = await service.read(f"/{topic['id']}")
    assert (read["message_count"], read["last_author"]) == (0, None)
    assert read["last_activity_at"] == read["created_at"]


async def test_a_last_author_without_a_card_has_a_name_all_the_same(service: Service) -> None:
    topic = await service.open()
    await service.hear("messages", activity(topic["id"], last_author_id=77))
    unheard = {
        "id": 77, "username": "user-77", "display_name": "user-77", "avatar_url": None,
        "state": "active",
    }  # fmt: skip
    assert (await service.read())["items"][0]["last_author"] == unheard
    assert (await service.read(f"/{topic['id']}"))["last_author"] == unheard
    await service.hear("users", user(77))
    assert (await service.read(f"/{topic['id']}"))["last_author"]["username"] == "name-77"


async def test_an_event_that_makes_no_sense_is_named_and_blocks_no_other(service: Service) -> None:
    topic = await service.open()
    broken = cloud_event("messages", {"topic_id": topic["id"], "message_count": "many"})
    wrong_role = cloud_event("users", user(3, role="emperor"))
    good = cloud_event("messages", activity(topic["id"], message_count=4))
    refused = await service.deliver(broken, wrong_role, good)
    assert {each["id"] for each in refused} == {broken["id"], wrong_role["id"]}
    assert (await service.read(f"/{topic['id']}"))["message_count"] == 4


async def test_activity_of_a_deleted_topic_does_not_bring_it_back(service: Service) -> None:
    topic = await service.open()
    await service.ask("DELETE", f"/{topic['id']}")
    await service.hear("messages", activity(topic["id"]))
    assert (await service.client.get(f"/api/topics/{topic['id']}")).status_code == 410
    assert (await service.read())["items"] == []
