"""`scripts/roll`: new containers of services in place of those that run, without a lost request.

Standard library alone: it runs on a machine that has Docker and nothing of the forum installed.
"""

import argparse
import fcntl
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from forum.compose import docker, inspect
from forum.errors import ForumError
from forum.places import ROOT, SERVICES

HEALTHY_SECONDS = 90
# After that. A service whose database restarts is ready again by then.
READY_SECONDS = 20
# The gateway asks Docker's DNS for the containers of a service each second.
GATEWAY_SECONDS = 2
LOG_LINES = 20


def main() -> None:
    """Replace each service's containers; status 1 with the reason at the first that fails."""
    parser = argparse.ArgumentParser(
        prog="scripts/roll",
        description="Replace the running containers of each service in turn by as many new ones,"
        " made from the image and the settings that there are now. The old ones stop"
        " when all new ones are ready; no request is lost. If the new ones do not get ready,"
        " or on Ctrl-C, they are removed, and the old ones stay.",
    )
    parts = [*SERVICES, "monolith"]
    parser.add_argument(
        "services", nargs="+", choices=parts, metavar="SERVICE", help=f"of {', '.join(parts)}"
    )
    parser.add_argument("-p", "--project", metavar="NAME", help="as docker compose's (forum)")
    options = parser.parse_args()
    interruption = Interruption()
    try:
        with _alone():
            for service in options.services:
                Roll(service, options.project, interruption).run()
    except ForumError as error:
        sys.exit(f"scripts/roll: {error}")


class Interruption:
    """Hears of Ctrl-C, SIGTERM and a closed terminal, and speaks of it where it is asked.

    Raised anywhere, it would leave containers that nobody knows of.
    """

    def __init__(self) -> None:
        self._heard = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._hear)

    def check(self) -> None:
        """ForumError when the roll is to end."""
        if self._heard:
            raise ForumError(
                "interrupted. A service that was being replaced runs on in its old containers."
            )

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self._heard = True


@contextmanager
def _alone() -> Iterator[None]:
    """Two at once would each take the other's new containers for their own."""
    with (ROOT / "docker-compose.yml").open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ForumError("another one is at work in this checkout; wait for its end.") from None
        yield


class Roll:
    """One service of one project, and what is done with its containers."""

    def __init__(self, service: str, project: str | None, interruption: Interruption) -> None:
        self.service = service
        self._interruption = interruption
        self._project = ["--project-name", project] if project else []

    def run(self) -> None:
        """Start new containers, wait for them, stop the old ones."""
        self._interruption.check()
        old = self._running()
        if not old:
            raise ForumError(
                f"no container of {self.service} runs in that project (docker compose ls names"
                " them), so there is nothing to replace. Start it with docker compose up."
            )
        self._say(f"{len(old)} to replace: {_names(old)}")
        # What stopped earlier would be started again in place of a new one.
        self._compose("rm", "--force", self.service)
        try:
            self._start_beside(old)
            new = self._all() - old
            self._await_healthy(new)
            self._await_ready(new)
            self._say(f"ready: {_names(new)}")
            time.sleep(GATEWAY_SECONDS)
            self._interruption.check()
        except BaseException:
            self._remove(self._all() - old)
            raise
        # From here on it is brought to its end, which takes seconds: requests have gone to both.
        self._stop(old)
        self._say(f"replaced by {_names(new)}")

    def _start_beside(self, old: set[str]) -> None:
        scale = f"--scale={self.service}={2 * len(old)}"
        self._compose("up", "--detach", "--no-deps", "--no-recreate", scale, self.service)

    def _await_healthy(self, new: set[str]) -> None:
        deadline = time.monotonic() + HEALTHY_SECONDS
        while waiting := [state for state in inspect(*new) if _health(state) != "healthy"]:
            for state in waiting:
                # Docker starts one again that ended: it would be in the way each time.
                if state["RestartCount"] or not state["State"]["Running"]:
                    raise self._refused(state, "ended")
            if time.monotonic() > deadline:
                raise self._refused(waiting[0], f"is not healthy after {HEALTHY_SECONDS} s")
            self._interruption.check()
            time.sleep(0.2)

    def _await_ready(self, new: set[str]) -> None:
        """Healthy is whatever serves. Ready has its database, and that all migrations."""
        deadline = time.monotonic() + READY_SECONDS
        for state in inspect(*new):
            while missing := _missing(state["Id"]):
                if time.monotonic() > deadline:
                    raise self._refused(state, f"is not ready ({missing})")
                self._interruption.check()
                time.sleep(0.5)

    def _refused(self, state: dict[str, Any], what: str) -> ForumError:
        said = _last_lines(state["Id"])
        return ForumError(
            f"the new {_called(state)} {what}. It is removed; the old ones run on."
            f" Its last lines:\n{said}"
        )

    def _stop(self, containers: set[str]) -> None:
        """SIGTERM, on which each serves on for some seconds and then ends what is in flight."""
        started = time.monotonic()
        docker("stop", *containers)
        seconds = time.monotonic() - started
        stopped = sorted(inspect(*containers), key=_called)
        docker("rm", *containers)
        for state in stopped:
            status = state["State"]["ExitCode"]
            self._say(f"{_called(state)} stopped within {seconds:.0f} s with status {status}")

    def _remove(self, containers: set[str]) -> None:
        if containers:
            docker("rm", "--force", *containers)

    def _running(self) -> set[str]:
        return self._replicas("ps", "--quiet", self.service)

    def _all(self) -> set[str]:
        return self._replicas("ps", "--all", "--quiet", self.service)

    def _replicas(self, *listed: str) -> set[str]:
        """Without those of `docker compose run`: a job of somebody's is neither old nor new."""
        found = self._compose(*listed).split()
        return {state["Id"] for state in (inspect(*found) if found else []) if not _is_job(state)}

    def _compose(self, *arguments: str) -> str:
        # The profile lets the monolith be named; nothing else is started.
        return docker("compose", *self._project, "--profile", "monolith", *arguments)

    def _say(self, words: str) -> None:
        print(f"{self.service}: {words}", flush=True)


def _health(state: dict[str, Any]) -> str:
    return str(state["State"].get("Health", {}).get("Status"))


def _is_job(state: dict[str, Any]) -> bool:
    return str(state["Config"]["Labels"].get("com.docker.compose.oneoff")) == "True"


def _missing(container: str) -> str:
    """What the container's server is not ready for; empty when it is."""
    ask = ["python", "-IS", "chassis/healthcheck.py", "/readyz"]
    try:
        docker("exec", container, *ask)
    except ForumError as error:
        return str(error).splitlines()[-1]
    return ""


def _called(state: dict[str, Any]) -> str:
    return str(state["Name"]).removeprefix("/")


def _last_lines(container: str) -> str:
    logs = ["docker", "logs", f"--tail={LOG_LINES}", container]
    done = subprocess.run(
        logs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.stdout.strip()


def _names(containers: set[str]) -> str:
    return ", ".join(sorted(_called(state) for state in inspect(*containers)))
