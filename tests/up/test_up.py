"""What `scripts/up` promises: it answers, it ends with all its parts, and its errors are clear."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from forum.places import ROOT

from .conftest import Up, gone

pytestmark = pytest.mark.xdist_group("up")

Start = Callable[..., Up]
ENDS = {signal.SIGINT: 0, signal.SIGTERM: 0, signal.SIGKILL: -signal.SIGKILL}


@pytest.mark.parametrize("how", ENDS)
def test_nothing_is_left_whatever_ends_it(start: Start, how: signal.Signals) -> None:
    up = start()
    up.until_it_answers()
    assert httpx.get(f"{up.url}/api/topics").status_code == 200
    family = up.family()
    assert len(family) >= 5
    up.process.send_signal(how)
    assert up.ended() == ENDS[how]
    assert gone(family)


def test_ctrl_c_during_the_start_leaves_nothing(start: Start) -> None:
    up = start()
    up.until(up.family)
    family = up.family()
    up.process.send_signal(signal.SIGINT)
    assert up.ended() == 0, up.output
    assert "Traceback" not in up.output
    assert gone(family)


def test_it_starts_on_what_a_power_cut_left(start: Start) -> None:
    up = start()
    up.until_it_answers()
    everyone = [psutil.Process(up.process.pid), *up.family()]
    for process in everyone:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    assert gone(everyone)
    up.ended()
    again = start()
    again.until_it_answers()
    assert httpx.get(f"{again.url}/api/topics").status_code == 200


def test_parts_that_die_are_named_and_started_again(start: Start) -> None:
    up = start()
    up.until_it_answers()
    for part in ("users", "gateway", "postgres"):
        os.kill(up.facts()["pids"][part], signal.SIGKILL)
        up.until_it_says(f"{part} was ended by SIGKILL; starting it again")
        for path in ("/api/users", "/api/messages"):
            up.until(partial(_answers, up, path))


def _answers(up: Up, path: str) -> bool:
    try:
        return httpx.get(f"{up.url}{path}").status_code == 200
    except httpx.TransportError:
        return False


def test_five_crashes_in_a_minute_end_it(start: Start) -> None:
    up = start()
    up.until_it_answers()
    family = up.family()
    while up.process.poll() is None:
        for process in up.family():
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.cmdline()[-2:] == ["-m", "topics"]:
                    process.kill()
    assert up.ended() == 1
    assert "5 crashes in a minute, the last: topics was ended by SIGKILL" in up.output
    assert gone(family)


def test_a_wrong_setting_is_named(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRATION", "ajar")
    up = start()
    assert up.ended() == 1
    assert "REGISTRATION: Input should be" in up.output


def test_a_taken_port_is_named(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        up = start(f"--port={port}")
        assert up.ended() == 1
    assert f"Port {port} of this machine is taken" in up.output
    assert "--port" in up.output


def test_one_folder_serves_one_forum(running: Up) -> None:
    second = Up(running.data)
    assert second.ended() == 1
    second.clear_away()
    assert f"A forum is running on {running.data} already" in second.output
    assert httpx.get(f"{running.url}/api/topics").status_code == 200


def test_the_monolith_answers_in_the_place_of_the_services(start: Start) -> None:
    up = start("--monolith")
    up.until_it_answers()
    assert set(up.facts()["service_urls"]) == {"monolith"}
    for name in ("users", "topics", "messages"):
        assert httpx.get(f"{up.url}/api/{name}").status_code == 200


def test_the_sample_is_loaded_once(running: Up) -> None:
    assert httpx.get(f"{running.url}/api/topics/1").json()["title"].startswith("Welcome")
    topics = httpx.get(f"{running.url}/api/topics").json()["items"]
    lines = (ROOT / "scripts" / "sample" / "topics.ndjson").read_text().splitlines()
    assert len(topics) == len(lines)
    assert topics[0]["pinned"]
    assert topics[0]["author"]["username"] == "maren"
    assert topics[0]["message_count"] == 2


def test_secrets_are_for_their_owner_alone(running: Up) -> None:
    secrets = [*(running.data / "secrets").iterdir(), running.data / "run" / "forum.json"]
    assert len(secrets) > 5
    for file in secrets:
        assert file.stat().st_mode & 0o077 == 0, file


def test_a_service_cannot_reach_the_database_of_another(running: Up) -> None:
    urls: dict[str, str] = running.facts()["database_urls"]
    for own, url in urls.items():
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT current_user").fetchone() == (own,)
        for other in {*urls, "postgres", "template1"} - {own}:
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                psycopg.connect(f"{url.rpartition('/')[0]}/{other}")


def test_a_command_of_a_service_runs_with_its_settings(running: Up) -> None:
    command = [sys.executable, str(ROOT / "scripts" / "run"), f"--data={running.data}"]
    done = subprocess.run(
        [*command, "users.admin", "promote", "nobody_here"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "There is no person with the username 'nobody_here'.\n"


def test_a_command_without_a_forum_says_so(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts" / "run"), f"--data={tmp_path}", "users.admin"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"no forum runs on {tmp_path}" in done.stderr
