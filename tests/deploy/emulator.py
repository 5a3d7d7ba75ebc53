"""The emulator of AWS as a process of the tests: started on a free port, ended without a trace."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3

from forum import ports
from forum.leashed import leashed
from forum.places import ROOT

REGION = "eu-central-1"
ACCOUNT = "000000000000"
PATIENCE = 60.0


class Emulator:
    """ministack with the bridges; with containers on a network of their own, or without any."""

    def __init__(self, log: Path, *, containers: bool = True) -> None:
        self.port, self._front = ports.free(2)
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        self._containers = containers
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: dict[tuple[str, str], Any] = {}

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._end()

    def _start(self) -> None:
        environment = {
            **os.environ,
            "GATEWAY_PORT": str(self.port),
            "BRIDGE_FRONT": str(self._front),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "MINISTACK_REGION": REGION,
            "MINISTACK_DOCKER_TIMEOUT": "120",
            "LOG_LEVEL": "WARNING",
        }
        if self._containers:
            environment["BRIDGE_CONTAINERS"] = "yes"
        else:
            environment["DOCKER_HOST"] = "unix:///nowhere"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                leashed([sys.executable, "-m", "tests.deploy.bridges"], last_signal=signal.SIGTERM),
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            assert self._process.poll() is None, f"it has ended:\n{self.log.read_text()}"
            assert time.monotonic() < deadline, f"it is not up:\n{self.log.read_text()}"
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            self.get("/_ministack/ready")
        except OSError:
            return False
        return True

    def _end(self) -> None:
        for client in self._clients.values():
            client.close()
        if self._process:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(PATIENCE)

    def get(self, path: str) -> bytes:
        """What the emulator, or a load balancer in it, answers to a plain GET."""
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:  # noqa: S310
            content: bytes = answer.read()
            return content

    def environment(self, account: str = ACCOUNT) -> dict[str, str]:
        """The environment of a process that uses this AWS: its credentials are the account."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {
            **kept,
            "AWS_ACCESS_KEY_ID": account,
            "AWS_SECRET_ACCESS_KEY": "emulator",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def client(self, service: str, account: str = ACCOUNT) -> Any:
        """A boto3 client of one of its services."""
        if (service, account) not in self._clients:
            self._clients[service, account] = boto3.client(  # type: ignore[call-overload]
                service,
                region_name=REGION,
                endpoint_url=self.url,
                aws_access_key_id=account,
                aws_secret_access_key="emulator",
            )
        return self._clients[service, account]

    def calls(self, account: str = ACCOUNT) -> list[str]:
        """All AWS calls of the account up to now: `ecs.CreateService` and so on."""
        calls: list[str] = json.loads(self.get(f"/_bridges/calls?account={account}"))
        return calls

    def spoil(
        self, account: str, kind: str, spared: Collection[str] = (), process: int = 0
    ) -> None:
        """Let calls that are not spared `fail`, `kill` and so on, as bridges/calls says."""
        fault = {"kind": kind, "spared": list(spared), "process": process}
        self._post("/_bridges/fault", {"account": account, **fault})

    def spoiled(self, account: str) -> list[str]:
        """Take that back; the calls that it happened to."""
        calls: list[str] = self._post("/_bridges/fault", {"account": account})["spoiled"]
        return calls

    def _post(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        asked = urllib.request.Request(self.url + path, json.dumps(document).encode())  # noqa: S310
        with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310
            told: dict[str, Any] = json.load(answer)
            return told

    def balancer(self, name: str = "forum") -> str:
        """The address by which a load balancer is asked here; only `forum` has one of its own."""
        if name == "forum":
            return f"http://127.0.0.1:{self._front}"
        return f"{self.url}/_alb/{name}"


def main() -> None:
    """Run one by hand: prints what a shell needs to use it, and ends with Ctrl-C."""
    folder = ROOT / "var"
    folder.mkdir(exist_ok=True)
    with contextlib.suppress(KeyboardInterrupt), Emulator(folder / "emulator.log") as running:
        authority = folder / "emulator.pem"
        authority.write_bytes(running.get("/_ministack/rds/ca.pem"))
        for name, value in running.environment().items():
            if name.startswith("AWS_"):
                print(f"export {name}='{value}'")
        print(f'# In a size of your own: "database_ca": "{authority}"')
        print(f"scripts/deploy --endpoint-url {running.url} --address {running.balancer()} ...")
        sys.stdout.flush()
        signal.pause()


if __name__ == "__main__":
    main()
