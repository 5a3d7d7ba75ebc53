"""`scripts/roll`: new containers of services in place of those that run, without a lost request.

Standard library alone: it runs on a machine that has Docker and nothing of the forum installed.
"""

import argparse
import subprocess
import sys
import time
from typing import Any

from forum.compose import docker, inspect
from forum.errors import ForumError
from forum.places import SERVICES

HEALTHY_SECONDS = 90
# The gateway asks Docker's DNS for the containers of a service each second.
GATEWAY_SECONDS = 2
LOG_LINES = 20


def main() -> None:
    """Replace each service's containers; status 1 with the reason at the first that fails."""
    parser = argparse.ArgumentParser(
        prog="scripts/roll",
        description="Replace the running containers of each service in turn by as many new ones,"
        " made from the image and the settings that there are now. The old ones stop"
        " when all new ones are healthy; no request is lost. If the new ones do not get healthy"
        " they are removed, and the old ones stay.",
    )
    parts = [*SERVICES, "monolith"]
    parser.add_argument(
        "services", nargs="+", choices=parts, metavar="SERVICE", help=f"of {', '.join(parts)}"
    )
    parser.add_argument("-p", "--project", metavar="NAME", help="as docker compose's (forum)")
    options = parser.parse_args()
    for service in options.services:
        try:
            Roll(service, options.project).run()
        except ForumError as error:
            sys.exit(f"scripts/roll: {error}")
        except KeyboardInterrupt:
            sys.exit(f"scripts/roll: interrupted. {service} runs on in what is left of both.")


class Roll:
    """One service of one project, and what is done with its containers."""

    def __init__(self, service: str, project: str | None) -> None:
        self.service = service
        self._project = ["--project-name", project] if project else []

    def run(self) -> None:
        """Start new containers, wait for them, stop the old ones."""
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
        except BaseException:
            self._remove(self._all() - old)
            raise
        self._say(f"healthy: {_names(new)}")
        time.sleep(GATEWAY_SECONDS)
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
            time.sleep(0.2)

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
        for state in sorted(inspect(*containers), key=_called):
            status = state["State"]["ExitCode"]
            self._say(f"{_called(state)} stopped within {seconds:.0f} s with status {status}")
        docker("rm", *containers)

    def _remove(self, containers: set[str]) -> None:
        if containers:
            docker("rm", "--force", *containers)

    def _running(self) -> set[str]:
        return set(self._compose("ps", "--quiet", self.service).split())

    def _all(self) -> set[str]:
        return set(self._compose("ps", "--all", "--quiet", self.service).split())

    def _compose(self, *arguments: str) -> str:
        # The profile lets the monolith be named; nothing else is started.
        return docker("compose", *self._project, "--profile", "monolith", *arguments)

    def _say(self, words: str) -> None:
        print(f"{self.service}: {words}", flush=True)


def _health(state: dict[str, Any]) -> str:
    return str(state["State"].get("Health", {}).get("Status"))


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
