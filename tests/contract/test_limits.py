"""How much one may do, and what one is told about it."""

import re
import time
from collections.abc import Callable

import httpx
import pytest

from .client import PASSWORD, Guest, Person, eventually, word
from .conftest import MakePerson
from .shapes import problem

POLICY = re.compile(r'"([a-z_-]+)";q=(\d+);w=(\d+)')
LEFT = re.compile(r'"([a-z_-]+)";r=(\d+);t=(\d+)')


def limit_of(response: httpx.Response) -> tuple[int, int]:
    """What the answer says about its limit: how many there are, and how many are left."""
    policy = POLICY.fullmatch(response.headers["RateLimit-Policy"])
    left = LEFT.fullmatch(response.headers["RateLimit"])
    assert policy is not None
    assert left is not None
    assert policy[1] == left[1]
    assert int(left[3]) >= 1
    return int(policy[2]), int(left[2])


def used_up(attempt: Callable[[], httpx.Response], most: int) -> tuple[int, httpx.Response]:
    """Attempt until the limit; the number of attempts that were let through, and the refusal."""
    for count in range(most + 1):
        response = attempt()
        if response.status_code == 429:
            return count, response
        assert response.status_code < 500
    raise AssertionError(f"{most} attempts were let through")


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/topics"), ("POST", "/api/messages"), ("PATCH", "/api/users/me")],
)
def test_a_burst_of_writes_is_stopped_until_time_has_passed(
    newcomer: MakePerson, method: str, path: str
) -> None:
    person, other = newcomer(), newcomer()
    person.patient = False

    def write() -> httpx.Response:
        # A write that says nothing fails, and counts all the same.
        return person.request(method, path, json={})

    burst, left = limit_of(write())
    assert left == burst - 1
    # While this test runs, a second gives one back.
    count, refusal = used_up(write, most=burst + 30)
    assert burst - 1 <= count
    problem(refusal, 429, "too_many_requests")
    assert limit_of(refusal) == (burst, 0)
    wait = int(refusal.headers["Retry-After"])
    assert 1 <= wait <= 60
    assert person.get("/api/users/me").status_code == 200
    assert other.request(method, path, json={}).status_code != 429
    eventually(lambda: write().status_code != 429, within=wait + 1)


def test_the_limit_of_writes_is_60_and_then_one_a_second(alice: Person) -> None:
    response = alice.post("/api/topics", json={})
    assert response.headers["RateLimit-Policy"] == '"writes";q=60;w=60'


def test_reading_has_no_limit(alice: Person) -> None:
    for path in ("/api/users", "/api/topics", "/api/messages", "/api/users/me"):
        assert "RateLimit" not in alice.get(path).headers


@pytest.mark.usefixtures("own_addresses")
def test_a_guesser_is_stopped_while_the_owner_gets_in(http: httpx.Client, alice: Person) -> None:
    guesser = Guest(http)

    def guess() -> httpx.Response:
        login = alice.username.upper() if attempts % 2 else alice.username
        body = {"login": login, "password": f"guess number {attempts}"}
        return guesser.post("/api/users/sessions", json=body)

    attempts = 0
    while (response := guess()).status_code != 429:
        problem(response, 401, "login_failed")
        attempts += 1
        assert attempts <= 10
    assert attempts == 10
    problem(response, 429, "too_many_requests")
    assert int(response.headers["Retry-After"]) >= 1
    limit_of(response)
    right = {"login": alice.username, "password": alice.password}
    problem(guesser.post("/api/users/sessions", json=right), 429)
    assert alice.log_in().read("/api/users/me")["id"] == alice.id


@pytest.mark.usefixtures("own_addresses")
def test_an_address_has_100_logins_whatever_the_account(http: httpx.Client) -> None:
    guesser = Guest(http)

    def guess() -> httpx.Response:
        body = {"login": word("nobody-"), "password": "some guess"}
        return guesser.post("/api/users/sessions", json=body)

    began = time.monotonic()
    count, _ = used_up(guess, most=200)
    # One more is let through for each 9 s that the guessing takes.
    assert 100 <= count <= 101 + (time.monotonic() - began) / 9


@pytest.mark.usefixtures("own_addresses")
def test_an_address_has_30_registrations(http: httpx.Client) -> None:
    visitor = Guest(http)

    def register() -> httpx.Response:
        name = word("p")
        body = {"username": name, "email": f"{name}@forum.example", "password": PASSWORD}
        return visitor.post("/api/users", json=body)

    count, refusal = used_up(register, most=40)
    assert count == 30
    problem(refusal, 429, "too_many_requests")
    assert limit_of(refusal) == (30, 0)


@pytest.mark.usefixtures("own_addresses")
def test_the_addresses_of_one_ipv6_network_are_one(http: httpx.Client, alice: Person) -> None:
    network = Guest(http).address.removesuffix("::1")

    def guess() -> httpx.Response:
        neighbour = Guest(http, f"{network}:{word('')[:4]}::7")
        body = {"login": alice.username, "password": "some guess"}
        return neighbour.post("/api/users/sessions", json=body)

    count, _ = used_up(guess, most=11)
    assert count == 10


@pytest.mark.usefixtures("own_addresses")
def test_only_the_last_hop_is_believed(http: httpx.Client, alice: Person) -> None:
    guesser = Guest(http)
    real = guesser.address

    def guess() -> httpx.Response:
        guesser.address = f"{Guest(http).address}, {real}"
        body = {"login": alice.username, "password": "some guess"}
        return guesser.post("/api/users/sessions", json=body)

    count, _ = used_up(guess, most=11)
    assert count == 10


def test_trying_passwords_on_a_stolen_session_is_stopped(newcomer: MakePerson) -> None:
    person = newcomer()
    person.patient = False

    def guess() -> httpx.Response:
        body = {"current_password": "some guess", "new_password": "a new password"}
        return person.put("/api/users/me/password", json=body)

    count, refusal = used_up(guess, most=11)
    assert 9 <= count <= 10
    problem(refusal, 429, "too_many_requests")
