"""The monolith's people: races, keys, erasure and commands, which the contract cannot see."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import jwt
import psycopg
import pytest
from psycopg.rows import dict_row
from pydantic import SecretStr

from chassis import openapi
from chassis.testing import SECRET, Databases, eventually, running
from monolith.app import create_app
from monolith.openapi import FILE
from monolith.openapi import settings as openapi_settings
from monolith.settings import MIGRATIONS, Settings
from monolith.users import signing

PASSWORD = "correct horse battery"


@dataclass
class Person:
    """Somebody who is logged in."""

    client: httpx.AsyncClient
    id: int
    access_token: str
    refresh_token: str

    async def request(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """A request of this person, of whatever version there is."""
        headers = {"Authorization": f"Bearer {self.access_token}", "If-Match": "*"}
        return await self.client.request(method, path, json=body, headers=headers)

    async def erase(self) -> int:
        """Erase himself; the status."""
        body = {"password": PASSWORD}
        return (await self.request("DELETE", "/api/users/me", body)).status_code


@dataclass
class Forum:
    """The running monolith."""

    client: httpx.AsyncClient
    url: str

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """What the database says, past the API."""
        with psycopg.connect(self.url, autocommit=True, row_factory=dict_row) as conn:
            cursor = conn.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    async def is_blocked(self) -> bool:
        """Whether anything waits for a lock."""
        return bool(self.rows("SELECT pid FROM pg_locks WHERE NOT granted"))

    async def log_in(self, login: str, password: str = PASSWORD) -> httpx.Response:
        """Try to log in."""
        body = {"login": login, "password": password}
        return await self.client.post("/api/users/sessions", json=body)

    async def person(self, name: str, role: str = "member") -> Person:
        """Somebody new, logged in, with a role."""
        body = {"username": name, "email": f"{name}@forum.example", "password": PASSWORD}
        headers = {"Idempotency-Key": name}
        made = (await self.client.post("/api/users", json=body, headers=headers)).json()
        self.rows("UPDATE users SET role = %s WHERE id = %s", (role, made["id"]))
        tokens = (await self.log_in(name)).json()
        return Person(self.client, made["id"], tokens["access_token"], tokens["refresh_token"])

    async def refresh(self, token: str) -> int:
        """Use a refresh token; the status."""
        path, body = "/api/users/sessions/refresh", {"refresh_token": token}
        return (await self.client.post(path, json=body)).status_code

    async def command(self, *arguments: str, typed: str = "") -> tuple[int | None, str]:
        """Run `python -m monolith.…`: its exit status and what it says."""
        variables = {
            "ENVIRONMENT": "development", "DATABASE_URL": self.url, "IDEMPOTENCY_SECRET": SECRET,
        }  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *arguments, env={**os.environ, **variables},
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await process.communicate(typed.encode())
        return process.returncode, said.decode()


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """The URL of a new database."""
    url = databases.create(MIGRATIONS)
    yield url
    databases.drop(url)


@pytest.fixture
async def forum(database_url: str) -> AsyncIterator[Forum]:
    """The running monolith."""
    settings = Settings(
        environment="development",
        database_url=SecretStr(database_url),
        idempotency_secret=SecretStr(SECRET),
    )
    async with running(create_app(settings)) as client:
        yield Forum(client, database_url)


async def test_of_two_admins_who_demote_each_other_at_once_one_stays(forum: Forum) -> None:
    ada, bob = await forum.person("ada", "admin"), await forum.person("bob", "admin")
    answers = await asyncio.gather(
        ada.request("PUT", f"/api/users/{bob.id}/role", {"role": "member"}),
        bob.request("PUT", f"/api/users/{ada.id}/role", {"role": "member"}),
    )
    assert sorted(answer.status_code for answer in answers) == [204, 403]
    assert len(forum.rows("SELECT id FROM users WHERE role = 'admin'")) == 1


async def test_of_two_admins_who_erase_themselves_at_once_one_stays(forum: Forum) -> None:
    admins = [await forum.person(name, "admin") for name in ("ada", "bob")]
    assert sorted(await asyncio.gather(*(admin.erase() for admin in admins))) == [204, 409]


async def test_an_admin_who_is_suspended_is_none_to_leave_the_forum_to(forum: Forum) -> None:
    root, ada = await forum.person("root", "admin"), await forum.person("ada", "admin")
    forum.rows("UPDATE users SET suspended = true WHERE id = %s", (ada.id,))
    path = f"/api/users/{root.id}/role"
    answer = await root.request("PUT", path, {"role": "member"})
    assert answer.json()["code"] == "last_admin"
    assert await root.erase() == 409
    assert await ada.erase() == 204


async def test_a_refresh_that_meets_an_erasure_fails(forum: Forum) -> None:
    ada = await forum.person("ada")
    with psycopg.connect(forum.url) as erasure:
        erasure.execute("SELECT id FROM sessions FOR UPDATE")
        waiting = asyncio.create_task(forum.refresh(ada.refresh_token))
        await eventually(forum.is_blocked)
        # Its tokens go with it: whoever waits for the session must not hold one.
        erasure.execute("DELETE FROM sessions")
        erasure.commit()
    assert await waiting == 401


async def test_an_erasure_takes_the_reasons_out_of_the_audit_log(forum: Forum) -> None:
    mona, ada = await forum.person("mona", "moderator"), await forum.person("ada")
    await mona.request("PUT", f"/api/users/{ada.id}/suspension", {"reason": "Spam"})
    assert await ada.erase() == 204
    assert forum.rows("SELECT detail FROM audit_log") == [{"detail": {"until": None}}]


async def test_of_one_refresh_token_used_at_once_one_use_wins(forum: Forum) -> None:
    ada = await forum.person("ada")
    statuses = await asyncio.gather(*(forum.refresh(ada.refresh_token) for _ in range(5)))
    assert sorted(statuses) == [201, 401, 401, 401, 401]
    assert forum.rows("SELECT id FROM sessions WHERE revoked_at IS NULL") == []


async def test_an_erased_person_leaves_a_card_and_the_texts(forum: Forum) -> None:
    ada = await forum.person("ada")
    topic = {"title": "First topic", "body": "Text", "category": "general", "tags": []}
    opened = (await ada.request("POST", "/api/topics", topic)).json()
    assert await ada.erase() == 204
    read = (await forum.client.get(f"/api/topics/{opened['id']}")).json()
    assert read["body"] == "Text"
    assert (read["author"]["username"], read["author"]["state"]) == ("deleted-1", "erased")
    for table in ("sessions", "refresh_tokens", "idempotency_keys"):
        assert forum.rows(f"SELECT * FROM {table}") == []  # noqa: S608 -- names from above
    [row] = forum.rows("SELECT users::text AS text FROM users")
    assert "ada" not in row["text"]
    assert (await forum.log_in("ada")).status_code == 401


async def test_a_suspension_is_recorded_and_known_everywhere_at_once(forum: Forum) -> None:
    mona, ada = await forum.person("mona", "moderator"), await forum.person("ada")
    body = {"reason": "Spam"}
    await mona.request("PUT", f"/api/users/{ada.id}/suspension", body)
    topic = {"title": "First topic", "body": "Text", "category": "general", "tags": []}
    assert (await ada.request("POST", "/api/topics", topic)).json()["code"] == "suspended"
    [line] = forum.rows("SELECT domain, actor_id, action, target_id FROM audit_log")
    assert line == {
        "domain": "users",
        "actor_id": mona.id,
        "action": "user.suspended",
        "target_id": ada.id,
    }


async def test_a_new_key_signs_once_it_was_published_for_a_while(
    forum: Forum, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing, "REREAD_SECONDS", 0)
    ada = await forum.person("ada")
    status, said = await forum.command("monolith.keys", "rotate")
    assert status == 0, said
    keys = (await forum.client.get("/api/users/.well-known/jwks.json")).json()["keys"]
    assert [key["kid"] for key in keys][1:] == [said.split()[0]]
    for moved, expected in ((0, keys[0]["kid"]), (10, keys[1]["kid"])):
        forum.rows(
            "UPDATE signing_keys SET signs_from = signs_from - %s * interval '1 minute'", (moved,)
        )
        token = (await forum.log_in("ada")).json()["access_token"]
        assert jwt.get_unverified_header(token)["kid"] == expected
    assert (await ada.request("GET", "/api/users/me")).status_code == 200


async def test_the_commands_make_an_admin_and_a_password(forum: Forum) -> None:
    ada = await forum.person("ada")
    status, said = await forum.command("monolith.admin", "promote", "ADA")
    assert status == 0, said
    assert (await ada.request("GET", "/api/users/me")).json()["role"] == "admin"
    arguments = ("monolith.admin", "set-password", "ada")
    status, said = await forum.command(*arguments, typed="twelve letters\n")
    assert status == 0, said
    assert (await forum.log_in("ada", "twelve letters")).status_code == 201
    assert await forum.refresh(ada.refresh_token) == 401
    status, said = await forum.command("monolith.admin", "promote", "nobody")
    assert (status, "no person" in said) == (1, True)


async def test_a_command_that_waits_for_an_erasure_changes_nothing(forum: Forum) -> None:
    await forum.person("ada")
    with psycopg.connect(forum.url) as erasure:
        erasure.execute("UPDATE users SET username = 'deleted-1', erased_at = now()")
        waiting = asyncio.create_task(forum.command("monolith.admin", "promote", "ada"))
        await eventually(forum.is_blocked, within=20)
        erasure.commit()
    status, said = await waiting
    assert (status, "'ada' has just been erased" in said) == (1, True), said
    assert forum.rows("SELECT role FROM users") == [{"role": "member"}]


@pytest.mark.parametrize("name", ["users", "topics", "messages"])
async def test_each_prefix_has_its_page(forum: Forum, name: str) -> None:
    page = await forum.client.get(f"/api/{name}/docs")
    assert "openapi.json" in page.text
    document = (await forum.client.get(f"/api/{name}/openapi.json")).json()
    assert "/api/messages/search" in document["paths"]


def test_the_committed_openapi_is_that_of_the_code() -> None:
    assert FILE.read_text(encoding="utf-8") == openapi.text(create_app(openapi_settings()))
