"""Logging in, refreshing, passwords: races, timing, and what is kept."""

import asyncio
import statistics
import time

import psycopg
from users_harness import PASSWORD, Service, users_service

from chassis.testing import eventually


async def test_of_one_refresh_token_used_at_once_one_use_wins(service: Service) -> None:
    ada = await service.person("ada")
    answers = await asyncio.gather(*(service.refresh(ada.refresh_token) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, 401, 401, 401, 401, 401]


async def test_reuse_of_a_refresh_token_ends_its_session_and_no_other(service: Service) -> None:
    ada = await service.person("ada")
    other = await service.logged_in("ada", ada.id)
    fresh = (await service.refresh(ada.refresh_token)).json()["refresh_token"]
    assert (await service.refresh(ada.refresh_token)).status_code == 401
    assert (await service.refresh(fresh)).json()["code"] == "refresh_failed"
    assert (await service.refresh(other.refresh_token)).status_code == 201
    [revoked] = service.rows("SELECT id FROM sessions WHERE revoked_at IS NOT NULL")
    assert revoked["id"] == ada.session_id


async def test_refreshing_prolongs_a_session_and_an_expired_one_is_over(service: Service) -> None:
    ada = await service.person("ada")
    service.rows("UPDATE sessions SET expires_at = now() + interval '1 hour'")
    token = (await service.refresh(ada.refresh_token)).json()["refresh_token"]
    [kept] = service.rows("SELECT expires_at > now() + interval '29 days' AS long FROM sessions")
    assert kept["long"]
    service.rows("UPDATE sessions SET expires_at = now() - interval '1 second'")
    assert (await service.refresh(token)).status_code == 401
    assert (await ada.request("GET", "/api/users/sessions")).json()["items"] == []


async def test_a_refreshed_token_says_the_new_role(service: Service) -> None:
    admin, ada = await service.person("root", "admin"), await service.person("ada")
    await admin.request("PUT", f"/api/users/{ada.id}/role", {"role": "moderator"})
    ada.access_token = (await service.refresh(ada.refresh_token)).json()["access_token"]
    assert (await ada.me())["role"] == "moderator"


async def test_tokens_and_passwords_are_kept_as_hashes_alone(service: Service) -> None:
    ada = await service.person("ada")
    [row] = service.rows("SELECT users::text AS text FROM users")
    assert PASSWORD not in row["text"]
    assert "$argon2id$v=19$m=19456,t=2,p=1$" in row["text"]
    [token] = service.rows("SELECT hash, length(hash) AS bytes FROM refresh_tokens")
    assert token["bytes"] == 32
    assert ada.refresh_token.encode() not in bytes(token["hash"])


async def test_unknown_and_known_accounts_take_the_same_time(service: Service) -> None:
    await service.register("ada")
    times: dict[str, list[float]] = {"ada": [], "nobody": []}
    await service.log_in("ada", "a wrong password")
    for _ in range(40):
        for login, taken in times.items():
            started = time.perf_counter()
            answer = await service.log_in(login, "a wrong password")
            taken.append(time.perf_counter() - started)
            assert answer.json()["code"] == "login_failed"
    # Other work of the machine only adds time: the low percentiles are what an attacker compares
    # (Crosby, Wallach and Riedi, "Opportunities and Limits of Remote Timing Attacks", 2009).
    known, unknown = (statistics.quantiles(taken, n=10)[0] for taken in times.values())
    assert abs(known - unknown) < 0.1 * known, (known, unknown)


async def test_logins_do_not_hold_up_other_requests(service: Service) -> None:
    await service.register("ada")
    logins = [asyncio.create_task(service.log_in("ada")) for _ in range(12)]
    answered_meanwhile = 0
    while not all(login.done() for login in logins):
        assert (await service.client.get("/livez")).status_code == 200
        answered_meanwhile += 1
        # /livez waits for nothing, so that this loop would never let the logins go on.
        await asyncio.sleep(0)
    assert answered_meanwhile > len(logins)


async def test_both_names_of_an_account_share_one_limit(database_url: str) -> None:
    async with users_service(database_url, logins_per_account=4) as service:
        await service.register("ada")
        logins = ["ada", "ada@forum.example", "ADA", "Ada@Forum.Example", "ada"]
        codes = [(await service.log_in(login, "a guess")).status_code for login in logins]
        assert codes == [401, 401, 401, 401, 429]


async def test_the_owner_gets_in_from_another_address(database_url: str) -> None:
    async with users_service(
        database_url, logins_per_account=2, trusted_proxies="127.0.0.0/8"
    ) as service:
        await service.register("ada")
        body = {"login": "ada", "password": "a guess"}
        guesser, owner = ({"X-Forwarded-For": address} for address in ("192.0.2.1", "192.0.2.2"))
        for expected in (401, 401, 429):
            answer = await service.client.post("/api/users/sessions", json=body, headers=guesser)
            assert answer.status_code == expected
        right = {"login": "ada", "password": PASSWORD}
        answer = await service.client.post("/api/users/sessions", json=right, headers=owner)
        assert answer.status_code == 201


async def test_a_login_that_waits_for_a_new_password_fails(service: Service) -> None:
    await service.register("ada")
    with psycopg.connect(service.url) as change:
        change.execute("UPDATE users SET password_hash = 'another one'")
        waiting = asyncio.create_task(service.log_in("ada"))
        await eventually(service.is_blocked)
        change.commit()
    assert (await waiting).json()["code"] == "login_failed"
    assert service.rows("SELECT id FROM sessions") == []


async def test_of_two_new_passwords_at_once_one_holds(service: Service) -> None:
    ada = await service.person("ada")
    passwords = ["another password", "yet another one"]
    answers = await asyncio.gather(
        *(
            ada.request(
                "PUT",
                "/api/users/me/password",
                {"current_password": PASSWORD, "new_password": password},
            )
            for password in passwords
        )
    )
    assert sorted(answer.status_code for answer in answers) == [204, 403]
    logins = [await service.log_in("ada", password) for password in passwords]
    assert sorted(login.status_code for login in logins) == [201, 401]


async def test_an_odd_user_agent_is_kept_readable(service: Service) -> None:
    await service.register("ada")
    await service.client.post(
        "/api/users/sessions",
        json={"login": "ada", "password": PASSWORD},
        headers={"User-Agent": "odd\tagent" + "x" * 1000},
    )
    [session] = service.rows("SELECT user_agent FROM sessions")
    assert session["user_agent"].startswith("oddagent")
    assert len(session["user_agent"]) == 300


async def test_a_refresh_that_meets_an_erasure_fails(service: Service) -> None:
    ada = await service.person("ada")
    with psycopg.connect(service.url) as erasure:
        erasure.execute("SELECT id FROM sessions FOR UPDATE")
        waiting = asyncio.create_task(service.refresh(ada.refresh_token))
        await eventually(service.is_blocked)
        # Its tokens go with it: whoever waits for the session must not hold one.
        erasure.execute("DELETE FROM sessions")
        erasure.commit()
    assert (await waiting).json()["code"] == "refresh_failed"


async def test_refreshes_and_an_erasure_at_once_all_get_their_answer(service: Service) -> None:
    for name in ("ada", "bob", "cleo"):
        person = await service.person(name)
        tokens = [(await service.logged_in(name, person.id)).refresh_token for _ in range(3)]
        erasure, *refreshes = await asyncio.gather(
            person.erase(), *(service.refresh(token) for token in tokens * 2)
        )
        assert erasure.status_code == 204
        assert {answer.status_code for answer in refreshes} <= {201, 401}
    assert service.rows("SELECT * FROM refresh_tokens") == []
