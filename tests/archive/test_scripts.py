"""scripts/load and scripts/dump on whole forums, and a real dump where there is one."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from forum.instance import Forum, Mode
from forum.places import ROOT
from forum.stackexchange.main import convert

from . import small_forum
from .reading import check_in_its_place

# Beside the checkout, or where the variable says; it is not part of the project.
NEAR = ROOT.parent / "shared" / "data" / "history-meta"


def script(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run one of the scripts."""
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / name), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(params=["monolith", "services"])
def mode(request: pytest.FixtureRequest) -> Mode:
    """Each shape of a forum."""
    kind: Mode = request.param
    return kind


@pytest.fixture
def forum(tmp_path: Path, mode: Mode) -> Iterator[Forum]:
    """An empty forum that runs on `var`."""
    with Forum(tmp_path / "var", mode) as running:
        yield running


def test_a_running_forum_loads_and_dumps(forum: Forum, tmp_path: Path) -> None:
    archive = small_forum.write(tmp_path / "in", small_forum.FILES)
    broken = small_forum.write(
        tmp_path / "broken", small_forum.changed(reactions=[{"message_id": 1}])
    )
    refused = script("load", broken, "--data", tmp_path / "var")
    assert refused.returncode == 1
    assert "reactions.ndjson, line 1: user_id: Field required" in refused.stderr
    assert "Nothing was changed." in refused.stderr
    with httpx.Client(base_url=forum.url) as client:
        assert client.get("/api/users").json()["items"] == []
        loaded = script("load", archive, "--data", tmp_path / "var")
        assert loaded.returncode == 0, loaded.stderr
        assert "messages.ndjson: 6 of 6 rows" in loaded.stderr
        check_in_its_place(client, archive)
        assert client.get("/api/topics/9").status_code == 410
        assert client.get("/api/users/6").json()["state"] == "erased"
        assert client.get("/api/users/5").json()["state"] == "suspended"
        assert client.get("/api/messages/1").json()["reactions"] == {"👍": 2, "🚀": 1}
        revisions = client.get("/api/messages/5/revisions").json()["items"]
        assert [row["version"] for row in revisions] == [3, 2, 1]
    again = script("load", archive, "--data", tmp_path / "var")
    assert again.returncode == 1
    assert "is not empty" in again.stderr
    dumped = script("dump", tmp_path / "out", "--data", tmp_path / "var")
    assert dumped.returncode == 0, dumped.stderr
    assert small_forum.read(tmp_path / "out") == small_forum.read(archive)
    assert "is not empty" in script("dump", tmp_path / "out", "--data", tmp_path / "var").stderr


def test_a_forum_that_does_not_run_is_started_for_it(tmp_path: Path) -> None:
    archive = small_forum.write(tmp_path / "in", small_forum.FILES)
    on = ("--data", tmp_path / "var")
    assert "holds no forum" in script("dump", tmp_path / "out", *on).stderr
    loaded = script("load", archive, *on)
    assert loaded.returncode == 0, loaded.stderr
    dumped = script("dump", tmp_path / "out", *on)
    assert dumped.returncode == 0, dumped.stderr
    assert small_forum.read(tmp_path / "out") == small_forum.read(archive)


def real_dump() -> Path | None:
    """The real dump, if there is one here."""
    folder = Path(os.environ.get("FORUM_DUMP", NEAR))
    return folder if folder.is_dir() else None


@pytest.mark.skipif(
    real_dump() is None, reason=f"no real dump: none at {NEAR}, and FORUM_DUMP names none"
)
def test_a_real_dump_is_all_there(forum: Forum, tmp_path: Path) -> None:
    dump = real_dump()
    assert dump is not None
    print(convert(dump, tmp_path / "in"))
    loaded = script("load", tmp_path / "in", "--data", tmp_path / "var")
    assert loaded.returncode == 0, loaded.stderr
    with httpx.Client(base_url=forum.url) as client:
        check_in_its_place(client, tmp_path / "in")
    dumped = script("dump", tmp_path / "out", "--data", tmp_path / "var")
    assert dumped.returncode == 0, dumped.stderr
    assert small_forum.read(tmp_path / "out") == small_forum.read(tmp_path / "in")
