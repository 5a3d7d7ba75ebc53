"""Roles and suspensions: who may do what to whom.

That the last admin stays one is not tried here: on a forum in use it might be true.
"""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from .client import Guest, Person, await_moderation, eventually, promote
from .conftest import MakePerson
from .shapes import problem, refused


def in_future(**time: float) -> str:
    return (datetime.now(UTC) + timedelta(**time)).isoformat()


def suspend(moderator: Person, person: Person, until: str | None = None) -> None:
    body = {"reason": "For the test", "until": until}
    moderator.do("PUT", f"/api/users/{person.id}/suspension", json=body)


def test_a_moderator_changes_and_deletes_what_others_wrote(
    alice: Person, moderator: Person
) -> None:
    topic = alice.open_topic()
    message = alice.answer(topic)
    for path in (f"/api/messages/{message['id']}", f"/api/topics/{topic['id']}"):
        changed = moderator.change(path, body="Moderated")
        assert changed.status_code == 200
        assert changed.json()["author"]["id"] == alice.id
        assert moderator.remove(path).status_code == 204


def test_a_suspended_person_reads_but_writes_nothing(
    guest: Guest, newcomer: MakePerson, moderator: Person
) -> None:
    person = newcomer()
    topic = person.open_topic()
    message = person.answer(topic)
    topic_path, message_path = f"/api/topics/{topic['id']}", f"/api/messages/{message['id']}"
    suspend(moderator, person, in_future(days=1))
    assert guest.read(f"/api/users/{person.id}")["state"] == "suspended"

    new_topic = {"title": "A title", "body": "Text", "category": "general", "tags": []}
    new_message = {"topic_id": topic["id"], "body": "Text"}
    eventually(lambda: problem(person.post("/api/topics", json=new_topic), 403, "suspended"))
    eventually(lambda: problem(person.post("/api/messages", json=new_message), 403, "suspended"))
    for path in (topic_path, message_path):
        problem(person.change(path, body="Edited"), 403, "suspended")
        problem(person.remove(path), 403, "suspended")
    problem(person.put(f"{message_path}/reactions/👍"), 403, "suspended")
    problem(person.delete(f"{message_path}/reactions/👍"), 403, "suspended")
    problem(person.change("/api/users/me", bio="Edited"), 403, "suspended")
    eventually(lambda: guest.read(topic_path)["author"]["state"] == "suspended")
    eventually(lambda: guest.read(message_path)["author"]["state"] == "suspended")

    person.log_in()
    assert person.read("/api/users/me")["state"] == "suspended"
    assert person.read(topic_path)["body"] == topic["body"]
    change = {"current_password": person.password, "new_password": "another password"}
    person.do("PUT", "/api/users/me/password", json=change)
    person.do("DELETE", f"/api/users/sessions/{person.session_id}")

    for _ in range(2):
        moderator.do("DELETE", f"/api/users/{person.id}/suspension")
    assert guest.read(f"/api/users/{person.id}")["state"] == "active"
    eventually(lambda: person.post("/api/topics", json=new_topic).status_code == 201)
    eventually(lambda: person.post("/api/messages", json=new_message).status_code == 201)
    eventually(lambda: guest.read(topic_path)["author"]["state"] == "active")


def test_a_suspended_person_may_erase_himself(newcomer: MakePerson, moderator: Person) -> None:
    person = newcomer()
    suspend(moderator, person)
    person.do("DELETE", "/api/users/me", json={"password": person.password})


def test_a_suspension_ends_by_itself(guest: Guest, newcomer: MakePerson, moderator: Person) -> None:
    person = newcomer()
    topic = person.open_topic()
    suspend(moderator, person, in_future(seconds=3))
    new = {"topic_id": topic["id"], "body": "Text"}
    eventually(lambda: problem(person.post("/api/messages", json=new), 403, "suspended"))
    eventually(lambda: person.post("/api/messages", json=new).status_code == 201, within=5)
    assert guest.read(f"/api/users/{person.id}")["state"] == "active"
    eventually(lambda: guest.read(f"/api/topics/{topic['id']}")["author"]["state"] == "active")


def test_a_suspension_may_be_for_good(
    guest: Guest, newcomer: MakePerson, moderator: Person
) -> None:
    person = newcomer()
    path = f"/api/users/{person.id}/suspension"
    moderator.do("PUT", path, json={"reason": "No end is said"})
    assert guest.read(f"/api/users/{person.id}")["state"] == "suspended"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reason", ""),
        ("reason", None),
        ("reason", "a" * 501),
        ("reason", "two\nlines"),
        ("until", "2001-01-01T00:00:00Z"),
        ("until", "tomorrow"),
        ("until", "2099-01-01T00:00:00"),
        ("until", 4070908800),
        ("severity", "high"),
    ],
)
def test_suspending_refuses(alice: Person, moderator: Person, field: str, value: object) -> None:
    body = {"reason": "For the test", "until": in_future(days=1), field: value}
    refused(moderator.put(f"/api/users/{alice.id}/suspension", json=body), f"/{field}")


def test_only_moderators_suspend_and_never_their_equals(
    guest: Guest, alice: Person, bob: Person, moderator: Person, admin: Person
) -> None:
    body = {"reason": "For the test", "until": None}

    def suspension(person: Person) -> str:
        return f"/api/users/{person.id}/suspension"

    problem(guest.put(suspension(alice), json=body), 401)
    problem(guest.delete(suspension(alice)), 401)
    problem(bob.put(suspension(alice), json=body), 403, "role_required")
    problem(bob.delete(suspension(alice)), 403, "role_required")
    for person in (moderator, admin):
        problem(moderator.put(suspension(person), json=body), 403)
        problem(admin.put(suspension(admin), json=body), 403)


def test_an_unknown_person_can_be_neither_suspended_nor_promoted(
    moderator: Person, admin: Person
) -> None:
    body = {"reason": "For the test", "until": None}
    for unknown in (999999999999, 10**30):
        problem(moderator.put(f"/api/users/{unknown}/suspension", json=body), 404)
        problem(moderator.delete(f"/api/users/{unknown}/suspension"), 404)
        problem(admin.put(f"/api/users/{unknown}/role", json={"role": "member"}), 404)


def test_an_admin_gives_and_takes_roles(guest: Guest, newcomer: MakePerson, admin: Person) -> None:
    person, author = newcomer(), newcomer()
    promote(admin, person, "moderator")
    assert guest.read(f"/api/users/{person.id}")["role"] == "moderator"
    await_moderation(person, author)

    topic = author.open_topic()
    message = author.answer(topic)
    promote(admin, person, "member")
    assert guest.read(f"/api/users/{person.id}")["role"] == "member"
    for path in (f"/api/topics/{topic['id']}", f"/api/messages/{message['id']}"):
        eventually(partial(is_refused, person, path))


def is_refused(person: Person, path: str) -> bool:
    return bool(problem(person.patch(path, json={}), 403, "not_yours"))


def test_a_role_works_without_a_new_token(newcomer: MakePerson, admin: Person) -> None:
    person, author = newcomer(), newcomer()
    admin.do("PUT", f"/api/users/{person.id}/role", json={"role": "moderator"})
    await_moderation(person, author)


def test_an_admin_may_make_an_admin_who_steps_back(
    guest: Guest, newcomer: MakePerson, admin: Person
) -> None:
    person = newcomer()
    promote(admin, person, "admin")
    assert guest.read(f"/api/users/{person.id}")["role"] == "admin"
    person.do("PUT", f"/api/users/{person.id}/role", json={"role": "member"})
    assert guest.read(f"/api/users/{person.id}")["role"] == "member"


def test_only_admins_give_roles(guest: Guest, alice: Person, moderator: Person) -> None:
    path, body = f"/api/users/{alice.id}/role", {"role": "moderator"}
    problem(guest.put(path, json=body), 401)
    problem(alice.put(path, json=body), 403, "role_required")
    problem(moderator.put(path, json=body), 403, "role_required")


@pytest.mark.parametrize("body", [{"role": "king"}, {"role": None}, {}])
def test_a_role_is_one_of_three(alice: Person, admin: Person, body: dict[str, object]) -> None:
    refused(admin.put(f"/api/users/{alice.id}/role", json=body), "/role")
