"""One database is put back to an older state while everything else went on from there."""

import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from forum import postgres
from forum.instance import Forum
from forum.places import SERVICES

from .people import Load, Person, assert_right, within

pytestmark = pytest.mark.xdist_group("faults")


def back_up(forum: Forum, service: str, file: Path) -> None:
    """As the runbook says, with the programs of the wheel."""
    dump = [str(postgres.PROGRAMS / "pg_dump"), "--format=custom", f"--file={file}"]
    subprocess.run([*dump, forum.database_url(service)], check=True)


def restore(forum: Forum, service: str, file: Path) -> None:
    """As the runbook says, until the service runs again; the others run on."""
    forum.stop(service)
    restoring = [str(postgres.PROGRAMS / "pg_restore"), "--clean", "--create", "--exit-on-error"]
    superuser = f"--dbname={forum.database_url('postgres')}"
    subprocess.run([*restoring, superuser, str(file)], check=True)
    assert forum.run(service, "restored").startswith("Ids and versions go on ")
    forum.start(service)


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
