"""Many at once: positions without a gap, counters without a loss, names without a double."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx

from .client import PASSWORD, Guest, Person, eventually, word
from .conftest import MakePerson
from .shapes import problem


def at_once(number: int, request: Callable[[int], httpx.Response]) -> list[httpx.Response]:
    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(request, range(number)))


def test_fifty_posts_at_once_get_positions_1_to_50(guest: Guest, somebody: MakePerson) -> None:
    people = [somebody() for _ in range(2)]
    topic = people[0].open_topic()

    def post(number: int) -> httpx.Response:
        body = {"topic_id": topic["id"], "body": f"Answer {number}"}
        return people[number % 2].post("/api/messages", json=body)

    answers = at_once(50, post)
    assert {answer.status_code for answer in answers} == {201}
    assert sorted(answer.json()["position"] for answer in answers) == list(range(1, 51))
    listed = guest.pages("/api/messages", topic_id=topic["id"], limit=20)
    assert [message["position"] for message in listed] == list(range(1, 51))
    path = f"/api/topics/{topic['id']}"
    eventually(lambda: guest.read(path)["message_count"] == 50)


def test_a_name_that_ten_want_at_once_goes_to_one(guest: Guest) -> None:
    name = word("p")

    def register(number: int) -> httpx.Response:
        email = f"{name}.{number}@forum.example"
        body = {"username": name, "email": email, "password": PASSWORD}
        return guest.post("/api/users", json=body)

    answers = at_once(10, register)
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 9]


def test_a_reaction_sent_many_times_at_once_counts_once(
    guest: Guest, alice: Person, bob: Person
) -> None:
    path = f"/api/messages/{alice.answer(alice.open_topic())['id']}"
    answers = at_once(10, lambda number: (alice, bob)[number % 2].put(f"{path}/reactions/👍"))
    assert {answer.status_code for answer in answers} == {204}
    assert guest.read(path)["reactions"] == {"👍": 2}


def test_a_refresh_token_sent_many_times_at_once_works_once(newcomer: MakePerson) -> None:
    person = newcomer()
    body = {"refresh_token": person.refresh_token}
    answers = at_once(10, lambda _: person.guest().post("/api/users/sessions/refresh", json=body))
    assert [answer.status_code for answer in answers].count(201) == 1
    for answer in answers:
        if answer.status_code != 201:
            problem(answer, 401, "refresh_failed")


def test_deletions_and_posts_at_once_are_counted_right(guest: Guest, alice: Person) -> None:
    topic = alice.open_topic()
    first = [alice.answer(topic) for _ in range(5)]
    tags = [alice.etag(f"/api/messages/{message['id']}") for message in first]

    def work(number: int) -> httpx.Response:
        if number < 5:
            path = f"/api/messages/{first[number]['id']}"
            return alice.delete(path, headers=tags[number])
        return alice.post("/api/messages", json={"topic_id": topic["id"], "body": "New"})

    answers = at_once(15, work)
    assert sorted(answer.status_code for answer in answers) == [*[201] * 10, *[204] * 5]
    path = f"/api/topics/{topic['id']}"
    eventually(lambda: guest.read(path)["message_count"] == 10)
