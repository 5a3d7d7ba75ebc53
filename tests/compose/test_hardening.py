"""Who reaches what, what a container may do, and what an image holds."""

import http.client
import json
import re
import subprocess
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from forum.compose import Compose, docker, inspect
from forum.errors import ForumError
from forum.places import ROOT, SERVICES

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("compose")]

PARTS = (*SERVICES, "monolith")
BASE = "python:3.13-slim"
# They end before what they are for begins.
ONCE = ("secrets", *(f"{service}-migrate" for service in SERVICES))
ADDED = {"gateway": ["NET_BIND_SERVICE"], "secrets": ["CHOWN"]}
LARGEST_IMAGE = 230 * 1000 * 1000
CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 2)
    print("reached")
except OSError:
    print("not reached")
"""


def reaches(forum: Compose, service: str, address: str, port: int) -> bool:
    """Whether a connection from inside the service's container is taken."""
    told = forum.run(service, "python", "-c", CONNECT, address, str(port)).strip()
    assert told in ("reached", "not reached")
    return told == "reached"


def addresses(forum: Compose, service: str) -> list[str]:
    """Of the service's container, on each of its networks."""
    [container] = inspect(*forum.containers(service))
    return [network["IPAddress"] for network in container["NetworkSettings"]["Networks"].values()]


def seen(forum: Compose) -> dict[str, dict[str, Any]]:
    """What Docker knows of each container, of those that have ended too, by its service's name."""
    found = inspect(*forum.compose("ps", "--all", "--quiet").split())
    return {each["Config"]["Labels"]["com.docker.compose.service"]: each for each in found}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_reaches_its_own_database_and_no_other(forum: Compose, service: str) -> None:
    for other in SERVICES:
        for address in (f"{other}-db", *addresses(forum, f"{other}-db")):
            assert reaches(forum, service, address, 5432) == (other == service), address


def test_a_service_reaches_nothing_outside(forum: Compose) -> None:
    [gateway] = inspect(*forum.containers("gateway"))
    networks = gateway["NetworkSettings"]["Networks"]
    [outside] = [name for name in networks if name.endswith("_edge")]
    assert reaches(forum, "users", "gateway", 80)
    assert not reaches(forum, "users", networks[outside]["IPAddress"], 80)
    assert not reaches(forum, "users", networks[outside]["Gateway"], 80)


@pytest.mark.parametrize(
    "path",
    [
        f"{before}{spelling}{after}"
        for path in ("internal/events", "metrics", "livez", "readyz")
        for before in ("/", "//", "/./", "/api/../", "/api/users/../../", "/%2e%2e/", "/x/../")
        for spelling in (path, path.upper(), f"%{ord(path[0]):x}{path[1:]}")
        for after in ("", "/", "?x=/api/users")
    ],
)
def test_what_is_internal_is_not_routed_in_any_spelling(forum: Compose, path: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(forum.url).netloc, timeout=10)
    connection.request("POST" if "nternal" in path.lower() else "GET", path)
    answer = connection.getresponse()
    assert answer.status == 404, answer.read()
    assert answer.headers["Content-Type"] == "application/problem+json"
    connection.close()


def test_only_the_gateway_is_published_and_only_on_this_machine(forum: Compose) -> None:
    for service, container in seen(forum).items():
        published = [
            binding["HostIp"]
            for bindings in container["NetworkSettings"]["Ports"].values()
            for binding in bindings or ()
        ]
        assert published == (["127.0.0.1"] * 2 if service == "gateway" else []), service


def test_a_container_may_do_no_more_than_it_needs(forum: Compose) -> None:
    containers = seen(forum)
    assert {service for service in containers if service not in ONCE} == {
        "gateway", *SERVICES, *(f"{service}-db" for service in SERVICES)
    }  # fmt: skip
    for service, container in containers.items():
        limits = container["HostConfig"]
        assert limits["ReadonlyRootfs"], service
        assert limits["CapDrop"] == ["ALL"], service
        added = [name.removeprefix("CAP_") for name in limits["CapAdd"] or ()]
        assert added == ADDED.get(service, []), service
        assert limits["SecurityOpt"] == ["no-new-privileges:true"], service
        assert limits["Memory"] > 0, service
        assert limits["NanoCpus"] > 0, service
        assert limits["LogConfig"]["Config"] == {"max-file": "3", "max-size": "10m"}, service
        if service in ONCE:
            assert limits["RestartPolicy"]["Name"] == "no", service
            continue
        assert limits["RestartPolicy"]["Name"] == "unless-stopped", service
        with pytest.raises(ForumError, match="Read-only file system"):
            forum.run(service, "touch", "/var/written")
    for service in SERVICES:
        assert forum.run(service, "id", "-u").strip() == "10001"
        assert forum.run(f"{service}-db", "id", "-un").strip() == "postgres"


def secret_values(forum: Compose) -> set[str]:
    """Everything that the first start made."""
    lines = [
        forum.run(name, "sh", "-c", "cat /run/secrets/* | tr ',' '\\n'; echo")
        for service in SERVICES
        for name in (service, f"{service}-db")
    ]
    found = set(re.findall(r"[0-9a-f]{64}", "\n".join(lines)))
    # Two passwords of each database, an idempotency secret of each service, one for internal calls.
    assert len(found) == 10
    return found


def test_no_secret_is_in_an_environment_a_configuration_or_a_log(forum: Compose) -> None:
    told = [
        forum.compose("config"),
        forum.compose("logs"),
        docker("inspect", *forum.all_containers()),
    ]
    assert not [value for value in secret_values(forum) if any(value in text for text in told)]


@pytest.mark.parametrize("part", PARTS)
def test_no_secret_is_in_an_image_or_its_history(images: None, part: str) -> None:
    [image] = inspect(f"forum/{part}:local")
    history = docker("history", "--no-trunc", "--format={{.CreatedBy}}", f"forum/{part}:local")
    names = [variable.partition("=")[0] for variable in image["Config"]["Env"]]
    assert not [name for name in names if re.search("SECRET|PASSWORD|TOKEN|DATABASE", name)]
    assert not re.search(r"(?i)(secret|password|token)\s*=", history)
    # Code alone; beside it is nothing but what the lock file names and what the base image has.
    assert in_image(part, "find /app -type f ! -name '*.py' ! -name '*.pyc'") == ""
    assert in_image(part, "grep -rlE 'BEGIN [A-Z ]*PRIVATE KEY' /app || true") == ""
    added = files(f"forum/{part}:local") - files(BASE)
    assert [name for name in added if not name.startswith(("/app/", "/opt/venv/"))] == []


@pytest.mark.parametrize("part", PARTS)
def test_an_image_is_small_and_has_neither_compiler_nor_cache(images: None, part: str) -> None:
    [image] = inspect(f"forum/{part}:local")
    assert image["Size"] <= LARGEST_IMAGE
    assert image["Config"]["User"] == "10001:10001"
    assert image["Config"]["Labels"]["org.opencontainers.image.title"] == f"forum-{part}"
    assert in_image(part, "command -v gcc cc g++ ld make || true") == ""
    assert in_image(part, "find / -xdev -path '*/.cache/*' -o -name '*.whl' -path '/opt/*'") == ""
    assert in_image(part, "find /app -name '*test*'") == ""


def in_image(part: str, command: str) -> str:
    """What a shell command prints in a container of the image."""
    return in_any(f"forum/{part}:local", command)


def in_any(image: str, command: str) -> str:
    run = ["run", "--rm", "--user=0", "--entrypoint=sh", image, "-c", command]
    return docker(*run).strip()


def files(image: str) -> set[str]:
    return set(in_any(image, "find / -xdev -type f").splitlines())


@pytest.mark.parametrize("part", PARTS)
def test_an_image_has_its_version_and_is_never_taken_from_a_registry(
    forum: Compose, part: str
) -> None:
    [image] = inspect(f"forum/{part}:local")
    assert image["Config"]["Labels"]["org.opencontainers.image.version"] == "local"
    told = json.loads(forum.compose("--profile", "monolith", "config", "--format=json"))
    for service in (part, f"{part}-migrate"):
        assert told["services"][service]["pull_policy"] == "never"


@pytest.mark.parametrize("part", PARTS)
def test_nothing_in_a_dockerfile_names_an_architecture(part: str) -> None:
    folder = "monolith" if part == "monolith" else f"services/{part}"
    text = (ROOT / folder / "Dockerfile").read_text()
    assert not re.search(r"(?i)amd64|arm64|x86|aarch64|--platform", text)
    assert "ARG BASE_IMAGE=" in text


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what users' image is built of."""
    of_users = ["ls-files", "-z", "chassis/chassis", "services/users", ".dockerignore"]
    listed = subprocess.run(["git", *of_users], cwd=ROOT, capture_output=True, check=True).stdout
    for name in listed.decode().split("\0")[:-1]:
        copy = tmp_path / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((ROOT / name).read_bytes())
    return tmp_path


def test_an_image_of_a_checkout_that_nobody_else_may_read_runs(
    images: None, checkout: Path
) -> None:
    for path in checkout.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    build = ["build", "--quiet", "-f", str(checkout / "services/users/Dockerfile"), str(checkout)]
    image = docker(*build).strip()
    with pytest.raises(ForumError, match="There is no command"):
        docker("run", "--rm", image, "no-such-command")
    docker("rmi", image)


def test_a_changed_line_of_source_installs_nothing_anew(images: None, checkout: Path) -> None:
    changed = checkout / "services/users/users/app.py"
    changed.write_text(f"{changed.read_text()}# {uuid.uuid4()}\n")
    done = subprocess.run(
        ["docker", "build", "--progress=plain", "-f", "services/users/Dockerfile", "."],
        cwd=checkout, capture_output=True, text=True, check=True,
    )  # fmt: skip
    steps = dict(re.findall(r"^(#\d+) (\[.*)$", done.stderr, re.MULTILINE))
    cached = set(re.findall(r"^(#\d+) CACHED", done.stderr, re.MULTILINE))
    ran = [words for step, words in steps.items() if step not in cached]
    assert [words for words in ran if "COPY services/users/users " in words]
    assert not [words for words in ran if "pip" in words or "requirements" in words], ran
