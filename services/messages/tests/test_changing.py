"""Edits, deletions and reactions: what they keep, count and tell."""

import asyncio
from datetime import datetime

from messages_harness import Service

ACTIVITY = "io.forum.topic.activity.v1"
COUNTED = "io.forum.messages.counted.v1"


async def test_an_edit_keeps_the_old_body_and_says_who_wrote_which(service: Service) -> None:
    message = await service.posted(body="First")
    await service.hear_user(2, role="moderator")
    await service.change("PATCH", message["id"], json={"body": "Second"})
    await service.change("PATCH", message["id"], user_id=2, json={"body": "Third"})
    path = f"/api/messages/{message['id']}/revisions"
    revisions = (await service.client.get(path)).json()["items"]
    assert [(item["version"], item["body"], item["editor"]["id"]) for item in revisions] == [
        (3, "Third", 2),
        (2, "Second", 1),
        (1, "First", 1),
    ]
    assert revisions[2]["edited_at"] == message["created_at"]
    shown = (await service.client.get(f"/api/messages/{message['id']}")).json()
    assert revisions[0]["edited_at"] == shown["edited_at"]
    page = (await service.client.get(path, params={"limit": 2})).json()
    rest = await service.client.get(path, params={"limit": 2, "cursor": page["next_cursor"]})
    assert [*page["items"], *rest.json()["items"]] == revisions


async def test_what_moderators_do_is_in_the_audit_log_and_what_authors_do_is_not(
    service: Service,
) -> None:
    await service.hear_user(2, role="moderator")
    own = await service.posted(user_id=2)
    message = await service.posted(user_id=1)
    await service.change("PATCH", own["id"], user_id=2, json={"body": "Mine"})
    await service.change("PATCH", message["id"], user_id=2, json={"body": "Moderated"})
    await service.change("DELETE", message["id"], user_id=2)
    log = service.rows("SELECT actor_id, action, target_id, detail FROM audit_log ORDER BY id")
    assert log == [
        {
            "actor_id": 2,
            "action": action,
            "target_id": message["id"],
            "detail": {"author_id": 1, "version": version},
        }
        for action, version in [("message.edited", 1), ("message.deleted", 2)]
    ]


async def test_the_card_knows_a_role_better_than_the_token(service: Service) -> None:
    message = await service.posted(user_id=1)
    edit = {"json": {"body": "Changed"}}
    by_token = await service.change("PATCH", message["id"], 2, role="moderator", **edit)
    assert by_token.status_code == 200
    await service.hear_user(2, role="member")
    demoted = await service.change("PATCH", message["id"], 2, role="moderator", **edit)
    assert (demoted.status_code, demoted.json()["code"]) == (403, "not_yours")
    await service.hear_user(3, role="admin")
    promoted = await service.change("PATCH", message["id"], 3, role="member", **edit)
    assert promoted.status_code == 200


async def test_a_tombstone_keeps_its_place_and_nothing_else(service: Service) -> None:
    message = await service.posted(body="Secret words")
    await service.change("PATCH", message["id"], json={"body": "Other words"})
    path = f"/api/messages/{message['id']}"
    await service.client.put(f"{path}/reactions/👍", headers=service.caller())
    assert (await service.change("DELETE", message["id"])).status_code == 204
    shown = (await service.client.get(path)).json()
    assert (shown["body"], shown["body_html"], shown["reactions"]) == ("", "", {})
    assert shown["deleted_at"] is not None
    assert shown["version"] == 3
    assert service.rows("SELECT 1 FROM revisions UNION ALL SELECT 1 FROM reactions") == []
    again = await service.change("DELETE", message["id"])
    assert (again.status_code, again.json()["code"]) == (410, "message_deleted")
    assert (await service.posted())["position"] == 2


async def test_deleting_the_newest_moves_the_topic_back_to_the_one_before(
    service: Service,
) -> None:
    messages = [await service.posted(user_id=user) for user in (1, 2, 3)]
    for index in (1, 2, 0):
        await service.change("DELETE", messages[index]["id"], user_id=index + 1)
    told = service.outbox(ACTIVITY)[3:]
    assert [
        (event["version"], event["message_count"], event["last_author_id"]) for event in told
    ] == [(4, 2, 3), (5, 1, 1), (6, 0, None)]
    assert told[1]["last_activity_at"] == datetime.fromisoformat(messages[0]["created_at"])
    assert told[2]["last_activity_at"] is None
    assert service.outbox(COUNTED)[-1] == {"user_id": 1, "message_count": 0, "version": 2}


async def test_posts_edits_and_deletions_at_once_count_right(service: Service) -> None:
    messages = [await service.posted(user_id=n % 3) for n in range(12)]
    answers = await asyncio.gather(
        *(service.change("DELETE", message["id"], user_id=n % 3) for n, message in
          enumerate(messages[:6])),
        *(service.post(user_id=n % 3) for n in range(6)),
        *(service.change("PATCH", message["id"], user_id=n % 3, json={"body": "Edited"})
          for n, message in enumerate(messages)),
    )  # fmt: skip
    assert {answer.status_code for answer in answers} <= {200, 201, 204, 410}
    [topic] = service.rows("SELECT message_count, last_position, activity_version FROM topics")
    assert topic == {"message_count": 12, "last_position": 18, "activity_version": 24}
    counted = service.rows("SELECT message_count FROM authors ORDER BY id")
    assert [row["message_count"] for row in counted] == [4, 4, 4]


async def test_two_edits_of_one_version_one_wins(service: Service) -> None:
    message = await service.posted()
    shown = await service.client.get(f"/api/messages/{message['id']}")
    headers = {**service.caller(), "If-Match": shown.headers["etag"]}
    path = f"/api/messages/{message['id']}"
    answers = await asyncio.gather(
        *(service.client.patch(path, json={"body": body}, headers=headers) for body in "ab")
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412]


async def test_a_reaction_moves_the_etag_and_does_not_refuse_an_edit(service: Service) -> None:
    message = await service.posted()
    path = f"/api/messages/{message['id']}"
    before = (await service.client.get(path)).headers["etag"]
    await service.client.put(f"{path}/reactions/🎉", headers=service.caller(2))
    after = (await service.client.get(path)).headers["etag"]
    assert before != after
    headers = {**service.caller(), "If-Match": before}
    edited = await service.client.patch(path, json={"body": "Edited"}, headers=headers)
    assert edited.status_code == 200


async def test_reactions_at_once_are_counted_once_each(service: Service) -> None:
    message = await service.posted()
    path = f"/api/messages/{message['id']}"
    await asyncio.gather(
        *(service.client.put(f"{path}/reactions/{emoji}", headers=service.caller(user))
          for emoji in "👍🚀" for user in (1, 2, 3, 1, 2, 3))
    )  # fmt: skip
    assert (await service.client.get(path)).json()["reactions"] == {"👍": 3, "🚀": 3}
    for _ in range(2):
        await service.client.delete(f"{path}/reactions/👍", headers=service.caller(1))
    for user in (1, 2, 3):
        await service.client.delete(f"{path}/reactions/🚀", headers=service.caller(user))
    assert (await service.client.get(path)).json()["reactions"] == {"👍": 2}


async def test_which_problem_comes_first(service: Service) -> None:
    message = await service.posted(user_id=1)
    await service.hear_user(2, state="suspended")
    await service.hear_user(3, state="erased")
    path, missing = f"/api/messages/{message['id']}", "/api/messages/999999"
    empty = {"body": ""}

    async def patched(where: str, user_id: int, **headers: str) -> int:
        given = {**service.caller(user_id), **headers}
        return (await service.client.patch(where, headers=given, json=empty)).status_code

    assert (await service.client.patch(missing, json=empty)).status_code == 401
    assert await patched(missing, 3) == 401
    assert await patched(missing, 2) == 404
    assert await patched(path, 2) == 403
    assert await patched(path, 4) == 403
    assert await patched(path, 1) == 428
    assert await patched(path, 1, **{"If-Match": '"9.0123456789abcdef"'}) == 412
    assert await patched(path, 1, **{"If-Match": "*"}) == 422
    await service.change("DELETE", message["id"])
    assert await patched(path, 2) == 410
