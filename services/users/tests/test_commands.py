"""`python -m users.admin`: the first admin, and a new password where there is no e-mail yet."""

import asyncio
import os
import sys

import psycopg
import pytest
from users_harness import PASSWORD, Service

from chassis.testing import SECRET, eventually


async def admin(
    service: Service, *arguments: str, typed: str = "", **environment: str
) -> tuple[int | None, str]:
    """Run the command: its exit status and what it says."""
    variables = {
        **os.environ,
        "ENVIRONMENT": "development",
        "DATABASE_URL": service.url,
        "IDEMPOTENCY_SECRET": SECRET,
        "INTERNAL_SECRETS": SECRET,
        "TOPICS_URL": "http://topics",
        "MESSAGES_URL": "http://messages",
        **environment,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "users.admin", *arguments, env=variables,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate(typed.encode())
    return process.returncode, said.decode()


async def test_promote_makes_an_admin_once(service: Service) -> None:
    ada = await service.person("Ada")
    for expected in ("is an admin now", "is an admin already"):
        status, said = await admin(service, "promote", "ADA")
        assert (status, expected in said) == (0, True), said
    assert (await ada.me())["role"] == "admin"
    assert [card["role"] for card in service.told(ada.id)] == ["member", "admin"]
    [line] = service.rows("SELECT actor_id, action, target_id FROM audit_log")
    assert line == {"actor_id": None, "action": "user.role_changed", "target_id": ada.id}


async def test_set_password_replaces_it_and_ends_all_sessions(service: Service) -> None:
    ada = await service.person("ada")
    status, said = await admin(service, "set-password", "ada", typed="twelve letters\n")
    assert status == 0, said
    assert "twelve letters" not in said
    assert (await service.log_in("ada")).status_code == 401
    assert (await service.log_in("ada", "twelve letters")).status_code == 201
    assert (await service.refresh(ada.refresh_token)).status_code == 401


async def test_what_cannot_be_done_is_said_and_changes_nothing(service: Service) -> None:
    bob = await service.person("bob")
    await bob.erase()
    await service.register("ada")
    for arguments, typed, expected in (
        (("promote", "nobody"), "", "no person with the username 'nobody'"),
        (("promote", f"deleted-{bob.id}"), "", "no person"),
        (("set-password", "ada"), "short\n", "at least 10 characters"),
        (("set-password", "ada"), "", "at least 10 characters"),
    ):
        status, said = await admin(service, *arguments, typed=typed)
        assert (status, expected in said) == (1, True), said
        assert "Traceback" not in said
    assert (await service.log_in("ada", PASSWORD)).status_code == 201


async def test_a_database_that_is_away_is_said(service: Service) -> None:
    away = "postgresql://127.0.0.1:9/none"
    status, said = await admin(service, "promote", "ada", DATABASE_URL=away)
    assert (status, "database does not answer" in said) == (1, True), said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("command", "typed"), [("promote", ""), ("set-password", "twelve letters\n")]
)
async def test_a_command_that_waits_for_an_erasure_changes_nothing(
    service: Service, command: str, typed: str
) -> None:
    await service.register("ada")
    with psycopg.connect(service.url) as erasure:
        erasure.execute(
            "UPDATE users SET username = 'deleted-1', password_hash = NULL, erased_at = now()"
        )
        waiting = asyncio.create_task(admin(service, command, "ada", typed=typed))
        await eventually(service.is_blocked, within=20)
        erasure.commit()
    status, said = await waiting
    assert (status, "'ada' has just been erased" in said) == (1, True), said
    [row] = service.rows("SELECT role, password_hash FROM users")
    assert row == {"role": "member", "password_hash": None}
