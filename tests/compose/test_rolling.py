"""`scripts/roll`: containers are replaced, and nobody who uses the forum notices."""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from drill import people
from drill.load import Load
from forum.compose import Compose
from forum.places import ROOT, SERVICES
from forum.readiness import answers

from .whole import assert_whole

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("compose")]

STOP_SECONDS = 15
STOPPED = re.compile(r"stopped within (\d+) s with status (\d+)")


def roll(forum: Compose, service: str, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(ROOT / "scripts" / "roll"), service, f"--project={forum.project}"],
        env={**os.environ, **forum.env, **env},
        capture_output=True,
        text=True,
        check=False,
    )


@dataclass(frozen=True, slots=True)
class Rolled:
    """What happened while every service was replaced."""

    load: Load
    said: Mapping[str, str]
    before: Mapping[str, set[str]]
    after: Mapping[str, set[str]]


@pytest.fixture(scope="module")
def rolled(scaled: Compose) -> Rolled:
    """Each service replaced under one load, with two containers of each."""
    scaled.scale(**dict.fromkeys(SERVICES, 2))
    before = {service: set(scaled.containers(service)) for service in SERVICES}
    said = {}
    with Load(scaled.url, people.register(scaled.url)) as load:
        for service in SERVICES:
            done = roll(scaled, service)
            assert done.returncode == 0, done.stdout + done.stderr
            said[service] = done.stdout
    after = {service: set(scaled.containers(service)) for service in SERVICES}
    return Rolled(load, said, before, after)


def test_a_rolling_replacement_of_each_service_loses_no_request(rolled: Rolled) -> None:
    assert [request for request in rolled.load.requests if request.failed] == []
    assert_whole(rolled.load)


def test_all_containers_are_new_ones(rolled: Rolled) -> None:
    for service in SERVICES:
        assert len(rolled.after[service]) == 2
        assert not rolled.after[service] & rolled.before[service]


def test_a_service_stops_within_15_s_of_a_sigterm_under_load(rolled: Rolled) -> None:
    for service in SERVICES:
        stops = STOPPED.findall(rolled.said[service])
        assert len(stops) == 2, rolled.said[service]
        assert all(int(seconds) <= STOP_SECONDS for seconds, _ in stops), rolled.said[service]
        assert {status for _, status in stops} == {"0"}, rolled.said[service]


def test_a_single_container_is_replaced(forum: Compose) -> None:
    [old] = forum.containers("topics")
    done = roll(forum, "topics")
    assert done.returncode == 0, done.stdout + done.stderr
    [new] = forum.containers("topics")
    assert new != old
    assert answers(f"{forum.url}/api/topics")


def test_new_ones_that_cannot_start_leave_the_old_ones(forum: Compose) -> None:
    old = forum.containers("users")
    done = roll(forum, "users", REGISTRATION="perhaps")
    assert done.returncode == 1
    assert "REGISTRATION: Input should be 'open' or 'closed'" in done.stderr
    assert forum.compose("ps", "--all", "--quiet", "users").split() == old
    assert answers(f"{forum.url}/api/users")


def test_what_does_not_run_cannot_be_replaced(forum: Compose) -> None:
    done = roll(forum, "monolith")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no container of monolith runs" in done.stderr
