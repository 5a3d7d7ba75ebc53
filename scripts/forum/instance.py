"""A whole forum on this machine: database, migrations, services, gateway, and their end."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TextIO

from forum import parts, ports, postgres
from forum.errors import ForumError
from forum.folder import DataFolder
from forum.leashed import leashed
from forum.log import Log
from forum.migrations import migrate
from forum.places import SERVICES, folder_of
from forum.readiness import answers
from forum.supervisor import Part, Program

Mode = Literal["services", "monolith"]
CRASHES, CRASH_SECONDS = 5, 60.0
START_SECONDS = 180.0


class Forum:
    """A running forum, as a context manager.

    `data` keeps everything; without it a temporary folder is used and removed. Port 0 is any free
    port. `environment` is the services' ENVIRONMENT, and `env` are more variables for each of them
    (`{"WRITES_BURST": "1000"}`). Without `output` the log of all parts goes to `log_file`.
    """

    def __init__(
        self,
        data: Path | None = None,
        mode: Mode = "services",
        port: int = 0,
        *,
        environment: Literal["development", "production"] = "development",
        env: Mapping[str, str] | None = None,
        output: TextIO | None = None,
    ) -> None:
        self.mode: Mode = mode
        self.url = ""
        self.parts: dict[str, Part] = {}
        self.environments: dict[str, dict[str, str]] = {}
        self.log_file: Path | None = None
        self._data = data
        self._port = port
        self._stage = environment
        self._env = dict(env or {})
        self._output = output
        self._resources = contextlib.ExitStack()
        self._crashes: deque[float] = deque(maxlen=CRASHES)
        self._failure = ""
        self._failed = threading.Event()

    def __enter__(self) -> Self:
        try:
            self._start()
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

    @property
    def services(self) -> dict[str, Part]:
        """The three services, or the monolith, by name; each has its own `url` and `pid`."""
        names = SERVICES if self.mode == "services" else ("monolith",)
        return {name: self.parts[name] for name in names}

    def database_url(self, name: str) -> str:
        """The address of a part's database with its role; `postgres` is the superuser's."""
        password = self._folder.keyring.get(f"{name}_database")
        return postgres.url(self._database_port, name, password)

    def start(self, name: str) -> None:
        """Start a part that was stopped or killed, and wait until it answers."""
        self.parts[name].start()
        self._wait_for(name)

    def stop(self, name: str) -> None:
        """Stop a part in good order; it stays down until `start`."""
        self.parts[name].end()
        self.parts[name].wait(20)

    def kill(self, name: str) -> None:
        """`kill -9` of a part; it stays down until `start`.

        A test of the supervisor kills `parts[name].pid` itself: then it comes back on its own.
        """
        self.parts[name].end(signal.SIGKILL)
        self.parts[name].wait(20)

    def restart(self, name: str) -> None:
        """Stop a part in good order and start it again."""
        self.stop(name)
        self.start(name)

    def run(self, part: str, command: str, *arguments: str) -> str:
        """What `python -m PART.COMMAND ARGUMENTS` prints, with the part's settings."""
        done = subprocess.run(
            leashed([sys.executable, "-m", f"{part}.{command}", *arguments]),
            cwd=folder_of(part),
            env={**os.environ, **self.environments[part]},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise ForumError(f"{part}.{command} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def wait(self) -> None:
        """Block until the forum fails for good, and say why by raising ForumError."""
        self._failed.wait()
        raise ForumError(self._failure)

    def close(self) -> None:
        """Stop every part, the database last; nothing is left running and no lock held."""
        database = self.parts.get("postgres")
        others = [part for part in self.parts.values() if part is not database]
        for part in others:
            part.end()
        for part in others:
            part.wait(20)
        if database:
            database.end()
            database.wait(30)
        self._resources.close()

    def _start(self) -> None:
        self._open_folder()
        if self._port and ports.taken(self._port):
            raise ForumError(
                f"Port {self._port} of this machine is taken by another program. Stop that, or"
                " choose another port with --port."
            )
        names = SERVICES if self.mode == "services" else ("monolith",)
        self._database_port, gateway_port, *service_ports = ports.free(2 + len(names))
        self._port = self._port or gateway_port
        self.url = f"http://localhost:{self._port}"
        self._prepare_database()
        self._add(parts.database(self._folder, self._database_port))
        self.start("postgres")
        urls = {n: f"http://127.0.0.1:{p}" for n, p in zip(names, service_ports, strict=True)}
        for name, url in urls.items():
            self.environments[name] = self._env_of(name, urls)
            self._add(parts.service(name, url, self.environments[name]))
        self._add(parts.caddy(self._folder, self._port, urls))
        passwords = {n: self._folder.keyring.get(f"{n}_database") for n in postgres.DATABASES}
        postgres.make_databases(self.database_url("postgres"), passwords)
        migrate(self.environments, self._log.say)
        for part in self.parts.values():
            part.start()
        for name in self.parts:
            self._wait_for(name)
        self._write_down()

    def _open_folder(self) -> None:
        path = self._data
        if path is None:
            path = Path(self._resources.enter_context(tempfile.TemporaryDirectory(prefix="forum-")))
        self._folder = self._resources.enter_context(DataFolder(path))
        output = self._output
        if output is None:
            self.log_file = self._folder.run / "log"
            output = self._resources.enter_context(self.log_file.open("w"))
        self._log = Log(output)

    def _prepare_database(self) -> None:
        keyring = self._folder.keyring
        if self._folder.postgres.exists() and "postgres_database" not in keyring:
            raise ForumError(
                f"{self._folder.path} has a database but not its passwords: put its secrets/"
                " folder back, or remove the whole folder to start anew."
            )
        postgres.prepare(self._folder.postgres, keyring.get("postgres_database"))

    def _env_of(self, name: str, urls: Mapping[str, str]) -> dict[str, str]:
        database = self.database_url(name)
        return parts.settings(name, self._folder, database, urls, self._stage) | self._env

    def _add(self, program: Program) -> None:
        self.parts[program.name] = Part(program, self._log.say, self._on_crash)

    def _wait_for(self, name: str) -> None:
        checks: dict[str, Callable[[], bool]] = {
            "postgres": lambda: postgres.answers(
                self._folder.postgres, self.database_url("postgres")
            ),
            "gateway": lambda: answers(f"{self.url}/api/topics"),
        }
        check = checks.get(name, lambda: answers(f"{self.parts[name].url}/readyz"))
        deadline = time.monotonic() + START_SECONDS
        while not check():
            if self._failed.wait(0.02):
                raise ForumError(self._failure)
            if time.monotonic() > deadline:
                raise ForumError(
                    f"{name} does not answer after {START_SECONDS:.0f} s; see its log."
                )

    def _on_crash(self, name: str, how: str) -> None:
        now = time.monotonic()
        self._crashes.append(now)
        if len(self._crashes) == CRASHES and now - self._crashes[0] < CRASH_SECONDS:
            self._failure = f"{CRASHES} crashes in a minute, the last: {name} {how}. Giving up."
            self._failed.set()
            for part in self.parts.values():
                part.want_no_more()
            return
        self._log.say("forum", f"{name} {how}; starting it again")

    def _write_down(self) -> None:
        """`run/forum.json`: where everything is, for the commands that work on a running forum."""
        facts = {
            "mode": self.mode,
            "pids": {name: part.pid for name, part in self.parts.items()},
            "database_urls": {name: self.database_url(name) for name in postgres.DATABASES},
            "service_urls": {name: part.url for name, part in self.services.items()},
            "environments": self.environments,
        }
        path = self._folder.run / "forum.json"
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(facts, file, indent=2)
