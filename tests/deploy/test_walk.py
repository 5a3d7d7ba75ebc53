"""The walk of docs/deploy.md, command by command, by a user with nothing but its policies.

Nothing runs behind the calls here; what the forum does once it runs is in test_forum.py.
"""

import http.server
import json
import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from forum.places import ROOT

from . import source
from .deploying import ARCHITECTURE, SECONDS, STUB, Checkout
from .emulator import ACCOUNT, REGION, Emulator

USER = "deployer"
DOMAIN = "https://forum.example.org"
RULES = ["100", "200", "300"]
# What `docker` says of itself, beside what deploying asks of it.
DOCKER = f"""{STUB}
if "version" in sys.argv:
    print("26.0.0", "{"linux/arm64" if ARCHITECTURE == "ARM64" else "linux/amd64"}")
"""
# The AWS CLI, as far as the page uses it: `aws SERVICE OPERATION --some-name VALUE`.
AWS = """
import boto3, os, sys

service, operation, *given = sys.argv[1:]
names = [name[2:].title().replace("-", "") for name in given[::2]]
client = boto3.client(service, os.environ["AWS_REGION"])
getattr(client, operation.replace("-", "_"))(**dict(zip(names, given[1::2])))
"""
# The plugin hands the terminal over; there is nobody behind it.
COMMANDS = {"docker": DOCKER, "aws": AWS, "session-manager-plugin": "print('1.2.707.0')"}


def blocks() -> list[str]:
    """The page's commands, as they stand; taking down comes last, wherever it is told of."""
    page = (ROOT / "docs" / "deploy.md").read_text()
    found = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    return sorted(found, key=lambda block: "scripts/deploy down" in block)


class Answers(http.server.BaseHTTPRequestHandler):
    """What the last step of `up` asks, answered as the forum would."""

    def do_GET(self) -> None:
        self.send_response(404 if self.path == "/livez" else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An AWS that asks of each call whether who calls may make it."""
    with pytest.MonkeyPatch.context() as changed:
        changed.setenv("AUTH", "true")
        changed.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
        changed.setenv("AWS_SECRET_ACCESS_KEY", "of the emulator")
        with Emulator(tmp_path_factory.mktemp("strict") / "log", containers=False) as running:
            yield running


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the forum seems to be."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def person(strict: Emulator, checkout: Checkout, tmp_path: Path, address: str) -> "Person":
    return Person(strict, checkout.copy(tmp_path / "checkout"), tmp_path, address)


class Person:
    """Somebody with a checkout and a shell, who follows the page."""

    def __init__(self, aws: Emulator, checkout: Checkout, folder: Path, address: str) -> None:
        self.aws, self.checkout, self.folder, self.address = aws, checkout, folder, address
        self.policies: dict[str, str] = {}
        self.environment = aws.environment()
        for name, script in COMMANDS.items():
            (folder / name).write_text(f"#!{sys.executable}\n{script}")
            (folder / name).chmod(0o755)
        self.environment |= {
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "AWS_ENDPOINT_URL": aws.url,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        del self.environment["AWS_DEFAULT_REGION"]

    def becomes(self, access_key: dict[str, str]) -> None:
        """Sign in as somebody else."""
        self.environment["AWS_ACCESS_KEY_ID"] = access_key["AccessKeyId"]
        self.environment["AWS_SECRET_ACCESS_KEY"] = access_key["SecretAccessKey"]

    @property
    def access_key(self) -> str:
        return self.environment["AWS_ACCESS_KEY_ID"]

    def gets(self, *policies: str) -> None:
        """Be allowed what these say."""
        for policy in policies:
            self.aws.client("iam").attach_user_policy(
                UserName=USER, PolicyArn=self.policies[policy]
            )

    def loses(self, policy: str) -> None:
        """Be allowed it no more."""
        self.aws.client("iam").detach_user_policy(UserName=USER, PolicyArn=self.policies[policy])

    def types(self, block: str) -> str:
        """Run a block of the page in one shell; what it printed."""
        options = f"--yes --endpoint-url={self.aws.url} --address={self.address}"
        command = f"{shlex.quote(sys.executable)} scripts/deploy {options}"
        text = block.replace(DOMAIN, self.address).replace("scripts/deploy", command)
        done = subprocess.run(
            ["bash", "-euc", f"export AWS_REGION={REGION}\n{text}"],
            cwd=self.checkout.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def write_sizes(person: Person) -> None:
    """The page's sizes, for this machine and this AWS; `ours` with a certificate."""
    folder = person.checkout.root / "ecs" / "sizes"
    authority = person.folder / "authority.pem"
    authority.write_bytes(person.aws.get("/_ministack/rds/ca.pem"))
    hobby = {
        **json.loads((folder / "hobby.json").read_text()),
        "architecture": ARCHITECTURE,
        "database_ca": str(authority),
    }
    certificate = person.aws.client("acm").request_certificate(DomainName="forum.example.org")
    ours = {**hobby, "platform": {"Certificate": certificate["CertificateArn"]}}
    for name, size in {"hobby": hobby, "ours": ours}.items():
        (folder / f"{name}.json").write_text(json.dumps(size))


def listeners(person: Person) -> dict[int, tuple[str, list[str]]]:
    """By port: what the load balancer does where no rule says it, and the rules' priorities."""
    balancing = person.aws.client("elbv2")
    (balancer,) = balancing.describe_load_balancers(Names=["forum"])["LoadBalancers"]
    found = balancing.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])
    return {
        each["Port"]: (
            each["DefaultActions"][0]["Type"],
            sorted(
                rule["Priority"]
                for rule in balancing.describe_rules(ListenerArn=each["ListenerArn"])["Rules"]
                if not rule["IsDefault"]
            ),
        )
        for each in found["Listeners"]
    }


def test_every_command_of_the_page_works_for_whoever_has_its_policies(person: Person) -> None:
    iam = person.aws.client("iam")
    iam.create_user(UserName=USER)
    write_sizes(person)
    said = ""
    for block in blocks():
        if "up messages" in block:
            person.checkout.replace("services/messages/messages/app.py", "import", "\nimport")
            # A release needs no more.
            for policy in set(person.policies) - {"forum-release"}:
                person.loses(policy)
        if "monolith" in block:
            person.gets(*person.policies)
        said = person.types(block)
        if "policy" in block:
            person.policies = {
                each["PolicyName"]: each["Arn"]
                for each in iam.list_policies(Scope="Local")["Policies"]
            }
            assert len(person.policies) == 5
            person.gets(*person.policies)
            person.becomes(iam.create_access_key(UserName=USER)["AccessKey"])
        if "--size ours" in block:
            assert listeners(person) == {80: ("redirect", []), 443: ("fixed-response", RULES)}
    assert said.endswith("Nothing is left that costs money.\n")
    # What the policies are held against is all that was called, and not less.
    called = {call.replace(".", ":") for call in person.aws.calls(person.access_key)}
    assert "ecs:CreateService" in called
    assert called <= {each.replace("cloudwatch:", "monitoring:") for each in source.calls()}
