"""Where the forum is, and who is in it.

The suite needs the forum's address (`--base-url` or FORUM_URL, also several as `name=URL,name=URL`:
every test then runs on each) and an admin's name and password (FORUM_ADMIN, FORUM_ADMIN_PASSWORD).
It makes all other people itself, with random names, so that tests can run side by side and in any
order on one forum.

Limits on registrations and logins count for an address. Each person sends an `X-Forwarded-For` of
his own; where the forum does not believe it, people are shared, and the tests about addresses and
those that come after a limit is used up are skipped, by name.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network

import httpx
import pytest

from .client import Guest, Person, await_moderation, promote

SHARED_PEOPLE = 4
TESTS_TOGETHER = 6
MakePerson = Callable[[], Person]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--base-url", help="the forum to test, e.g. http://localhost:8000")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "forum_url" in metafunc.fixturenames:
        given = metafunc.config.getoption("--base-url", None) or os.environ.get("FORUM_URL", "")
        named = [part.partition("=")[::2] for part in given.split(",") if "=" in part]
        forums = dict(named) or {"forum": given}
        metafunc.parametrize("forum_url", forums.values(), ids=forums.keys(), scope="session")


def _setting(name: str, value: str | None) -> str:
    if not value:
        pytest.fail(f"{name} is not set: this suite tests a forum that runs.", pytrace=False)
    return value


@pytest.fixture(scope="session")
def http(forum_url: str) -> Iterator[httpx.Client]:
    """A client of the forum: no redirect is followed, since the API gives none."""
    url = _setting("FORUM_URL", forum_url)
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
    with httpx.Client(base_url=url, timeout=30, limits=limits, trust_env=False) as client:
        yield client


@pytest.fixture(scope="session", autouse=True)
def believes_addresses(http: httpx.Client) -> bool:
    """Whether the forum takes a person's `X-Forwarded-For` for his address."""
    person = Person(http, patient=True)
    _registered(person)
    person.log_in()
    seen = person.items("/api/users/sessions")[0]["address"]
    believed = ip_address(seen) in ip_network(f"{person.address}/64", strict=False)
    if not believed:
        http.event_hooks = {"response": [_skip_where_the_address_is_used_up]}
    return believed


def _skip_where_the_address_is_used_up(response: httpx.Response) -> None:
    policy = response.headers.get("RateLimit-Policy", "")
    if response.status_code == 429 and policy.startswith(('"registrations"', '"logins')):
        pytest.skip("not checked: our address has used up its registrations or logins for now")


@pytest.fixture
def own_addresses(believes_addresses: bool) -> None:
    """For tests about limits of an address."""
    if not believes_addresses:
        pytest.skip("not checked: this forum does not believe our X-Forwarded-For")


def _registered(person: Person) -> Person:
    response = person.register()
    assert response.status_code == 201, response.text
    return person


@pytest.fixture(scope="session")
def newcomer(http: httpx.Client, believes_addresses: bool) -> MakePerson:
    """Makes a person whom no other test knows."""
    return lambda: _registered(Person(http, patient=not believes_addresses)).log_in()


@dataclass
class Crowd:
    """People whom tests meet one after the other: to register costs a forum more than the rest."""

    people: list[Person] = field(default_factory=list)
    tests: int = 0


@pytest.fixture(scope="session")
def _crowd(http: httpx.Client) -> Crowd:
    """Those of one forum: it is made anew with the client by which they came."""
    return Crowd()


@pytest.fixture
def somebody(newcomer: MakePerson, believes_addresses: bool, _crowd: Crowd) -> MakePerson:
    """Makes a person who is nobody else in this test, whom a test may not change or erase."""
    _crowd.tests += 1
    # Before they have used up what they may write; where registrations are few they wait instead.
    if believes_addresses and _crowd.tests % TESTS_TOGETHER == 0:
        _crowd.people.clear()
    met: list[Person] = []

    def meet() -> Person:
        assert len(met) < SHARED_PEOPLE, "this test needs too many people to share them"
        if len(met) == len(_crowd.people):
            _crowd.people.append(newcomer())
        # A copy: a test may forge its token.
        met.append(replace(_crowd.people[len(met)].with_fresh_token(), patient=True))
        return met[-1]

    return meet


@pytest.fixture
def alice(somebody: MakePerson) -> Person:
    return somebody()


@pytest.fixture
def bob(somebody: MakePerson, alice: Person) -> Person:
    return somebody()


@pytest.fixture
def guest(http: httpx.Client) -> Guest:
    return Guest(http)


@pytest.fixture(scope="session")
def _admin(http: httpx.Client, newcomer: MakePerson) -> Person:
    name = _setting("FORUM_ADMIN", os.environ.get("FORUM_ADMIN"))
    password = _setting("FORUM_ADMIN_PASSWORD", os.environ.get("FORUM_ADMIN_PASSWORD"))
    person = Person(http, patient=True, username=name, password=password).log_in()
    person.id = person.read("/api/users/me")["id"]
    await_moderation(person, newcomer())
    return person


@pytest.fixture(scope="session")
def _moderator(_admin: Person, newcomer: MakePerson) -> Person:
    person = newcomer()
    person.patient = True
    promote(_admin, person, "moderator")
    await_moderation(person, newcomer())
    return person


@pytest.fixture
def admin(_admin: Person) -> Person:
    return _admin.with_fresh_token()


@pytest.fixture
def moderator(_moderator: Person) -> Person:
    """A moderator whom all tests of this worker share."""
    return _moderator.with_fresh_token()
