"""Loading, dumping and converting take the same memory, however much there is."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chassis.testing import SECRET, Databases
from forum.places import ROOT, folder_of
from messages.settings import MIGRATIONS

from . import small_forum
from .small_forum import T0, message, topic, user
from .test_stackexchange import document, row, write_dump

FEW, MANY = 10_000, 50_000
POSTS = (2_000, 10_000)
# Caches fill up to a bound; the made archives differ by 15 MiB.
ALLOWED_MIB = 8.0
TOPICS, PEOPLE, TEXTS = 50, 100, 300


def forum_of(size: int) -> small_forum.Files:
    """A made forum with so many messages. Texts repeat, so that rendering takes little time."""
    general = {"slug": "general", "name": "General", "description": "", "created_at": T0}
    return {
        "users": [user(number, f"user_{number}") for number in range(1, PEOPLE + 1)],
        "categories": [general],
        "topics": [topic(number, f"Topic {number}", 1) for number in range(1, TOPICS + 1)],
        "messages": [
            message(
                number + 1,
                number % TOPICS + 1,
                number // TOPICS + 1,
                number % PEOPLE + 1,
                body=f"Text **{number % TEXTS}**. " * 10,
            )
            for number in range(size)
        ],
    }


# A process counts as its own peak what its parent held when it was started: so a small one of its
# own starts the program, and tells.
TELL_PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak(command: list[str], cwd: Path, **environment: str) -> float:
    """Run a program and give the most memory that it had, in MiB."""
    told = subprocess.run(
        [sys.executable, "-I", "-S", "-c", TELL_PEAK, *command],
        cwd=cwd,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return int(told.stdout) / 1024


@pytest.fixture
def settings(databases: Databases) -> Iterator[Callable[[], dict[str, str]]]:
    """Makes the settings of a messages service on an empty database."""
    urls: list[str] = []

    def make() -> dict[str, str]:
        urls.append(databases.create(MIGRATIONS))
        other: dict[str, Any] = dict.fromkeys(("USERS_URL", "TOPICS_URL"), "http://127.0.0.1:9")
        secrets = {"IDEMPOTENCY_SECRET": SECRET, "INTERNAL_SECRETS": SECRET}
        return {"DATABASE_URL": urls[-1], **other, **secrets}

    yield make
    for url in urls:
        databases.drop(url)


def test_memory_of_loading_and_dumping(
    settings: Callable[[], dict[str, str]], tmp_path: Path
) -> None:
    taken: dict[str, list[float]] = {"load": [], "dump": []}
    for size in (FEW, MANY):
        archive = small_forum.write(tmp_path / f"in-{size}", forum_of(size))
        environment = settings()
        for command, folder in (("load", archive), ("dump", tmp_path / f"out-{size}")):
            program = [sys.executable, "-m", f"messages.{command}", str(folder)]
            taken[command].append(peak(program, folder_of("messages"), **environment))
        name = "messages.ndjson"
        assert (tmp_path / f"out-{size}" / name).read_bytes() == (archive / name).read_bytes()
    for few, many in taken.values():
        assert many - few < ALLOWED_MIB, taken


def test_memory_of_converting(tmp_path: Path) -> None:
    taken = []
    for size in POSTS:
        asked = row(Id=1, PostTypeId=1, CreationDate=T0, Title="Asked", Body="<p>Why?</p>")
        answers = (
            row(Id=number, PostTypeId=2, ParentId=1, CreationDate=T0, Body="<p>So</p>" * 20)
            for number in range(2, size)
        )
        dump = write_dump(tmp_path / f"dump-{size}", posts=document("posts", asked, *answers))
        script = str(ROOT / "scripts" / "convert-stackexchange")
        taken.append(peak([sys.executable, script, str(dump), str(tmp_path / f"{size}")], ROOT))
    few, many = taken
    assert many - few < ALLOWED_MIB, taken
