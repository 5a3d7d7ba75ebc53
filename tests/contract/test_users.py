"""Registration, profiles, the list of people, passwords."""

import pytest

from .client import PASSWORD, Guest, Person, eventually, word
from .conftest import MakePerson
from .shapes import SINGLE_TAG, is_user, problem, refused


def registration(**fields: object) -> dict[str, object]:
    name = word("p")
    body = {"username": name, "email": f"{name}@forum.example", "password": PASSWORD}
    return {**body, **fields}


def test_registering_makes_a_member(guest: Guest) -> None:
    response = guest.post("/api/users", json=registration(username=(name := word("p"))))
    assert response.status_code == 201
    user = response.json()
    assert response.headers["Location"] == f"/api/users/{user['id']}"
    assert is_user(user)
    assert (user["username"], user["display_name"]) == (name, name)
    assert (user["role"], user["state"], user["bio"]) == ("member", "active", "")
    assert user["avatar_url"] is None
    assert (user["topic_count"], user["message_count"]) == (0, 0)
    assert user["created_at"] == user["updated_at"]


def test_a_person_may_choose_a_display_name_at_registration(guest: Guest) -> None:
    response = guest.post("/api/users", json=registration(display_name="Ada Lovelace"))
    assert response.json()["display_name"] == "Ada Lovelace"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", "ab"),
        ("username", "a" * 31),
        ("username", "no spaces"),
        ("username", "naïve"),
        ("username", "dot.dot"),
        ("username", 5),
        ("username", None),
        ("email", "not an address"),
        ("email", "two@at@signs.example"),
        ("email", ""),
        ("password", "nine char"),
        ("password", "a" * 129),
        ("display_name", ""),
        ("display_name", "a" * 81),
        ("display_name", "two\nlines"),
        ("nickname", "unknown field"),
    ],
)
def test_registration_refuses(guest: Guest, field: str, value: object) -> None:
    refused(guest.post("/api/users", json=registration(**{field: value})), f"/{field}")


def test_registration_names_every_missing_field(guest: Guest) -> None:
    refused(guest.post("/api/users", json={}), "/username", "/email", "/password")


@pytest.mark.parametrize("username", ["abc", "A-b_9"])
def test_short_and_odd_usernames_are_fine(guest: Guest, username: str) -> None:
    # Short names run out, so one that is taken is as good an answer.
    response = guest.post("/api/users", json=registration(username=username))
    assert response.status_code == 201 or problem(response, 409, "username_taken")


@pytest.mark.parametrize("password", ["ten chars.", "x" * 128, "💖" * 10])
def test_passwords_at_the_limits_are_fine(guest: Guest, password: str) -> None:
    assert guest.post("/api/users", json=registration(password=password)).status_code == 201


def test_a_username_belongs_to_one_person_whatever_its_case(guest: Guest, alice: Person) -> None:
    for name in (alice.username, alice.username.upper()):
        response = guest.post("/api/users", json=registration(username=name))
        problem(response, 409, "username_taken")


def test_an_email_belongs_to_one_person_whatever_its_case(guest: Guest, alice: Person) -> None:
    for email in (alice.email, alice.email.upper()):
        problem(guest.post("/api/users", json=registration(email=email)), 409, "email_taken")


def test_everyone_can_read_a_profile_but_not_its_email(guest: Guest, alice: Person) -> None:
    response = guest.get(f"/api/users/{alice.id}")
    assert response.status_code == 200
    assert is_user(response.json())
    assert response.json()["username"] == alice.username
    assert SINGLE_TAG.fullmatch(response.headers["ETag"])


def test_an_unknown_person_is_404(guest: Guest) -> None:
    problem(guest.get("/api/users/999999999999"), 404)


def test_one_reads_ones_own_profile_with_its_email(alice: Person) -> None:
    me = alice.read("/api/users/me")
    assert is_user(me, "email")
    assert (me["id"], me["email"]) == (alice.id, alice.email)


def test_one_changes_ones_profile(guest: Guest, newcomer: MakePerson) -> None:
    person = newcomer()
    changes = {
        "display_name": "Grace Hopper",
        "bio": "Line one\nLine two",
        "avatar_url": "https://pictures.example/grace.png",
        "email": f"{word()}@forum.example",
    }
    response = person.change("/api/users/me", **changes)
    assert response.status_code == 200
    assert is_user(response.json(), "email")
    assert changes.items() <= response.json().items()
    assert response.json()["updated_at"] > response.json()["created_at"]
    assert response.headers["ETag"] == person.get("/api/users/me").headers["ETag"]
    shown = guest.read(f"/api/users/{person.id}")
    assert shown["display_name"] == "Grace Hopper"
    assert "email" not in shown


def test_a_change_of_one_field_leaves_the_others(newcomer: MakePerson) -> None:
    person = newcomer()
    person.change("/api/users/me", bio="About me", avatar_url="http://pictures.example/a.png")
    changed = person.change("/api/users/me", avatar_url=None).json()
    assert (changed["bio"], changed["avatar_url"]) == ("About me", None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("display_name", ""),
        ("display_name", None),
        ("display_name", "a" * 81),
        ("bio", "a" * 2001),
        ("avatar_url", "javascript:alert(1)"),
        ("avatar_url", "data:image/png;base64,AAAA"),
        ("avatar_url", "https://pictures.example/" + "a" * 500),
        ("email", "nobody"),
        ("username", "another"),
        ("role", "admin"),
    ],
)
def test_a_profile_refuses(alice: Person, field: str, value: object) -> None:
    refused(alice.change("/api/users/me", **{field: value}), f"/{field}")


def test_an_email_of_another_person_cannot_be_taken(alice: Person, bob: Person) -> None:
    problem(alice.change("/api/users/me", email=bob.email.upper()), 409, "email_taken")


def test_a_profile_needs_a_token(guest: Guest) -> None:
    problem(guest.get("/api/users/me"), 401)
    problem(guest.patch("/api/users/me", json={}), 401)
    problem(guest.delete("/api/users/me", json={"password": PASSWORD}), 401)
    problem(guest.put("/api/users/me/password", json={}), 401)


def test_people_are_found_by_the_start_of_their_name(guest: Guest, newcomer: MakePerson) -> None:
    first, second = newcomer(), newcomer()
    assert [
        person["id"] for person in guest.items("/api/users", q=first.username[:-2].upper())
    ] == [first.id]
    common = guest.pages("/api/users", q="p", limit=100)
    assert {first.id, second.id} <= {person["id"] for person in common}
    names = [person["username"].lower() for person in common]
    assert names == sorted(names)
    assert all(is_user(person) for person in common)


def test_a_prefix_is_no_pattern(guest: Guest) -> None:
    assert guest.items("/api/users", q="%") == []
    assert guest.items("/api/users", q="___") == []


def test_people_are_listed_in_order_of_id(guest: Guest, alice: Person) -> None:
    ids = [person["id"] for person in guest.pages("/api/users", limit=100)]
    assert ids == sorted(set(ids))
    assert alice.id in ids


def test_people_are_fetched_by_id_and_unknown_ones_left_out(
    guest: Guest, alice: Person, bob: Person
) -> None:
    ids = f"{bob.id},{alice.id},999999999999,{10**30}"
    found = guest.read("/api/users", ids=ids)
    assert {person["id"] for person in found["items"]} == {alice.id, bob.id}
    assert found["next_cursor"] is None


def test_up_to_a_hundred_ids_are_one_page(guest: Guest) -> None:
    people = guest.items("/api/users", limit=100)
    found = guest.read("/api/users", ids=",".join(str(person["id"]) for person in people))
    assert {each["id"] for each in found["items"]} == {person["id"] for person in people}
    assert found["next_cursor"] is None


@pytest.mark.parametrize("ids", ["1,two", ",".join(["1"] * 101), "1.5"])
def test_a_list_of_ids_refuses(guest: Guest, ids: str) -> None:
    problem(guest.get("/api/users", params={"ids": ids}), 422)


def test_a_profile_counts_topics_and_messages(guest: Guest, newcomer: MakePerson) -> None:
    person = newcomer()
    topics = [person.open_topic(), person.open_topic()]
    messages = [person.answer(topics[0]), person.answer(topics[1]), person.answer(topics[1])]

    def counts() -> tuple[int, int]:
        user = guest.read(f"/api/users/{person.id}")
        return user["topic_count"], user["message_count"]

    eventually(lambda: counts() == (2, 3))
    person.remove(f"/api/messages/{messages[0]['id']}")
    eventually(lambda: counts() == (2, 2))
    person.remove(f"/api/topics/{topics[1]['id']}")
    eventually(lambda: counts() == (1, 2))


def test_author_cards_follow_the_profile(guest: Guest, newcomer: MakePerson) -> None:
    person = newcomer()
    topic = person.open_topic()
    message = person.answer(topic)
    person.change(
        "/api/users/me", display_name="New Name", avatar_url="https://pictures.example/n.png"
    )
    expected = {
        "id": person.id,
        "username": person.username,
        "display_name": "New Name",
        "avatar_url": "https://pictures.example/n.png",
        "state": "active",
    }
    eventually(lambda: guest.read(f"/api/topics/{topic['id']}")["author"] == expected)
    eventually(lambda: guest.read(f"/api/topics/{topic['id']}")["last_author"] == expected)
    eventually(lambda: guest.read(f"/api/messages/{message['id']}")["author"] == expected)


def test_a_new_password_replaces_the_old_one(newcomer: MakePerson) -> None:
    person = newcomer()
    new = "another password"
    change = {"current_password": person.password, "new_password": new}
    person.do("PUT", "/api/users/me/password", json=change)
    old = {"login": person.username, "password": person.password}
    problem(person.guest().post("/api/users/sessions", json=old), 401, "login_failed")
    person.password = new
    person.log_in()


def test_a_new_password_ends_all_other_sessions(newcomer: MakePerson) -> None:
    person = newcomer()
    lost = person.refresh_token
    person.log_in()
    change = {"current_password": person.password, "new_password": "another password"}
    person.do("PUT", "/api/users/me/password", json=change)
    assert [session["current"] for session in person.items("/api/users/sessions")] == [True]
    refresh = "/api/users/sessions/refresh"
    problem(person.guest().post(refresh, json={"refresh_token": lost}), 401, "refresh_failed")
    kept = person.guest().post(refresh, json={"refresh_token": person.refresh_token})
    assert kept.status_code == 201


def test_a_new_password_asks_for_the_old_one(alice: Person) -> None:
    change = {"current_password": "not the password", "new_password": "another password"}
    problem(alice.put("/api/users/me/password", json=change), 403, "wrong_password")
    alice.log_in()


@pytest.mark.parametrize("password", ["short", "a" * 129, 1234567890])
def test_a_new_password_refuses(alice: Person, password: object) -> None:
    change = {"current_password": alice.password, "new_password": password}
    refused(alice.put("/api/users/me/password", json=change), "/new_password")
