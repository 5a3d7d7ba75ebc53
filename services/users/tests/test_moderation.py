"""Roles and suspensions: ranks, races, the audit log, and what is told."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from users_harness import Service

SUSPENSION = {"reason": "Spam"}


def audit(service: Service) -> list[tuple[int | None, str, int, object]]:
    """The lines of the audit log."""
    rows = service.rows("SELECT actor_id, action, target_id, detail FROM audit_log ORDER BY id")
    return [(r["actor_id"], r["action"], r["target_id"], r["detail"]) for r in rows]


async def test_of_two_admins_who_demote_each_other_at_once_one_stays(service: Service) -> None:
    ada, bob = await service.person("ada", "admin"), await service.person("bob", "admin")
    for _ in range(5):
        answers = await asyncio.gather(
            ada.request("PUT", f"/api/users/{bob.id}/role", {"role": "member"}),
            bob.request("PUT", f"/api/users/{ada.id}/role", {"role": "member"}),
        )
        assert sorted(answer.status_code for answer in answers) == [204, 403]
        assert len(service.rows("SELECT id FROM users WHERE role = 'admin'")) == 1
        service.rows("UPDATE users SET role = 'admin'")


async def test_of_two_admins_who_step_down_at_once_one_stays(service: Service) -> None:
    admins = [await service.person(name, "admin") for name in ("ada", "bob")]
    answers = await asyncio.gather(
        *(
            admin.request("PUT", f"/api/users/{admin.id}/role", {"role": "moderator"})
            for admin in admins
        )
    )
    assert sorted(answer.status_code for answer in answers) == [204, 409]
    assert [answer.json()["code"] for answer in answers if answer.status_code == 409] == [
        "last_admin"
    ]


async def test_a_role_is_told_and_recorded(service: Service) -> None:
    root, ada = await service.person("root", "admin"), await service.person("ada")
    path = f"/api/users/{ada.id}/role"
    for _ in range(2):
        assert (await root.request("PUT", path, {"role": "moderator"})).status_code == 204
    assert audit(service) == [
        (root.id, "user.role_changed", ada.id, {"from": "member", "to": "moderator"})
    ]
    assert [(card["role"], card["version"]) for card in service.told(ada.id)] == [
        ("member", 1),
        ("moderator", 2),
    ]


async def test_a_suspension_is_told_recorded_and_lifted(service: Service) -> None:
    root, ada = await service.person("root", "moderator"), await service.person("ada")
    path = f"/api/users/{ada.id}/suspension"
    assert (await root.request("PUT", path, SUSPENSION)).status_code == 204
    assert (await ada.me())["state"] == "suspended"
    for _ in range(2):
        assert (await root.request("DELETE", path)).status_code == 204
    assert (await ada.me())["state"] == "active"
    assert audit(service) == [
        (root.id, "user.suspended", ada.id, {"reason": "Spam", "until": None}),
        (root.id, "user.suspension_lifted", ada.id, {}),
    ]
    assert [card["state"] for card in service.told(ada.id)] == ["active", "suspended", "active"]


async def test_a_suspension_ends_by_itself(service: Service) -> None:
    root, ada = await service.person("root", "moderator"), await service.person("ada")
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    body = {**SUSPENSION, "until": until}
    await root.request("PUT", f"/api/users/{ada.id}/suspension", body)
    assert service.told(ada.id)[-1]["suspended_until"] == until
    assert (await ada.request("PATCH", "/api/users/me", {"bio": "x"})).status_code == 403
    service.rows("UPDATE users SET suspended_until = now() WHERE suspended")
    assert (await ada.request("PATCH", "/api/users/me", {"bio": "x"})).status_code == 200
    assert (await ada.me())["state"] == "active"


@pytest.mark.parametrize(
    ("actor", "target", "allowed"),
    [
        ("member", "member", False),
        ("moderator", "member", True),
        ("moderator", "moderator", False),
        ("moderator", "admin", False),
        ("admin", "moderator", True),
        ("admin", "admin", False),
    ],
)
async def test_who_may_suspend_whom(
    service: Service, actor: str, target: str, allowed: bool
) -> None:
    one, other = await service.person("one", actor), await service.person("other", target)
    path = f"/api/users/{other.id}/suspension"
    answer = await one.request("PUT", path, SUSPENSION)
    assert answer.status_code == (204 if allowed else 403)
    assert (await one.request("DELETE", path)).status_code == answer.status_code


async def test_the_role_that_counts_is_the_one_of_now(service: Service) -> None:
    root, former = await service.person("root", "admin"), await service.person("former", "admin")
    ada = await service.person("ada")
    await root.request("PUT", f"/api/users/{former.id}/role", {"role": "member"})
    for path, body in (("suspension", SUSPENSION), ("role", {"role": "admin"})):
        answer = await former.request("PUT", f"/api/users/{ada.id}/{path}", body)
        assert answer.json()["code"] == "role_required"


async def test_a_suspended_moderator_moderates_nobody(service: Service) -> None:
    root, mona = await service.person("root", "admin"), await service.person("mona", "moderator")
    ada = await service.person("ada")
    await root.request("PUT", f"/api/users/{mona.id}/suspension", SUSPENSION)
    for target in (ada, mona):
        answer = await mona.request("DELETE", f"/api/users/{target.id}/suspension")
        assert answer.json()["code"] == "suspended"


async def test_the_erased_are_gone_for_moderators(service: Service) -> None:
    root, ada = await service.person("root", "admin"), await service.person("ada")
    await ada.erase()
    for method, path, body in (
        ("PUT", "suspension", SUSPENSION),
        ("DELETE", "suspension", None),
        ("PUT", "role", {"role": "moderator"}),
    ):
        answer = await root.request(method, f"/api/users/{ada.id}/{path}", body)
        assert (answer.status_code, answer.json()["code"]) == (410, "user_erased")


async def test_an_admin_who_is_suspended_is_none_to_leave_the_forum_to(service: Service) -> None:
    root, ada = await service.person("root", "admin"), await service.person("ada")
    await root.request("PUT", f"/api/users/{ada.id}/suspension", SUSPENSION)
    for person, role, expected in (
        (ada, "admin", 204),
        (root, "member", 409),
        (ada, "member", 204),
        (ada, "admin", 204),
    ):
        path = f"/api/users/{person.id}/role"
        answer = await root.request("PUT", path, {"role": role})
        assert answer.status_code == expected, answer.text
    # Once the suspension has ended, there are two.
    service.rows("UPDATE users SET suspended_until = now() WHERE suspended")
    answer = await root.request("PUT", f"/api/users/{root.id}/role", {"role": "member"})
    assert answer.status_code == 204
