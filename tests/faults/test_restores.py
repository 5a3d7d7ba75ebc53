"""One database is put back to an older state while everything else went on from there."""

import re
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from forum import postgres
from forum.errors import ForumError
from forum.instance import Forum
from forum.places import SERVICES

from .people import Load, Person, assert_right, within

ERASED_AGAIN = "Accounts that were erased since the backup, and are again: {}\n"

pytestmark = pytest.mark.xdist_group("faults")


def back_up(forum: Forum, service: str, file: Path) -> None:
    """As the runbook says, with the programs of the wheel."""
    dump = [str(postgres.PROGRAMS / "pg_dump"), "--format=custom", f"--file={file}"]
    subprocess.run([*dump, forum.database_url(service)], check=True)


def put_back(forum: Forum, service: str, file: Path) -> None:
    """Stop the service and restore its database; the others run on."""
    forum.stop(service)
    restoring = [str(postgres.PROGRAMS / "pg_restore"), "--clean", "--create", "--exit-on-error"]
    superuser = f"--dbname={forum.database_url('postgres')}"
    subprocess.run([*restoring, superuser, str(file)], check=True)


def restore(forum: Forum, service: str, file: Path) -> str:
    """As the runbook says, until the service runs again; what the command said."""
    put_back(forum, service, file)
    said = forum.run(service, "restored")
    assert "Ids and versions go on " in said
    forum.start(service)
    return said


def rebuild(forum: Forum) -> None:
    """What ends a restore: what the restored keeps of others, and what others keep of it."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda service: forum.run(service, "rebuild"), SERVICES))


class Lost:
    """What is written after the backup, by people who were there before it."""

    def __init__(self, forum: Forum, new: Callable[[], Person], author: Person, topic: int) -> None:
        self.person = new()
        self.topic = author.topic()
        self.message = author.message(topic)["id"]
        author.message(self.topic)
        self.edited = edit(author, f"/api/topics/{topic}", {"title": "Lost"})
        edit(author, "/api/users/me", {"display_name": "Lost"})


def edit(author: Person, path: str, changes: dict[str, Any]) -> str:
    """Change what is there now; the ETag of what it became."""
    now = author.http.get(path).raise_for_status().headers["ETag"]
    answer = author.http.patch(path, json=changes, headers={"If-Match": now})
    return str(answer.raise_for_status().headers["ETag"])


def assert_cards(author: Person, topic: int) -> None:
    """Both services show the author as users does, within the time that a change takes."""
    me = author.read(f"/api/users/{author.id}")
    card = {name: me[name] for name in ("id", "username", "display_name", "avatar_url", "state")}

    def shown() -> list[dict[str, Any]]:
        messages = author.read_all(f"/api/messages?topic_id={topic}&author_id={author.id}")
        return [author.read(f"/api/topics/{topic}")["author"], messages[0]["author"]]

    within(5, lambda: shown() == [card, card])


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_is_restored_goes_on_with_the_others(
    forum: Forum, person: Callable[[], Person], tmp_path: Path, service: str
) -> None:
    author, other = people = [person(), person()]
    backup = tmp_path / "backup"
    with Load(people, [author.topic()]) as load:
        load.wait_for(10)
        back_up(forum, service, backup)
        load.wait_for(10)
    topic = load.topics[0]
    # The second time from the same backup: what came after the first is lost, too.
    for _ in range(2):
        lost = Lost(forum, person, author, topic)
        restore(forum, service, backup)
        rebuild(forum)
        fresh = person()
        kept = [each for each in load.topics if author.http.get(f"/api/topics/{each}").is_success]
        assert topic in kept
        assert_cards(author, topic)
        assert_right([author, other, fresh], kept)
        edit(author, "/api/users/me", {"display_name": "Found"})
        kept.append(fresh.topic())
        made = [fresh.message(each)["id"] for each in (topic, kept[-1])]
        edit(author, f"/api/topics/{topic}", {"title": "Found"})
        assert_cards(author, topic)
        assert_right([author, other, fresh], kept)
        assert fresh.id > lost.person.id
        assert kept[-1] > lost.topic
        assert min(made) > lost.message


def test_what_is_lost_is_unknown_and_its_versions_are_refused(
    forum: Forum, person: Callable[[], Person], tmp_path: Path
) -> None:
    author = person()
    topic = author.topic()
    for service in SERVICES:
        back_up(forum, service, tmp_path / service)
    lost = Lost(forum, person, author, topic)
    for service in SERVICES:
        restore(forum, service, tmp_path / service)
    rebuild(forum)
    for path in (f"users/{lost.person.id}", f"topics/{lost.topic}", f"messages/{lost.message}"):
        assert author.http.get(f"/api/{path}").status_code == 404, path
    post = {"topic_id": lost.topic, "body": "text"}
    assert author.http.post("/api/messages", json=post).status_code == 404
    # The same number of changes as the lost one, and yet another version.
    edit(author, f"/api/topics/{topic}", {"title": "Found"})
    late = {"If-Match": lost.edited}
    answer = author.http.patch(f"/api/topics/{topic}", json={"title": "Late"}, headers=late)
    assert answer.status_code == 412
    refresh = {"refresh_token": author.refresh_token}
    assert author.http.post("/api/users/sessions/refresh", json=refresh).status_code == 401


def erase(person: Person, topic: int) -> None:
    """The person's account goes, and both others have heard of it."""
    password = {"password": person.password}
    person.http.request("DELETE", "/api/users/me", json=password).raise_for_status()
    within(5, lambda: cards_of(person, topic) == [f"deleted-{person.id}"] * 2)


def cards_of(person: Person, topic: int) -> list[str]:
    """The names that topics and messages show of whoever opened a topic and answered there."""
    messages = person.read_all(f"/api/messages?topic_id={topic}&author_id={person.id}")
    return [
        each["author"]["username"] for each in (person.read(f"/api/topics/{topic}"), messages[0])
    ]


def test_who_erased_the_account_since_is_erased_again(
    forum: Forum, person: Callable[[], Person], tmp_path: Path
) -> None:
    stays, goes = person(), person()
    topics = [stays.topic(), goes.topic()]
    stays.message(topics[0])
    goes.message(topics[1])
    back_up(forum, "users", tmp_path / "backup")
    edit(goes, "/api/users/me", {"display_name": "Later"})
    erase(goes, topics[1])
    # The second time what they know of it is what the first restore told them.
    for _ in range(2):
        assert ERASED_AGAIN.format(1) in restore(forum, "users", tmp_path / "backup")
        rebuild(forum)
        assert cards_of(goes, topics[1]) == [f"deleted-{goes.id}"] * 2
        assert goes.read(f"/api/users/{goes.id}")["state"] == "erased"
        login = {"login": goes.name, "password": goes.password}
        assert goes.http.post("/api/users/sessions", json=login).status_code == 401
        again = {"username": goes.name, "email": "new@example.org", "password": goes.password}
        assert goes.http.post("/api/users", json=again).status_code == 409
        for service in SERVICES:
            assert goes.name not in everything(forum, service)
        assert stays.name in everything(forum, "users")
        assert_cards(stays, topics[0])


def everything(forum: Forum, service: str) -> str:
    """All rows of the service's database, as text."""
    dump = [str(postgres.PROGRAMS / "pg_dump"), "--data-only", forum.database_url(service)]
    said = subprocess.run(dump, check=True, capture_output=True, text=True).stdout
    # Left out: a key that is another one in each dump, and how far ids go: no rollback moves them
    # back.
    return re.sub(r"^(\\restrict|\\unrestrict|SELECT .*setval).*$", "", said, flags=re.MULTILINE)


@pytest.mark.parametrize("away", ["topics", "messages"])
def test_nobody_comes_back_while_one_cannot_say_who_was_erased(
    forum: Forum, person: Callable[[], Person], tmp_path: Path, away: str
) -> None:
    goes = person()
    topic = goes.topic()
    goes.message(topic)
    back_up(forum, "users", tmp_path / "backup")
    erase(goes, topic)
    put_back(forum, "users", tmp_path / "backup")
    before = everything(forum, "users")
    forum.stop(away)
    try:
        with pytest.raises(ForumError, match=rf"\nNothing was changed: {away} has to say who"):
            forum.run("users", "restored")
    finally:
        forum.start(away)
    assert everything(forum, "users") == before
    assert ERASED_AGAIN.format(1) in forum.run("users", "restored")
    forum.start("users")
    rebuild(forum)
    assert cards_of(goes, topic) == [f"deleted-{goes.id}"] * 2
