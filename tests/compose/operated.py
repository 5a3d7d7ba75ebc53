"""A forum that is started from a copy of the checkout, and looked after as the runbooks say."""

import json
import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from drill import people
from drill.load import Load
from forum.compose import Compose, docker
from forum.places import ROOT, SERVICES

from .whole import SENT, assert_whole

RUNBOOKS = ROOT / "docs" / "runbooks"
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
COPIED = (
    "docker-compose.yml",
    ".dockerignore",
    "compose",
    "chassis/chassis",
    "services",
    "scripts",
)
# The share of requests that may meet one: of a hundred, or of the few of a short block, one or two.
UNAVAILABLE = 0.02
# What is tested here are neither the limits nor how long a service drains.
PLENTY = {
    "WRITES_BURST": "100000",
    "WRITES_PER_SECOND": "1000",
    "REGISTRATIONS_PER_ADDRESS": "1000",
    "LOGINS_PER_ADDRESS": "1000",
}
QUICKER = {"services": {name: {"environment": {"DRAIN_SECONDS": "1"}} for name in SERVICES}}


def blocks(page: str) -> list[str]:
    """The commands of a page of docs/runbooks, a text for each block."""
    return BLOCK.findall((RUNBOOKS / page).read_text())


def assert_nothing_lost(load: Load, unavailable: float = UNAVAILABLE) -> None:
    """Each request was answered, so many by a 503, and each acknowledged write is there once."""
    failed = [request for request in load.requests if request.failed]
    assert load.share_sent >= SENT
    # A machine that does other things answers some too late, whatever is done to the forum.
    assert [request for request in failed if request.status != 503] == []
    assert len(failed) <= unavailable * len(load.requests), failed
    assert_whole(load)


class Operated(Compose):
    """As Compose, with a folder of its own whose files a test may change.

    `release` is in the folder's `.env`, as FORUM_VERSION; the images of the checkout have that tag.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder / name)
        # YAML can be written as JSON.
        (folder / "quicker.yml").write_text(json.dumps(QUICKER))
        files = os.pathsep.join(
            str(folder / name) for name in ("docker-compose.yml", "quicker.yml")
        )
        super().__init__({**PLENTY, "COMPOSE_FILE": files})
        self._releases: list[str] = []
        self.first_release = f"{self.project}-first"
        self.release(self.first_release)
        for service in SERVICES:
            docker("tag", f"forum/{service}:local", f"forum/{service}:{self.first_release}")

    def release(self, name: str) -> None:
        """Write the name of a release where the runbook says."""
        self._releases.append(name)
        (self.folder / ".env").write_text(f"FORUM_VERSION={name}\n")

    def follow(self, commands: str, **variables: str) -> str:
        """What a block of a runbook prints, which must end well."""
        status, said = self.paste(commands, **variables)
        assert status == 0, f"{commands}\n{said}"
        return said

    def paste(self, commands: str, **variables: str) -> tuple[int, str]:
        """The status of a shell into which `commands` were pasted as they stand, and what it said.

        They are its standard input, which a command among them might read too.
        """
        done = subprocess.run(
            ["bash", "-s"],
            cwd=self.folder,
            env={**os.environ, **self.env, "COMPOSE_PROJECT_NAME": self.project, **variables},
            input=commands,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    def load(self) -> Load:
        """A few people who read and write."""
        return Load(self.url, people.register(self.url, 5), rate=10)

    def images(self) -> set[str]:
        """The names of the images that the services' containers run."""
        found = json.loads(docker("inspect", *(c for s in SERVICES for c in self.containers(s))))
        return {container["Config"]["Image"] for container in found}

    def close(self) -> None:
        """Remove everything of this project, its images too."""
        super().close()
        for release in set(self._releases):
            for service in SERVICES:
                tag = f"forum/{service}:{release}"
                if docker("images", "--quiet", tag):
                    docker("rmi", tag)


class Logs:
    """The log lines of all services while the block runs, of new containers too.

    Not those from before: an earlier test may have made calls that were refused on purpose.
    """

    def __init__(self, forum: Operated) -> None:
        self._forum = forum
        self._file = forum.folder / "log"

    def __enter__(self) -> "Logs":
        since = datetime.now(UTC).isoformat()
        with self._file.open("w") as out:
            self._process = subprocess.Popen(
                ["docker", "compose", "logs", "--follow", "--no-log-prefix", f"--since={since}",
                 *SERVICES],
                cwd=self._forum.folder,
                env={
                    **os.environ, **self._forum.env, "COMPOSE_PROJECT_NAME": self._forum.project
                },
                stdout=out,
                stderr=subprocess.DEVNULL,
            )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    def requests(self, path: str) -> list[dict[str, Any]]:
        """What was answered so far on this path, or below it."""
        # What follows the last end of a line is being written.
        whole, _, _ = self._file.read_text().rpartition("\n")
        # Something that clears a terminal's line comes before some.
        lines = [line.partition("{") for line in whole.splitlines()]
        found = [json.loads(brace + rest) for _, brace, rest in lines if brace]
        return [
            line for line in found
            if line["event"] == "request" and line["path"].startswith(path)
        ]  # fmt: skip
