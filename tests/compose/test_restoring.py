"""docs/runbooks/backup-and-restore.md: each command as it stands, while the others are used."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from typing import Any

import pytest

from forum.places import SERVICES

from .operated import UNAVAILABLE, Operated, assert_nothing_lost, blocks
from .someone import Someone, assert_events_arrive, soon

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("compose")]

# What a person does in a topic while that service is away.
MEANWHILE: dict[str, Callable[[Someone, int], object]] = {
    "users": lambda person, topic: (person.message(topic), person.topic()),
    "topics": lambda person, topic: (person.message(topic), person.send("GET", ME)),
    "messages": lambda person, topic: (person.topic(), person.send("GET", ME)),
}
ME = "/api/users/me"


def restore(forum: Operated, service: str) -> None:
    _, block = blocks("backup-and-restore.md")
    assert "\nservice=topics\n" in block
    forum.follow(block.replace("\nservice=topics\n", f"\nservice={service}\n"))


def author_of(reader: Someone, message: int) -> dict[str, Any]:
    """The card on a message."""
    author: dict[str, Any] = reader.send("GET", f"/api/messages/{message}")["author"]
    return author


def test_a_database_is_restored_while_the_others_go_on(
    operated: Operated, someone: Callable[[], Someone]
) -> None:
    back_up, _ = blocks("backup-and-restore.md")
    person = someone()
    topic = person.topic()
    kept = person.message(topic)
    goes = someone()
    left = goes.message(topic)
    with operated.load() as load:
        operated.follow(back_up)
    assert_nothing_lost(load)
    goes.erase()
    soon(lambda: author_of(person, left)["state"] == "erased")
    for service in SERVICES:
        lost = someone()
        lost_topic, lost_message = lost.topic(), lost.message(topic)
        sent, put_off = person.sent, person.put_off
        with ThreadPoolExecutor() as pool:
            restoring = pool.submit(restore, operated, service)
            while wait([restoring], 0.1).not_done:
                MEANWHILE[service](person, topic)
            restoring.result()
        assert person.put_off - put_off <= UNAVAILABLE * (person.sent - sent) + 1
        fresh = someone()
        new = {"users": fresh.id, "topics": fresh.topic(), "messages": fresh.message(topic)}
        old = {"users": lost.id, "topics": lost_topic, "messages": lost_message}
        assert new[service] > old[service] + 1000
        assert person.http.get(f"/api/{service}/{old[service]}").status_code == 404
        assert person.send("GET", f"/api/messages/{kept}")["position"] == 1
        assert person.send("GET", f"/api/users/{goes.id}")["state"] == "erased"
        assert author_of(person, left)["username"] == f"deleted-{goes.id}"
        for each in (person, fresh):
            soon(partial(each.counters_are_right, topic))
            assert_events_arrive(each)


def test_a_backup_that_is_not_whole_replaces_nothing(operated: Operated) -> None:
    back_up, block = blocks("backup-and-restore.md")
    operated.follow(back_up)
    newest = max((operated.folder / "backup").iterdir()) / "topics.dump"
    newest.write_bytes(newest.read_bytes()[:-10])
    running = operated.all_containers()
    status, said = operated.paste(block)
    newest.unlink()
    assert (status != 0, "end of file" in said) == (True, True), said
    assert operated.all_containers() == running
    operated.await_healthy("topics")


def test_a_backup_onto_a_full_disk_is_no_backup(operated: Operated) -> None:
    back_up, _ = blocks("backup-and-restore.md")
    # No file may be larger than this: it breaks off in the middle, as on a disk that is full.
    status, said = operated.paste(f"ulimit -f 4\n{back_up}")
    newest = max((operated.folder / "backup").iterdir())
    assert status != 0, said
    assert [file.name for file in newest.iterdir()] == ["messages.dump.part"]


def test_a_whole_forum_is_restored_on_a_new_machine(
    operated: Operated, someone: Callable[[], Someone]
) -> None:
    back_up, _ = blocks("backup-and-restore.md")
    person = someone()
    topic = person.topic()
    person.message(topic)
    operated.follow(back_up)
    operated.compose("down", "--volumes", "--timeout", "1")
    operated.up()
    for service in SERVICES:
        restore(operated, service)
    person.log_in()
    soon(lambda: person.counters_are_right(topic))
    assert_events_arrive(person)
