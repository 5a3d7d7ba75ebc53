"""Each AWS call of `up` in turn is the last that the script makes, or is refused; and throttled.

Nothing runs behind these calls, and images are empty: it is about the calls alone. One forum is
brought up by many runs; each is spoiled at the first call that none was spoiled at before, and the
next one goes on from what it left. In the end the forum is the one that a single run makes.

A kill comes after a call had its effect: before the next call that has one, nothing would differ.
So only the calls that change something are killed at, each for each thing that it is about.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count

import pytest

from . import inventory
from .deploying import Checkout, Deployment, Done, with_stub_docker, without_waiting, write_size
from .emulator import Emulator

ACCOUNTS = count(1)
READS = ("Describe", "Get", "List")
# Two are enough for what is done for each.
UP = ("up", "users", "topics")


@dataclass(frozen=True)
class Clean:
    """A forum that one run made undisturbed: what that run called, and what it came to."""

    forum: Deployment
    calls: list[str]
    state: dict[str, object]

    def names(self, *, reading: bool) -> set[str]:
        """The calls that only read, or those that do not."""
        return {call for call in self.calls if call.partition(".")[2].startswith(READS) == reading}

    def another(self, name: str) -> Deployment:
        """One like it, in an account of its own and not yet there."""
        return replace(self.forum, name=name, account=f"{next(ACCOUNTS):012}")


@pytest.fixture(scope="module")
def clean(records: Emulator, checkout: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Clean:
    """What all others are compared with."""
    folder = tmp_path_factory.mktemp("faults")
    authority = folder / "authority.pem"
    authority.write_bytes(records.get("/_ministack/rds/ca.pem"))
    size = write_size(folder / "size.json", authority)
    variables = with_stub_docker(folder) | without_waiting(folder)
    forum = Deployment(records, checkout, size, "clean", f"{next(ACCOUNTS):012}", variables)
    forum.ok(*UP)
    return Clean(forum, records.calls(forum.account), inventory.state(forum))


def spoiled_runs(
    forum: Deployment, kind: str, spared: set[str], *, by_thing: bool = False
) -> Iterator[tuple[str, Done]]:
    """Runs of `up`, each spoiled at a call that is new, and which; until one is not."""
    emulator = forum.emulator
    while True:
        done = forum.run(
            *UP, before=lambda process: emulator.spoil(forum.account, kind, spared, process)
        )
        calls = emulator.spoiled(forum.account)
        if not calls:
            assert done.status == 0, done.err
            return
        call = calls[0].split()[0]
        yield call, done
        spared.add(calls[0] if by_thing else call)


def assert_one_line(done: Done, call: str, words: str) -> None:
    assert done.status == 1, f"{call}: {done.err}"
    assert "Traceback" not in done.err
    said = done.err.splitlines()[-1]
    assert said.startswith(f"scripts/deploy: {words} "), f"{call}: {said}"
    assert call.partition(".")[2] in said


def test_up_goes_on_after_a_kill_at_each_call_that_changes_something(clean: Clean) -> None:
    forum = clean.another("killed")
    killed = []
    for call, done in spoiled_runs(forum, "kill", clean.names(reading=True), by_thing=True):
        assert done.status == -9, done.err
        killed.append(call)
    for call in clean.names(reading=False):
        assert killed.count(call) >= clean.calls.count(call), call
    assert inventory.state(forum) == clean.state


def test_up_says_in_one_line_what_is_not_allowed_and_goes_on_when_it_is(clean: Clean) -> None:
    forum = clean.another("refused")
    refused = set()
    for call, done in spoiled_runs(forum, "fail", set()):
        assert_one_line(done, call, "Permission for")
        refused.add(call)
    assert refused >= set(clean.calls)
    assert inventory.state(forum) == clean.state


def test_up_tries_again_what_is_throttled_once(clean: Clean) -> None:
    forum = clean.another("throttled")
    emulator = clean.forum.emulator
    emulator.spoil(forum.account, "hiccup")
    forum.ok(*UP)
    throttled = emulator.spoiled(forum.account)
    assert {call.split()[0] for call in throttled} >= set(clean.calls)
    assert inventory.state(forum) == clean.state


def test_up_says_in_one_line_what_is_throttled_for_good(clean: Clean) -> None:
    forum = clean.another("slowed")
    emulator = clean.forum.emulator
    emulator.spoil(forum.account, "throttle", set(clean.calls) - {"ecs.CreateService"})
    done = forum.run(*UP)
    assert len(emulator.spoiled(forum.account)) == 1
    assert_one_line(done, "ecs.CreateService", "AWS throttles")
    # Not at the first refusal.
    assert emulator.calls(forum.account).count("ecs.CreateService") > 3


def test_up_says_what_it_is_when_there_are_too_many_processors(clean: Clean) -> None:
    forum = clean.another("crowded")
    emulator = clean.forum.emulator
    emulator.spoil(forum.account, "full", set(clean.calls) - {"ecs.RunTask"})
    done = forum.run(*UP)
    emulator.spoiled(forum.account)
    assert_one_line(done, "ecs.RunTask", "RunTask was refused: You've reached the limit on")
    assert "vCPUs" in done.err.splitlines()[-1]
    assert "`scripts/deploy check`" in done.err.splitlines()[-1]


def test_up_says_when_it_meets_another_run(clean: Clean) -> None:
    forum = clean.another("crossed")
    emulator = clean.forum.emulator
    emulator.spoil(forum.account, "busy", set(clean.calls) - {"cloudformation.ExecuteChangeSet"})
    done = forum.run(*UP)
    emulator.spoiled(forum.account)
    assert_one_line(done, "cloudformation.ExecuteChangeSet", "Somebody else changes this forum:")
    forum.ok(*UP)
