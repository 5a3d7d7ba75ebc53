"""The commands beside `up`, and what every command says when it cannot."""

import contextlib
import http.server
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from .deploying import Checkout, Deployment, Done, with_stub_docker, write_size
from .emulator import Emulator

ACCOUNTS = count(3001)
EXPIRED = b"""<ErrorResponse><Error><Code>ExpiredToken</Code>
<Message>The security token included in the request is expired</Message></Error></ErrorResponse>"""
PLUGIN = """
import json, os, sys

if sys.argv[1:] == ["--version"]:
    print("VERSION")
else:
    print(json.dumps([*sys.argv[1:], os.environ[sys.argv[1]]]))
"""


@pytest.fixture(scope="module")
def absent(
    records: Emulator, checkout: Checkout, tmp_path_factory: pytest.TempPathFactory
) -> Deployment:
    """A forum that is not there."""
    folder = tmp_path_factory.mktemp("commands")
    authority = folder / "authority.pem"
    authority.write_bytes(records.get("/_ministack/rds/ca.pem"))
    size = write_size(folder / "size.json", authority)
    account = f"{next(ACCOUNTS):012}"
    return Deployment(records, checkout, size, "asked", account, with_stub_docker(folder))


@pytest.fixture(scope="module")
def there(absent: Deployment) -> Deployment:
    """One that is, without tasks that run, for tests that leave it as it was."""
    forum = replace(absent, name="answering", account=f"{next(ACCOUNTS):012}")
    forum.ok("up", "users", "topics")
    return forum


@pytest.fixture
def own(there: Deployment) -> Deployment:
    """One that a test may do away with."""
    # A name of its own: the emulator finds a load balancer by its name alone.
    number = next(ACCOUNTS)
    forum = replace(there, name=f"own-{number}", account=f"{number:012}")
    forum.ok("up", "users")
    return forum


def assert_one_line(done: Done, status: int, *words: str) -> None:
    progress = " 0123456789:"
    (line,) = [line for line in done.err.splitlines() if line[:5].strip(progress)]
    assert done.status == status, done.err
    assert line.startswith("scripts/deploy: ")
    for word in words:
        assert word in line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["up", "nobody"], ["'nobody'", "users, topics, messages, monolith"]),
        (["scale", "users", "two", "3"], ["'two'"]),
        (["scale", "users", "4", "3"], ["4 and 3"]),
        (["scale", "users", "0", "3"], ["0 and 3", "nothing would start one"]),
        (["status", "--name", "Forum"], ["'Forum'", "a-z"]),
        (["status", "--name", "my-users"], ["my-users"]),
        (["status", "--name", "my-data"], ["my-data"]),
        (["status", "--name", "my-users-2"], ["'my-users-2' has 'users' in it"]),
        (["status", "--name", "forum-"], ["'forum-'", "the last no hyphen"]),
        (["status", "--name", "my--forum"], ["'my--forum'", "single hyphens"]),
        (["status", "--name", "a-name-of-21-letters-"], ["up to 20"]),
        (["status", "--name", "internal-forum"], ["'internal-forum' begins", "internal-"]),
        (["status", "--name", "ecstatic"], ["'ecstatic' begins", "ecs"]),
        (["plan", "--size", "huge"], ["huge", "busy, hobby, team"]),
        (["plan", "--size", "none.json"], ["none.json"]),
        (["status", "--endpoint-url", "here"], ["'here'"]),
        (["fly"], ["'fly'", "--help"]),
        ([], ["COMMAND"]),
        (["logs", "users", "--follow", "--json"], ["--follow"]),
    ],
)
def test_a_wrong_argument_is_one_line_and_status_2(
    absent: Deployment, arguments: list[str], words: list[str]
) -> None:
    where = ["--endpoint-url", absent.emulator.url]
    done = absent.typed(*where, *arguments)
    if "--json" in arguments:
        assert done.status == 2
        assert words[0] in done.document["error"]
    else:
        assert_one_line(done, 2, *words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"launch": "rocket"}, ["launch", "'rocket'", "fargate or ec2"]),
        ({"network": {"Egres": "nat"}}, ["Egres", "network.yml", "Egress"]),
        ({"services": {"users": {"cpu": "256"}}}, ["users", "cpu, memory, minimum and maximum"]),
        ({"databases": "existing", "existing": {}}, ["existing", "no secret for users"]),
    ],
)
def test_a_wrong_size_is_one_line_that_names_the_place(
    absent: Deployment, tmp_path: Path, change: dict[str, object], words: list[str]
) -> None:
    size = tmp_path / "size.json"
    size.write_text(json.dumps({**json.loads(absent.size.read_text()), **change}))
    done = absent.typed(
        "plan", f"--size={size}", f"--endpoint-url={absent.emulator.url}", "--name=wrong"
    )
    assert_one_line(done, 2, str(size), *words)


def test_no_region_no_credentials_and_nobody_there_are_one_line_each(absent: Deployment) -> None:
    here = f"--endpoint-url={absent.emulator.url}"
    done = absent.typed("status", here, variables={"AWS_DEFAULT_REGION": ""})
    assert_one_line(done, 2, "--region")
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    assert_one_line(absent.typed("status", here, variables=nobody), 1, "credentials", "Sign in")
    done = absent.typed("status", "--endpoint-url=http://127.0.0.1:1")
    assert_one_line(done, 1, "does not answer", "127.0.0.1:1")


class Refusing(http.server.BaseHTTPRequestHandler):
    """AWS for somebody who signed in yesterday."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(403)
        # Which services say it in XML, and which in JSON, is told by the request.
        as_json = "json" in self.headers.get("Content-Type", "")
        body = b'{"__type": "ExpiredTokenException", "message": "expired"}' if as_json else EXPIRED
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def refusing() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "command", ["status", "up", "plan", "logs users", "down", "rollback users"]
)
def test_expired_credentials_are_one_line(absent: Deployment, command: str) -> None:
    with refusing() as url:
        done = absent.typed(*shlex.split(command), "--yes", f"--endpoint-url={url}")
    assert_one_line(done, 1, "expired", "Sign in again")


def test_up_without_docker_is_one_line_before_anything_is_made(
    absent: Deployment, tmp_path: Path
) -> None:
    forum = replace(absent, account=f"{next(ACCOUNTS):012}", variables={"PATH": str(tmp_path)})
    done = forum.typed("up", "--yes", f"--endpoint-url={forum.emulator.url}")
    assert_one_line(done, 1, "no docker command")
    assert forum.client("cloudformation").describe_stacks()["Stacks"] == []


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("status", "no forum 'asked'"),
        ("logs users", "not deployed"),
        ("scale users 1 2", "not deployed"),
        ("rollback users", "not deployed"),
        ("down", "no forum 'asked'"),
    ],
)
def test_what_is_not_there_is_said_so(absent: Deployment, command: str, words: str) -> None:
    assert_one_line(absent.run(*shlex.split(command)), 1, words)


def test_up_asks_before_it_makes_what_costs(absent: Deployment) -> None:
    forum = replace(absent, account=f"{next(ACCOUNTS):012}")
    where = [f"--endpoint-url={forum.emulator.url}", f"--size={forum.size}"]
    done = forum.typed("up", *where, answer="no\n")
    assert done.status == 1
    assert "for about $" in done.err
    assert "'no' is not 'yes'" in done.err
    done = forum.typed("up", *where)
    assert done.status == 1
    assert "--yes" in done.err
    assert forum.client("cloudformation").describe_stacks()["Stacks"] == []


def test_status_shows_each_service(there: Deployment) -> None:
    document = there.ok("status", "--json").document
    assert document["url"] == there.url
    shown = {each["service"]: each for each in document["services"]}
    assert set(shown) == {"users", "topics"}
    assert shown["users"]["version"].startswith("answering-users:")
    assert (shown["users"]["running"], shown["users"]["state"]) == (1, "steady")
    assert document["stacks"]["answering-network"] == "CREATE_COMPLETE"


def test_the_size_is_remembered(there: Deployment) -> None:
    done = there.typed("plan", f"--endpoint-url={there.emulator.url}", "--name=answering", "users")
    assert done.status == 0, done.err
    assert done.out.startswith("Nothing would change.")


def test_scale_holds_through_later_releases_and_can_be_taken_back(own: Deployment) -> None:
    own.ok("scale", "users", "2", "6")
    service = own.ok("status", "--json").document["services"][0]
    assert (service["minimum"], service["maximum"], service["running"]) == (2, 6, 2)
    assert own.ok("up", "users", "--json").document["changed"] == []
    own.ok("scale", "users", "1", "4")
    service = own.ok("status", "--json").document["services"][0]
    assert (service["minimum"], service["maximum"]) == (1, 4)
    assert own.ok("plan", "users", "--json").document["empty"]


def test_scale_starts_no_deployment(own: Deployment) -> None:
    ecs = own.client("ecs")

    def live() -> tuple[list[str], list[dict[str, object]]]:
        (service,) = ecs.describe_services(cluster=own.name, services=["users"])["services"]
        deployments = [each["id"] for each in service["deployments"]]
        return deployments, service["capacityProviderStrategy"]

    before = live()
    own.ok("scale", "users", "3", "6")
    assert live() == before


def test_a_scale_that_fails_is_not_remembered(own: Deployment) -> None:
    spared = set(own.emulator.calls(own.account)) - {"ecs.UpdateService"}
    own.emulator.spoil(own.account, "fail", spared)
    done = own.run("scale", "users", "3", "6")
    (spoiled,) = own.emulator.spoiled(own.account)
    assert (done.status, spoiled.split()[0]) == (1, "ecs.UpdateService")
    assert own.ok("plan", "users", "--json").document["empty"]


def test_rollback_needs_a_version_that_ran(there: Deployment) -> None:
    assert_one_line(there.run("rollback", "users"), 1, "no version before it has run")


def test_exec_hands_the_terminal_to_a_task(there: Deployment, tmp_path: Path) -> None:
    assert_one_line(there.run("exec", "users"), 1, "session-manager-plugin", "Install it")
    path = {"PATH": f"{tmp_path}{os.pathsep}{there.variables['PATH']}"}
    forum = replace(there, variables=path)

    def install(version: str) -> None:
        plugin = tmp_path / "session-manager-plugin"
        plugin.write_text(f"#!{sys.executable}\n{PLUGIN.replace('VERSION', version)}")
        plugin.chmod(0o755)

    install("1.2.497.0")
    assert_one_line(forum.run("exec", "users"), 1, "session-manager-plugin 1.2.497.0 is too old")
    install("1.2.536.0")
    done = forum.ok("exec", "users", "python", "-m", "users.admin")
    name, region, action, _, target, url, session = json.loads(done.out)
    # What is among the arguments of a process everybody on the machine can read.
    assert name == "AWS_SSM_START_SESSION_RESPONSE"
    assert set(json.loads(session)) == {"sessionId", "streamUrl", "tokenValue"}
    assert (region, action, url) == ("eu-central-1", "StartSession", there.emulator.url)
    (task,) = there.client("ecs").list_tasks(cluster=there.name, serviceName="users")["taskArns"]
    assert json.loads(target)["Target"].startswith(f"ecs:{there.name}_{task.rpartition('/')[2]}_")


def test_down_asks_for_the_name_keeps_the_data_and_leaves_nothing_when_told(
    own: Deployment,
) -> None:
    where = [f"--endpoint-url={own.emulator.url}", f"--name={own.name}"]
    done = own.typed("down", *where, answer="forum\n")
    assert done.status == 1
    assert f"'forum' is not '{own.name}'" in done.err
    done = own.typed("down", *where, "--json", answer=f"{own.name}\n")
    assert done.status == 0, done.err
    assert done.document["kept"] == ["data"]
    assert set(done.document["left"]) == {"databases"}
    done = own.ok("down", "--delete-data", "--json")
    assert (done.document["kept"], done.document["left"]) == ([], {})
    assert_one_line(own.run("down"), 1, f"no forum '{own.name}'")


def test_down_goes_on_without_a_load_balancer(own: Deployment) -> None:
    balancing = own.client("elbv2")
    (live,) = balancing.describe_load_balancers()["LoadBalancers"]
    balancing.delete_load_balancer(LoadBalancerArn=live["LoadBalancerArn"])
    assert own.ok("down", "--delete-data", "--json").document["left"] == {}


def test_down_leaves_the_cluster_of_somebody_else_alone(own: Deployment) -> None:
    own.ok("down")
    ecs = own.client("ecs")
    ecs.create_cluster(clusterName=own.name, tags=[{"key": "forum", "value": "another"}])
    ecs.register_task_definition(
        family="theirs", containerDefinitions=[{"name": "theirs", "image": "theirs", "memory": 128}]
    )
    ecs.create_service(
        cluster=own.name, serviceName="users", taskDefinition="theirs", desiredCount=1
    )
    done = own.ok("down", "--delete-data", "--json")
    assert done.document["left"] == {}
    assert f"the cluster {own.name} has no tag forum={own.name}: it is left alone" in done.err
    (kept,) = ecs.describe_services(cluster=own.name, services=["users"])["services"]
    assert (kept["status"], kept["runningCount"]) == ("ACTIVE", 1)


def test_a_no_to_what_is_replaced_leaves_those_stacks_and_no_change_set(
    own: Deployment, tmp_path: Path
) -> None:
    changed = replace(own, checkout=own.checkout.copy(tmp_path / "checkout"))
    role = "  TaskRole:\n    Type: AWS::IAM::Role\n    Properties:\n"
    changed.checkout.replace("ecs/service.yml", role, f"{role}      Path: /forum/\n")
    where = [f"--endpoint-url={own.emulator.url}", f"--name={own.name}", f"--size={own.size}"]
    done = changed.typed("up", "users", *where, answer="no\n")
    assert done.status == 1
    assert f"{own.name}-users: replace TaskRole (AWS::IAM::Role)" in done.err
    assert "'no' is not 'yes'. These stacks are left as they are." in done.err
    found = own.client("cloudformation").list_change_sets(StackName=f"{own.name}-users")
    assert [
        each for each in found["Summaries"] if each["ExecutionStatus"] != "EXECUTE_COMPLETE"
    ] == []
    assert own.ok("plan", "users", "--json").document["empty"]


def test_a_forum_comes_back_on_the_data_that_was_kept(own: Deployment) -> None:
    rds = own.client("rds")
    before = rds.describe_db_clusters()["DBClusters"][0]["DBClusterIdentifier"]
    own.ok("down")
    own.ok("up", "users")
    (after,) = rds.describe_db_clusters()["DBClusters"]
    assert after["DBClusterIdentifier"] == before
    assert own.ok("plan", "users", "--json").document["empty"]


def test_ctrl_c_is_one_line(there: Deployment) -> None:
    with subprocess.Popen(
        there.command("logs", "users", "--follow"),
        env={**there.emulator.environment(there.account), **there.variables},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        calls = len(there.emulator.calls(there.account))
        while "logs.FilterLogEvents" not in there.emulator.calls(there.account)[calls:]:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert err == "scripts/deploy: Stopped. Run the command again: it goes on where it stopped.\n"
