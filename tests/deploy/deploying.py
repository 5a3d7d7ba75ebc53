"""`scripts/deploy` as a person runs it: a process of its own, from a checkout that tests change."""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx

from forum.places import ROOT

from .emulator import ACCOUNT, REGION, Emulator

SECONDS = 300
ARCHITECTURE = "ARM64" if platform.machine() in ("aarch64", "arm64") else "X86_64"
# What of `docker` is called: `push` puts a manifest into the repository, for the tag's own digest.
STUB = """
import json, os, sys, urllib.request

if "push" in sys.argv:
    registry, _, rest = sys.argv[-1].partition("/")
    name, _, tag = rest.rpartition(":")
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = {"schemaVersion": 2, "mediaType": kind, "annotations": {"tag": tag}}
    account = f"{os.environ['AWS_ACCESS_KEY_ID']}.dkr.ecr.REGION.amazonaws.com"
    put = urllib.request.Request(
        f"http://{registry}/v2/{name}/manifests/{tag}",
        data=json.dumps(manifest).encode(),
        headers={"Content-Type": kind, "Host": account},
        method="PUT",
    )
    urllib.request.urlopen(put).close()
""".replace("REGION", REGION)

HASTE = """
import types
import botocore.endpoint

botocore.endpoint.time = types.SimpleNamespace(sleep=lambda seconds: None)
"""


@dataclass(frozen=True)
class Done:
    """One run that has ended."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """What `--json` gave."""
        document: dict[str, Any] = json.loads(self.out)
        return document


class Checkout:
    """A copy of what deploying reads, so that a test may change a service."""

    def __init__(self, root: Path, origin: Path = ROOT) -> None:
        self.root = root
        # What the working tree has compiled changes while others work in it.
        left_out = ("tests", "__pycache__") if origin == ROOT else ()
        for name in ("chassis", "ecs", "monolith", "scripts", "services"):
            shutil.copytree(origin / name, root / name, ignore=shutil.ignore_patterns(*left_out))
        for file in (*origin.glob("requirements-*.lock"), origin / ".dockerignore"):
            shutil.copy(file, root)
        (root / ".venv").symlink_to(ROOT / ".venv")

    def copy(self, root: Path) -> "Checkout":
        """Another one, as this one is now."""
        return Checkout(root, self.root)

    def replace(self, file: str, old: str, new: str) -> None:
        """Change a file."""
        text = (self.root / file).read_text()
        assert old in text, f"{file} has no {old}"
        (self.root / file).write_text(text.replace(old, new))


@dataclass(frozen=True)
class Deployment:
    """One forum on an emulated AWS, and the checkout that it is deployed from."""

    emulator: Emulator
    checkout: Checkout
    size: Path
    name: str = "forum"
    account: str = ACCOUNT
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where clients find it."""
        return self.emulator.balancer(self.name)

    def command(self, command: str, *arguments: str) -> list[str]:
        """The whole command line."""
        given = [
            f"--region={REGION}",
            f"--name={self.name}",
            f"--endpoint-url={self.emulator.url}",
            f"--size={self.size}",
            f"--address={self.url}",
            "--yes",
        ]
        script = str(self.checkout.root / "scripts" / "deploy")
        return [sys.executable, script, command, *given, *arguments]

    def run(
        self, command: str, *arguments: str, before: Callable[[int], object] = lambda _: None
    ) -> Done:
        """Run a command to its end; `before` it begins somebody may want to know its process."""
        waiting = ["sh", "-c", 'read _; exec "$@"', "sh"]
        with subprocess.Popen(
            [*waiting, *self.command(command, *arguments)],
            env={**self.emulator.environment(self.account), **self.variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            before(process.pid)
            out, err = process.communicate("\n", timeout=SECONDS)
        return Done(process.returncode, out, err)

    def typed(
        self, *arguments: str, answer: str = "", variables: Mapping[str, str] = MappingProxyType({})
    ) -> Done:
        """Run a command as it is typed: without what `run` adds."""
        done = subprocess.run(
            [sys.executable, str(self.checkout.root / "scripts" / "deploy"), *arguments],
            env={**self.emulator.environment(self.account), **self.variables, **variables},
            input=answer,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def ok(self, command: str, *arguments: str) -> Done:
        """Run a command that has to work."""
        done = self.run(command, *arguments)
        assert done.status == 0, f"{command} ended with {done.status}:\n{done.out}\n{done.err}"
        return done

    def client(self, service: str) -> Any:
        """A boto3 client of the forum's account."""
        return self.emulator.client(service, self.account)

    def secret(self, name: str) -> dict[str, str]:
        """What a secret holds."""
        value = self.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
        held: dict[str, str] = json.loads(value)
        return held

    def title(self, service: str) -> str:
        """What the service calls itself: tests mark versions by it."""
        answer = httpx.get(f"{self.url}/api/{service}/openapi.json", timeout=30).raise_for_status()
        return str(answer.json()["info"]["title"])

    def run_in(self, service: str, *command: str) -> None:
        """Run a command of the service, as the task that its owner would start."""
        ecs = self.client("ecs")
        live = ecs.describe_services(cluster=self.name, services=[service])["services"][0]
        task = ecs.run_task(
            cluster=self.name,
            taskDefinition=live["taskDefinition"],
            launchType="FARGATE",
            networkConfiguration=live["networkConfiguration"],
            overrides={"containerOverrides": [{"name": service, "command": list(command)}]},
        )["tasks"][0]["taskArn"]
        ecs.get_waiter("tasks_stopped").wait(
            cluster=self.name, tasks=[task], WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
        (ended,) = ecs.describe_tasks(cluster=self.name, tasks=[task])["tasks"]
        assert [container["exitCode"] for container in ended["containers"]] == [0], ended


def write_size(file: Path, authority: Path, **choices: Any) -> Path:
    """A small forum for the emulator; its databases are vouched for by that authority."""
    service = {"cpu": "256", "memory": "512", "minimum": 1, "maximum": 4, "spot": True}
    size = {
        "architecture": ARCHITECTURE,
        "launch": "fargate",
        "databases": "shared",
        "database_ca": str(authority),
        "services": dict.fromkeys(("users", "topics", "messages", "monolith"), service),
        **choices,
    }
    file.write_text(json.dumps(size))
    return file


def with_stub_docker(folder: Path) -> dict[str, str]:
    """Variables that let `docker` build nothing, and push an empty image."""
    script = folder / "docker"
    script.write_text(f"#!{sys.executable}\n{STUB}")
    script.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def without_waiting(folder: Path) -> dict[str, str]:
    """Variables that let AWS be called again at once after it was throttled, as often as ever."""
    (folder / "sitecustomize.py").write_text(HASTE)
    return {"PYTHONPATH": str(folder)}
