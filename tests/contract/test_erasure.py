"""Erasing oneself: the name and the person go, the text stays."""

from .client import PASSWORD, Guest, Person, eventually, word
from .conftest import MakePerson
from .shapes import is_user, problem, refused


def erase(person: Person) -> None:
    person.do("DELETE", "/api/users/me", json={"password": person.password})


def test_erasing_oneself_asks_for_the_password(alice: Person) -> None:
    wrong = alice.delete("/api/users/me", json={"password": "not the password"})
    problem(wrong, 403, "wrong_password")
    refused(alice.delete("/api/users/me", json={}), "/password")
    assert alice.read("/api/users/me")["state"] == "active"


def test_an_erased_person_leaves_a_card_without_a_name(guest: Guest, newcomer: MakePerson) -> None:
    person = newcomer()
    avatar = "https://pictures.example/a.png"
    person.change("/api/users/me", display_name="Real Name", bio="My life", avatar_url=avatar)
    erase(person)
    user = guest.read(f"/api/users/{person.id}")
    assert is_user(user)
    gone = f"deleted-{person.id}"
    assert (user["username"], user["display_name"], user["state"]) == (gone, gone, "erased")
    assert (user["bio"], user["avatar_url"]) == ("", None)
    assert guest.items("/api/users", ids=person.id) == [user]
    assert guest.items("/api/users", q=person.username) == []
    assert person.id not in {each["id"] for each in guest.pages("/api/users", limit=100)}
    assert guest.items("/api/users", q=gone) == []


def test_the_text_of_an_erased_person_stays_without_the_name(
    guest: Guest, newcomer: MakePerson
) -> None:
    person = newcomer()
    topic = person.open_topic(body="A topic that stays")
    message = person.answer(topic, "An answer that stays")
    erase(person)
    topic_path, message_path = f"/api/topics/{topic['id']}", f"/api/messages/{message['id']}"
    gone = f"deleted-{person.id}"
    card = {
        "id": person.id,
        "username": gone,
        "display_name": gone,
        "avatar_url": None,
        "state": "erased",
    }
    eventually(lambda: guest.read(topic_path)["author"] == card)
    eventually(lambda: guest.read(topic_path)["last_author"] == card)
    eventually(lambda: guest.read(message_path)["author"] == card)
    assert guest.read(topic_path)["body"] == "A topic that stays"
    assert guest.read(message_path)["body"] == "An answer that stays"
    assert guest.items(f"{message_path}/revisions")[0]["editor"] == card


def test_an_erased_person_can_do_nothing_more(newcomer: MakePerson) -> None:
    person = newcomer()
    topic = person.open_topic()
    erase(person)
    login = {"login": person.username, "password": person.password}
    for name in (person.username, person.email, f"deleted-{person.id}"):
        answer = person.guest().post("/api/users/sessions", json={**login, "login": name})
        problem(answer, 401, "login_failed")
    refresh = {"refresh_token": person.refresh_token}
    answer = person.guest().post("/api/users/sessions/refresh", json=refresh)
    problem(answer, 401, "refresh_failed")
    problem(person.get("/api/users/me"), 401, "account_erased")
    problem(person.patch("/api/users/me", json={"bio": "x"}), 401, "account_erased")
    new_topic = {"title": "A title", "body": "Text", "category": "general", "tags": []}
    new_message = {"topic_id": topic["id"], "body": "Text"}
    eventually(lambda: problem(person.post("/api/topics", json=new_topic), 401, "account_erased"))
    eventually(
        lambda: problem(person.post("/api/messages", json=new_message), 401, "account_erased")
    )


def test_the_name_of_an_erased_person_is_never_used_again(
    guest: Guest, newcomer: MakePerson
) -> None:
    person = newcomer()
    erase(person)
    for name in (person.username, person.username.upper()):
        body = {"username": name, "email": f"{word()}@forum.example", "password": PASSWORD}
        problem(guest.post("/api/users", json=body), 409, "username_taken")


def test_nobody_is_called_like_an_erased_person(guest: Guest, newcomer: MakePerson) -> None:
    person = newcomer()
    erase(person)
    name = f"Deleted-{person.id}"
    body = {"username": name, "email": f"{word()}@forum.example", "password": PASSWORD}
    assert guest.post("/api/users", json=body).status_code in (409, 422)


def test_a_kept_answer_does_not_bring_an_erased_person_back(guest: Guest) -> None:
    name, headers = word("p"), {"Idempotency-Key": word("key-")}
    body = {"username": name, "email": f"{name}@forum.example", "password": PASSWORD}
    assert guest.post("/api/users", json=body, headers=headers).status_code == 201
    person = Person(guest.http, guest.address, username=name).log_in()
    erase(person)
    again = guest.post("/api/users", json=body, headers=headers)
    problem(again, 409, "username_taken")


def test_an_erased_person_can_be_neither_suspended_nor_promoted(
    newcomer: MakePerson, moderator: Person, admin: Person
) -> None:
    person = newcomer()
    erase(person)
    path = f"/api/users/{person.id}"
    body = {"reason": "For the test", "until": None}
    problem(moderator.put(f"{path}/suspension", json=body), 410)
    problem(admin.put(f"{path}/role", json={"role": "moderator"}), 410)
