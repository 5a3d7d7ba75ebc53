"""ETags: not sending again what the client has, and never overwriting what it has not seen."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from .client import Guest, Person, eventually
from .conftest import MakePerson
from .shapes import problem


@pytest.fixture
def owner(newcomer: MakePerson) -> Person:
    """Somebody whose counters stand still: what others wrote is counted a while later."""
    return newcomer()


@pytest.fixture(params=["user", "me", "topic", "message"])
def thing(request: pytest.FixtureRequest, owner: Person) -> str:
    """The path of a single thing that is the owner's."""
    if request.param == "user":
        return f"/api/users/{owner.id}"
    if request.param == "me":
        return "/api/users/me"
    topic = owner.open_topic()
    if request.param == "topic":
        return f"/api/topics/{topic['id']}"
    return f"/api/messages/{owner.answer(topic)['id']}"


def test_what_the_client_has_is_not_sent_again(owner: Person, thing: str) -> None:
    tag = owner.get(thing).headers["ETag"]
    for known in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        response = owner.get(thing, headers={"If-None-Match": known})
        assert (response.status_code, response.content) == (304, b""), known
        assert response.headers["ETag"] == tag


def test_what_the_client_has_not_is_sent(owner: Person, thing: str) -> None:
    tag = owner.get(thing).headers["ETag"]
    version = tag.strip('"').partition(".")[0]
    for other in ('"other"', f'"{version}.0000"', tag.strip('"'), "garbage"):
        response = owner.get(thing, headers={"If-None-Match": other})
        assert response.status_code == 200, other
        assert "Content-Encoding" not in response.headers


def test_a_head_is_a_get_without_its_body(owner: Person, thing: str) -> None:
    whole, head = owner.get(thing), owner.request("HEAD", thing)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("ETag", "Content-Type", "Content-Length"):
        assert head.headers[name] == whole.headers[name]


@pytest.fixture(params=["me", "topic", "message"])
def mine(request: pytest.FixtureRequest, newcomer: MakePerson) -> tuple[Person, str, str]:
    """Somebody, the path of what he may change, and the name of a field of it."""
    person = newcomer()
    if request.param == "me":
        return person, "/api/users/me", "bio"
    topic = person.open_topic()
    if request.param == "topic":
        return person, f"/api/topics/{topic['id']}", "body"
    return person, f"/api/messages/{person.answer(topic)['id']}", "body"


def test_a_change_needs_to_say_on_what(mine: tuple[Person, str, str]) -> None:
    person, path, field = mine
    problem(person.patch(path, json={field: "New"}), 428, "precondition_required")
    assert person.read(path)[field] != "New"


def test_a_weak_tag_is_not_enough_for_a_change(mine: tuple[Person, str, str]) -> None:
    person, path, field = mine
    weak = {"If-Match": "W/" + person.etag(path)["If-Match"]}
    problem(person.patch(path, json={field: "New"}, headers=weak), 412, "precondition_failed")


def test_a_change_is_answered_whole_whatever_the_client_has(mine: tuple[Person, str, str]) -> None:
    person, path, field = mine
    headers = person.etag(path) | {"If-None-Match": "*"}
    response = person.patch(path, json={field: "New"}, headers=headers)
    assert (response.status_code, response.json()[field]) == (200, "New")


def test_a_change_on_something_old_is_refused(mine: tuple[Person, str, str]) -> None:
    person, path, field = mine
    old = person.etag(path)
    assert person.change(path, **{field: "Second"}).status_code == 200
    problem(person.patch(path, json={field: "Third"}, headers=old), 412, "precondition_failed")
    assert person.read(path)[field] == "Second"


def test_another_tag_is_refused(mine: tuple[Person, str, str]) -> None:
    person, path, field = mine
    for tag in ('"999.0000000000000000"', '"x"', "x", "", '""', 'W/"1"'):
        response = person.patch(path, json={field: "New"}, headers={"If-Match": tag})
        problem(response, 412, "precondition_failed")


def test_a_tag_that_the_change_answered_is_good_for_the_next(
    mine: tuple[Person, str, str],
) -> None:
    person, path, field = mine
    tag = person.change(path, **{field: "Second"}).headers["ETag"]
    response = person.patch(path, json={field: "Third"}, headers={"If-Match": tag})
    assert response.status_code == 200


def test_of_two_changes_on_one_version_one_wins(mine: tuple[Person, str, str]) -> None:
    person, path, field = mine
    tag = person.etag(path)
    with ThreadPoolExecutor(2) as pool:
        answers = list(
            pool.map(
                lambda text: person.patch(path, json={field: text}, headers=tag), ["One", "Two"]
            )
        )
    assert sorted(answer.status_code for answer in answers) == [200, 412]
    [winner] = [answer.json()[field] for answer in answers if answer.status_code == 200]
    assert person.read(path)[field] == winner


@pytest.mark.parametrize("kind", ["topic", "message"])
def test_deleting_needs_to_say_what(alice: Person, kind: str) -> None:
    topic = alice.open_topic()
    path = f"/api/topics/{topic['id']}"
    if kind == "message":
        path = f"/api/messages/{alice.answer(topic)['id']}"
    problem(alice.delete(path), 428, "precondition_required")
    old = alice.etag(path)
    alice.change(path, body="Changed")
    problem(alice.delete(path, headers=old), 412, "precondition_failed")
    alice.do("DELETE", path, headers=alice.etag(path))


def test_a_counter_that_moved_changes_the_tag_but_refuses_no_edit(
    guest: Guest, alice: Person
) -> None:
    topic = alice.open_topic()
    path = f"/api/topics/{topic['id']}"
    before = guest.get(path).headers["ETag"]
    alice.answer(topic)
    eventually(lambda: guest.read(path)["message_count"] == 1)
    fresh = guest.get(path, headers={"If-None-Match": before})
    assert fresh.status_code == 200
    assert fresh.headers["ETag"] != before
    edit = alice.patch(path, json={"title": "Edited"}, headers={"If-Match": before})
    assert edit.status_code == 200


def test_a_reaction_changes_the_tag_but_refuses_no_edit(alice: Person, bob: Person) -> None:
    path = f"/api/messages/{alice.answer(alice.open_topic())['id']}"
    before = alice.etag(path)
    bob.do("PUT", f"{path}/reactions/👍")
    assert alice.etag(path) != before
    assert alice.patch(path, json={"body": "Edited"}, headers=before).status_code == 200
