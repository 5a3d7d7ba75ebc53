"""`scripts/roll`: containers are replaced, and nobody who uses the forum notices."""

import json
import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from drill import people
from drill.load import Load
from forum.compose import Compose, docker
from forum.places import ROOT, SERVICES
from forum.readiness import answers

from .someone import soon
from .whole import SENT, assert_whole

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("compose")]

# Two replicas share what is asked; a new one has its part of it from the next second on.
LEAST_SHARE = 0.3
REVISION = "UPDATE alembic_version SET version_num = '{}'"
STOP_SECONDS = 15
STOPPED = re.compile(r"stopped within (\d+) s with status (\d+)")


def start(forum: Compose, service: str, **env: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [str(ROOT / "scripts" / "roll"), service, f"--project={forum.project}"],
        env={**os.environ, **forum.env, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(rolling: "subprocess.Popen[str]") -> "subprocess.CompletedProcess[str]":
    said, error = rolling.communicate()
    return subprocess.CompletedProcess(rolling.args, rolling.returncode, said, error)


def roll(forum: Compose, service: str, **env: str) -> "subprocess.CompletedProcess[str]":
    return end(start(forum, service, **env))


def replicas(forum: Compose, service: str) -> list[str]:
    """All containers of the service, of those that have ended too."""
    return forum.compose("ps", "--all", "--quiet", service).split()


@dataclass(frozen=True, slots=True)
class Rolled:
    """What happened while every service was replaced."""

    load: Load
    said: Mapping[str, str]
    before: Mapping[str, set[str]]
    after: Mapping[str, set[str]]
    shares: Mapping[str, list[float]]


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
    shares = {service: answered(after[service]) for service in SERVICES}
    return Rolled(load, said, before, after, shares)


def answered(containers: set[str]) -> list[float]:
    """What each of them answered, of the requests from outside that all of them did."""
    counts: Counter[str] = Counter()
    for container in containers:
        for line in docker("logs", container).splitlines():
            told = json.loads(line) if line.startswith("{") else {}
            counts[container] += told.get("event") == "request" and told["path"].startswith("/api/")
    return [counts[container] / counts.total() for container in containers]


def test_a_rolling_replacement_of_each_service_loses_no_request(rolled: Rolled) -> None:
    assert [request for request in rolled.load.requests if request.failed] == []
    assert rolled.load.share_sent >= SENT
    assert_whole(rolled.load)


def test_all_containers_are_new_ones(rolled: Rolled) -> None:
    for service in SERVICES:
        assert len(rolled.after[service]) == 2
        assert not rolled.after[service] & rolled.before[service]


def test_requests_are_spread_over_the_containers(rolled: Rolled) -> None:
    for service in SERVICES:
        assert min(rolled.shares[service]) >= LEAST_SHARE, rolled.shares


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
    assert replicas(forum, "users") == old
    assert answers(f"{forum.url}/api/users")


def test_new_ones_whose_database_is_not_migrated_leave_the_old_ones(forum: Compose) -> None:
    old = forum.containers("topics")
    newest = forum.query("topics", "SELECT version_num FROM alembic_version")
    forum.query("topics", REVISION.format("0000"))
    done = roll(forum, "topics")
    forum.query("topics", REVISION.format(newest))
    assert done.returncode == 1
    assert f"not ready (migrations: 0000, needed {newest})" in done.stderr
    assert replicas(forum, "topics") == old


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_one_leaves_the_old_ones(forum: Compose, how: signal.Signals) -> None:
    old = forum.containers("messages")
    rolling = start(forum, "messages")
    soon(lambda: len(replicas(forum, "messages")) == 2)
    another = roll(forum, "messages")
    rolling.send_signal(how)
    done = end(rolling)
    assert (done.returncode, "interrupted" in done.stderr) == (1, True), done
    assert (another.returncode, "another one is at work" in another.stderr) == (1, True), another
    assert replicas(forum, "messages") == old


def test_a_job_is_neither_replaced_nor_in_the_way(forum: Compose) -> None:
    run = ["run", "--detach", "--no-deps", "--entrypoint=sleep", "users", "600"]
    job = forum.compose(*run).split()[-1]
    try:
        done = roll(forum, "users")
        assert done.returncode == 0, done.stderr
        assert job in docker("ps", "--quiet", "--no-trunc")
    finally:
        docker("rm", "--force", job)


def test_what_does_not_run_cannot_be_replaced(forum: Compose) -> None:
    done = roll(forum, "monolith")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no container of monolith runs" in done.stderr
