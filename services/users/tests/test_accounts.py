"""Registering, changing a profile, erasing oneself: what an API client cannot see of it."""

import asyncio

import psycopg
import pytest
from users_harness import PASSWORD, Service, users_service

from chassis.testing import eventually


async def test_a_registration_is_told_without_the_email_address(service: Service) -> None:
    user_id = (await service.register("Ada")).json()["id"]
    [card] = service.told(user_id)
    assert card == {
        "id": user_id,
        "username": "Ada",
        "display_name": "Ada",
        "avatar_url": None,
        "role": "member",
        "state": "active",
        "suspended_until": None,
        "version": 1,
    }


async def test_a_registration_with_a_key_happens_once(service: Service) -> None:
    key = {"headers": {"Idempotency-Key": "one"}}
    answers = await asyncio.gather(*(service.register("ada", **key) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len(service.rows("SELECT id FROM users")) == 1


async def test_nobody_registers_where_registration_is_closed(database_url: str) -> None:
    async with users_service(database_url, registration="closed") as service:
        answer = await service.register("ada")
    assert (answer.status_code, answer.json()["code"]) == (403, "registration_closed")


async def test_of_one_name_registered_at_once_one_wins(service: Service) -> None:
    answers = await asyncio.gather(
        *(service.register(name) for name in ("ada", "ADA", "Ada", "aDA"))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_names_of_cards_cannot_be_registered(service: Service) -> None:
    assert (await service.register("Deleted-7")).status_code == 422


async def test_a_change_of_the_profile_is_told_with_a_higher_version(service: Service) -> None:
    ada = await service.person("ada")
    await ada.request("PATCH", "/api/users/me", {"display_name": "Ada L.", "bio": "I count."})
    assert [card["version"] for card in service.told(ada.id)] == [1, 2]
    assert service.told(ada.id)[-1]["display_name"] == "Ada L."


async def test_an_erased_person_leaves_nothing_but_a_card(service: Service) -> None:
    ada = await service.person("Ada")
    await ada.request("PATCH", "/api/users/me", {"bio": "I count.", "display_name": "Lovelace"})
    assert (await ada.erase()).status_code == 204

    [row] = service.rows("SELECT * FROM users")
    assert row["username"] == row["display_name"] == f"deleted-{ada.id}"
    assert (row["bio"], row["role"], row["suspended"]) == ("", "member", False)
    for column in ("email", "password_hash", "avatar_url", "suspension_reason"):
        assert row[column] is None
    assert service.rows("SELECT * FROM sessions") == []
    assert service.rows("SELECT * FROM refresh_tokens") == []
    shown = (await service.client.get(f"/api/users/{ada.id}")).json()
    assert (shown["state"], shown["username"]) == ("erased", f"deleted-{ada.id}")


async def test_erasure_scrubs_what_was_told_and_kept(service: Service) -> None:
    key = {"headers": {"Idempotency-Key": "one"}}
    await service.register("ada", **key)
    await service.register("bob", headers={"Idempotency-Key": "two"})
    ada = await service.logged_in("ada", 1)
    await ada.request("PATCH", "/api/users/me", {"display_name": "Lovelace"})
    assert len(service.rows("SELECT * FROM idempotency_keys")) == 2
    await ada.erase()

    told = service.told(ada.id)
    assert {card["state"] for card in told} == {"erased"}
    assert {card["username"] for card in told} == {f"deleted-{ada.id}"}
    assert told[-1]["version"] == 3
    assert [row["user_id"] for row in service.rows("SELECT * FROM idempotency_keys")] == [2]
    assert service.told(2)[0]["username"] == "bob"


async def test_a_dead_letter_about_an_erased_person_says_nothing_of_him(service: Service) -> None:
    ada = await service.person("ada")
    service.rows(
        """
        INSERT INTO dead_letters (subscriber, outbox_id, tries, reason)
        SELECT 'topics', id, 5, 'display_name: string_type' FROM outbox
        """
    )
    await ada.erase()
    [letter] = service.rows(
        "SELECT data FROM dead_letters JOIN outbox ON outbox.id = dead_letters.outbox_id"
    )
    assert letter["data"]["username"] == f"deleted-{ada.id}"


async def test_the_name_of_an_erased_person_is_never_used_again(service: Service) -> None:
    ada = await service.person("Ada")
    await ada.erase()
    answer = await service.register("aDA")
    assert (answer.status_code, answer.json()["code"]) == (409, "username_taken")
    # The e-mail address is nobody's now.
    body = {"username": "lovelace", "email": "Ada@forum.example", "password": PASSWORD}
    assert (await service.client.post("/api/users", json=body)).status_code == 201


async def test_a_registration_that_waits_for_an_erasure_does_not_get_the_name(
    service: Service,
) -> None:
    await service.register("ada")
    with psycopg.connect(service.url) as erasure:
        erasure.execute(
            """
            UPDATE users
            SET username = 'deleted-1', retired_name_hash = sha256('ada')
            WHERE id = 1
            """
        )
        waiting = asyncio.create_task(
            service.client.post(
                "/api/users",
                json={"username": "ada", "email": "new@forum.example", "password": PASSWORD},
            )
        )
        await eventually(service.is_blocked)
        erasure.commit()
    assert (await waiting).json()["code"] == "username_taken"


async def test_the_tokens_of_an_erased_person_end_with_him(service: Service) -> None:
    ada = await service.person("ada")
    await ada.erase()
    for path in ("/api/users/me", "/api/users/sessions"):
        answer = await ada.request("GET", path)
        assert (answer.status_code, answer.json()["code"]) == (401, "account_erased")
    assert (await service.refresh(ada.refresh_token)).status_code == 401
    assert (await service.log_in("ada")).json()["code"] == "login_failed"


@pytest.mark.parametrize("password", ["not the password", ""])
async def test_erasing_asks_for_the_password(service: Service, password: str) -> None:
    ada = await service.person("ada")
    answer = await ada.erase(password)
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_password")
    assert (await ada.me())["state"] == "active"


async def test_of_two_admins_who_erase_themselves_at_once_one_stays(service: Service) -> None:
    admins = [await service.person(name, "admin") for name in ("ada", "bob")]
    answers = await asyncio.gather(*(admin.erase() for admin in admins))
    assert sorted(answer.status_code for answer in answers) == [204, 409]
    assert len(service.rows("SELECT id FROM users WHERE role = 'admin'")) == 1


async def test_an_erasure_takes_the_reasons_out_of_the_audit_log(service: Service) -> None:
    root, ada = await service.person("root", "moderator"), await service.person("ada")
    bob = await service.person("bob")
    for person in (ada, bob):
        body = {"reason": f"{person.username} is known for spam"}
        await root.request("PUT", f"/api/users/{person.id}/suspension", body)
    await ada.erase()
    rows = service.rows("SELECT target_id, detail FROM audit_log ORDER BY id")
    assert [(row["target_id"], row["detail"]) for row in rows] == [
        (ada.id, {"until": None}),
        (bob.id, {"reason": "bob is known for spam", "until": None}),
    ]


async def test_the_last_admin_who_can_act_cannot_erase_himself(service: Service) -> None:
    ada, bob = await service.person("ada", "admin"), await service.person("bob", "admin")
    service.rows("UPDATE users SET suspended = true WHERE id = %s", (bob.id,))
    assert (await ada.erase()).json()["code"] == "last_admin"
    assert (await bob.erase()).status_code == 204
