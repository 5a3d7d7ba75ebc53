"""docs/runbooks/replace-passwords.md: each command as it stands."""

from collections.abc import Callable

import pytest

from forum.compose import docker
from forum.errors import ForumError
from forum.places import SERVICES

from .operated import Operated, assert_nothing_lost, blocks
from .someone import Someone, assert_events_arrive, soon

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("compose")]

# Says whether the password on standard input opens the database of topics, as that role and as its
# superuser.
CONNECT = """
import psycopg, sys
password = sys.stdin.read()
for role in ("topics", "postgres"):
    try:
        psycopg.connect(host="topics-db", user=role, password=password, dbname="topics").close()
        print(role, "may")
    except psycopg.OperationalError as error:
        assert "password authentication failed" in str(error), error
"""
PASSWORDS = {"topics": "role_password", "postgres": "superuser_password"}
# Somebody who is in already, and who that is.
INTRUDER = "SELECT pg_sleep(600)"
WITHIN = f"SELECT pid FROM pg_stat_activity WHERE query = '{INTRUDER}'"  # noqa: S608


def passwords(forum: Operated) -> dict[str, str]:
    """By role, those that the secrets' volume has for the database of topics."""
    return {
        role: forum.run("topics-db", "cat", f"/run/secrets/{file}")
        for role, file in PASSWORDS.items()
    }


def opened(forum: Operated, given: dict[str, str]) -> list[str]:
    """Those of the roles whose password is right, seen from the service's container."""
    return [
        role for role, password in given.items()
        if f"{role} may"
        in forum.compose("exec", "-T", "topics", "python", "-c", CONNECT, stdin=password)
    ]  # fmt: skip


def test_a_password_that_leaked_opens_nothing_any_more(
    operated: Operated, someone: Callable[[], Someone]
) -> None:
    leaked, person = passwords(operated), someone()
    others = operated.containers("users") + operated.containers("messages")
    assert opened(operated, leaked) == list(PASSWORDS)
    psql = ["psql", "--host=127.0.0.1", "--username=topics", f"--command={INTRUDER}", "topics"]
    operated.compose("exec", "--detach", "topics-db", *psql)
    soon(lambda: operated.query("topics", WITHIN) != "")
    with operated.load() as load:
        [replace, _] = blocks("replace-passwords.md")
        operated.follow(replace)
        assert_events_arrive(person)
    # The database restarts: for some seconds of the load a third of it may get a 503.
    assert_nothing_lost(load, unavailable=0.2)
    assert opened(operated, leaked) == []
    assert opened(operated, passwords(operated)) == list(PASSWORDS)
    assert operated.query("topics", WITHIN) == ""
    assert operated.containers("users") + operated.containers("messages") == others


def test_the_database_of_nobody_has_no_passwords(operated: Operated) -> None:
    before = passwords(operated)
    with pytest.raises(ForumError, match="Name the database: users, "):
        operated.compose("run", "--rm", "secrets", "new-passwords", "everyone")
    assert passwords(operated) == before


def test_databases_outlive_the_secrets(operated: Operated, someone: Callable[[], Someone]) -> None:
    person = someone()
    topic = person.topic()
    message = person.message(topic)
    lost = passwords(operated)
    operated.down()
    docker("volume", "rm", f"{operated.project}_secrets")
    with pytest.raises(ForumError, match="migrate"):
        operated.up()
    _, tell = blocks("replace-passwords.md")
    operated.follow(tell)
    operated.await_healthy(*SERVICES, "gateway")
    assert passwords(operated).keys() == lost.keys()
    assert not set(passwords(operated).values()) & set(lost.values())
    assert opened(operated, passwords(operated)) == list(PASSWORDS)
    # The token of before is good still.
    assert person.send("GET", f"/api/messages/{message}")["author"]["id"] == person.id
    assert_events_arrive(person)
