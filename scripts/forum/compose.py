"""A forum in containers: docker-compose.yml under a project name and on ports of its own."""

import json
import os
import secrets
import subprocess
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from forum import ports
from forum.errors import ForumError
from forum.places import ROOT

# Clients of the tests speak for others by X-Forwarded-For; they come in by a bridge of Docker's.
BRIDGES = "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16"
START_SECONDS = 120


def engine_answers() -> bool:
    """Whether there is a Docker engine that does what it is told."""
    try:
        asked = subprocess.run(["docker", "version"], capture_output=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0


def build() -> None:
    """Build the images of all services and of the monolith; quick where nothing has changed."""
    docker("compose", "--profile", "monolith", "build")


class Compose:
    """A running forum, as a context manager; nothing of it is left at the end, volumes neither.

    `env` are variables of docker-compose.yml. With `monolith` the original runs beside them.
    `started_in` are the seconds from the first command to the last healthy container.
    """

    def __init__(
        self,
        env: Mapping[str, str] | None = None,
        *,
        scale: Mapping[str, int] | None = None,
        monolith: bool = False,
    ) -> None:
        self.project = f"forum-{secrets.token_hex(4)}"
        port, https_port, monolith_port = ports.free(3)
        self.url = f"http://localhost:{port}"
        self.https_port = https_port
        self.monolith_url = f"http://localhost:{monolith_port}"
        self.env = {
            "FORUM_PORT": str(port),
            "FORUM_HTTPS_PORT": str(https_port),
            "FORUM_MONOLITH_PORT": str(monolith_port),
            "FORUM_TRUSTED_PROXIES": BRIDGES,
            **(env or {}),
        }
        self.started_in = 0.0
        self._scale = dict(scale or {})
        self._profile = ["--profile", "monolith"] if monolith else []

    def __enter__(self) -> Self:
        try:
            self.started_in = self.up()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def compose(self, *arguments: str, stdin: str | None = None) -> str:
        """What `docker compose ARGUMENTS` prints; ForumError with its words when it fails."""
        return docker(
            "compose", "--project-name", self.project, *self._profile, *arguments,
            env=self.env, stdin=stdin,
        )  # fmt: skip

    def up(self) -> float:
        """Start what does not run, wait until all are healthy; the seconds that it took."""
        started = time.monotonic()
        scale = [f"--scale={name}={count}" for name, count in self._scale.items()]
        self.compose("up", "--detach", "--wait", *scale)
        return time.monotonic() - started

    def scale(self, **counts: int) -> None:
        """Run so many replicas of the services named, and wait until they are healthy."""
        self._scale |= counts
        self.up()

    def down(self) -> None:
        """Stop and remove the containers; the volumes stay."""
        self.compose("down", "--timeout", "20", "--remove-orphans")

    def close(self) -> None:
        """Remove everything of this project."""
        self.compose("--profile", "*", "down", "--volumes", "--timeout", "0", "--remove-orphans")

    def containers(self, service: str) -> list[str]:
        """The ids of the service's running containers."""
        return self.compose("ps", "--quiet", service).split()

    def all_containers(self) -> list[str]:
        """The ids of all running containers."""
        return self.compose("ps", "--quiet").split()

    def run(self, service: str, *command: str) -> str:
        """What a command prints in a running container of the service."""
        return self.compose("exec", "--no-TTY", service, *command)

    def command(self, part: str, command: str, *arguments: str) -> str:
        """What `python -m PART.COMMAND ARGUMENTS` prints in a running container of the part."""
        return self.run(part, "python", "-m", f"{part}.{command}", *arguments)

    def query(self, part: str, statement: str) -> str:
        """The rows of a statement in the part's database, a line each, columns by `|`."""
        psql = ["psql", "--no-psqlrc", "--tuples-only", "--no-align", "--username=postgres", part]
        return self.run(f"{part}-db", *psql, f"--command={statement}").strip()

    def await_healthy(self, *services: str) -> None:
        """Wait until every container of the services is healthy."""
        deadline = time.monotonic() + START_SECONDS
        while waiting := [name for name in services if not self._healthy(name)]:
            if time.monotonic() > deadline:
                raise ForumError(
                    f"{', '.join(waiting)} not healthy after {START_SECONDS} s."
                    f" docker compose --project-name {self.project} logs tells more."
                )
            time.sleep(0.1)

    def _healthy(self, service: str) -> bool:
        found = self.containers(service)
        states = inspect(*found) if found else []
        return bool(states) and all(
            state["State"].get("Health", {}).get("Status") == "healthy" for state in states
        )


def inspect(*names: str) -> list[dict[str, Any]]:
    """What Docker knows of containers, images, networks or volumes."""
    found: list[dict[str, Any]] = json.loads(docker("inspect", *names))
    return found


def docker(*arguments: str, env: Mapping[str, str] | None = None, stdin: str | None = None) -> str:
    """What `docker ARGUMENTS` prints; ForumError with its words when it fails."""
    done = subprocess.run(
        ["docker", *arguments],
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        input=stdin or "",
        capture_output=True,
        text=True,
        check=False,
        # A Ctrl-C is the caller's to hear: a command that changes something is not cut off in it.
        start_new_session=True,
    )
    if done.returncode != 0:
        said = f"{done.stdout}{done.stderr}"
        raise ForumError(f"docker {' '.join(arguments)} ended with {done.returncode}:\n{said}")
    return done.stdout
