"""The pages of docs/runbooks: each command as it stands, on a forum that people use meanwhile."""

import json
import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import jwt
import pytest
import yaml

from forum import ports
from forum.compose import docker
from forum.errors import ForumError
from forum.places import ROOT, SERVICES

from .operated import RUNBOOKS, Logs, Operated, assert_nothing_lost, blocks
from .someone import Someone, assert_events_arrive, soon

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("compose")]

MONITORING = ROOT / "compose" / "monitoring.yml"
SIGNING = "/secrets/internal/secrets"
JWKS = "/api/users/.well-known/jwks.json"
# Signs a call with the secret on standard input, and prints the status of the answer.
CALL = """
import httpx, sys, time
from pydantic import SecretStr
from chassis.internal import sign
body, now = b'{"operation": "topic", "id": 1}', int(time.time())
signature = sign(SecretStr(sys.stdin.read()), "msg_1", now, body)
headers = {"webhook-id": "msg_1", "webhook-timestamp": str(now), "webhook-signature": signature}
print(httpx.post("http://topics:8000/internal/topic", content=body, headers=headers).status_code)
"""


def test_the_index_names_every_page() -> None:
    pages = {page.name for page in RUNBOOKS.glob("*.md")} - {"README.md"}
    assert set(re.findall(r"\]\(([\w-]+\.md)\)", (RUNBOOKS / "README.md").read_text())) == pages


PAGES = sorted(page.name for page in RUNBOOKS.glob("*.md"))


@pytest.mark.parametrize("block", [block for page in PAGES for block in blocks(page)])
def test_a_block_of_several_commands_ends_at_the_first_that_fails(block: str) -> None:
    several = len(block.splitlines()) > 1
    assert (block.startswith("( set -eu") and block.endswith(" )\n")) == several


def test_the_signing_key_is_replaced_without_a_restart(
    operated: Operated, someone: Callable[[], Someone]
) -> None:
    rotate, delete_all = blocks("rotate-signing-keys.md")
    person = someone()
    [first] = published(person)
    started = operated.all_containers()

    said = operated.follow(rotate)
    assert published(person) == {first, *re.findall(r"^(\w+) is published now", said)}
    assert re.findall(r"^(\w+) +signs ", said, re.MULTILINE) == [first]
    [second] = re.findall(r"^(\w+) +next ", said, re.MULTILINE)
    assert signed_with(person.log_in()) == first

    # Ten minutes go by. A replica looks at the database again when it is asked for the keys.
    arrive = f"UPDATE signing_keys SET signs_from = now() WHERE kid = '{second}'"  # noqa: S608
    operated.query("users", arrive)
    assert published(person) == {first, second}
    assert_events_arrive(person)
    assert signed_with(person.log_in()) == second
    soon(lambda: 401 not in answers(person))
    assert_events_arrive(person)

    operated.follow(delete_all)
    assert not published(person) & {first, second}
    newcomer = someone()
    soon(lambda: 401 not in answers(newcomer))
    assert set(answers(person)) == {401}
    assert operated.all_containers() == started


def published(person: Someone) -> set[str]:
    return {key["kid"] for key in person.send("GET", JWKS)["keys"]}


def signed_with(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def answers(person: Someone) -> list[int]:
    """What each service says to the person's token: 401 where it does not take it."""
    old = {"If-Match": '"0.0"'}
    return [
        person.http.patch("/api/users/me", json={}, headers=old).status_code,
        person.http.patch("/api/topics/1", json={}, headers=old).status_code,
        person.http.post("/api/messages", json={"topic_id": 2**62, "body": "text"}).status_code,
    ]


def test_the_internal_secret_is_replaced_without_a_refused_call(
    operated: Operated, someone: Callable[[], Someone]
) -> None:
    old = internal_secret(operated)
    assert call(operated, old) in (200, 404)
    with Logs(operated) as logs, operated.load() as load:
        for block in blocks("rotate-internal-secret.md"):
            operated.follow(block)
            assert_events_arrive(someone())
    assert_nothing_lost(load)
    answered = logs.requests("/internal/")
    assert {line["service"] for line in answered} == set(SERVICES)
    assert [line for line in answered if line["status"] in (401, 403)] == []
    assert internal_secret(operated) != old
    assert call(operated, internal_secret(operated)) in (200, 404)
    assert call(operated, old) == 401


@pytest.mark.parametrize("step", ["sign", "remove"])
def test_a_step_of_the_rotation_that_is_not_due_changes_nothing(
    operated: Operated, step: str
) -> None:
    before = internal_secret(operated)
    with pytest.raises(ForumError, match=r"first step is add|steps are add,"):
        operated.compose("run", "--rm", "secrets", "rotate-internal", step)
    assert internal_secret(operated) == before


def internal_secret(forum: Operated) -> str:
    """The one that signs."""
    return forum.compose("run", "--rm", "--entrypoint=cat", "secrets", SIGNING).strip()


def call(forum: Operated, secret: str) -> int:
    """The status of a call from inside that is signed with this secret."""
    return int(forum.compose("exec", "-T", "messages", "python", "-c", CALL, stdin=secret))


def test_a_request_is_found_by_its_id_in_each_service_that_it_crosses(
    operated: Operated, someone: Callable[[], Someone]
) -> None:
    find, _, _ = blocks("logs-and-metrics.md")
    person = someone()
    topic_id, request_id = person.topic(), uuid.uuid4().hex
    person.message(topic_id)
    # As if the messages service had not heard of the topic: it asks.
    forget = f"UPDATE topics SET version = 0 WHERE id = {topic_id}"  # noqa: S608
    operated.query("messages", forget)
    post = {"topic_id": topic_id, "body": "text"}
    person.send("POST", "/api/messages", post, **{"X-Request-ID": request_id})

    def found() -> list[tuple[str, str]]:
        lines = operated.follow(find, request_id=request_id).splitlines()
        requests = [json.loads(line[line.index("{") :]) for line in lines]
        return [(request["service"], request["path"]) for request in requests]

    crossed = [("topics", "/internal/topic"), ("messages", "/api/messages")]
    soon(lambda: found() == crossed)


def test_the_metrics_that_the_page_names_are_there(
    operated: Operated, someone: Callable[[], Someone]
) -> None:
    _, read, _ = blocks("logs-and-metrics.md")
    assert_events_arrive(someone())
    told = operated.follow(read)
    named = [
        cell for line in table("metric") for cell in re.findall(r"`(\w+)(?:{(.*?)})?`", line[0])
    ]
    assert len(named) >= 8
    for metric, labels in named:
        assert f"\n# HELP {metric} " in told, metric
        # What never happened so far has no line.
        if found := re.search(rf"^{metric}(_bucket)?({{.*}})? ", told, re.MULTILINE):
            given = set(re.findall(r"(\w+)=", found[2] or "")) - {"le"}
            assert given == set(filter(None, labels.split(", "))), metric


def table(heading: str) -> list[list[str]]:
    """The rows of the page's table whose first column has this heading."""
    _, found = (RUNBOOKS / "logs-and-metrics.md").read_text().split(f"\n| {heading} |")
    lines = found.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.fixture
def prometheus(operated: Operated) -> Iterator[str]:
    """The address of the Prometheus of the page."""
    image = yaml.safe_load(MONITORING.read_text())["services"]["prometheus"]["image"]
    try:
        docker("image", "inspect", image)
    except ForumError:
        try:
            docker("pull", "--quiet", image)
        except ForumError as error:
            pytest.skip(f"{image} is not here, and cannot be had: {error}")
    [port] = ports.free(1)
    _, _, start = blocks("logs-and-metrics.md")
    operated.follow(start, FORUM_PROMETHEUS_PORT=str(port))
    yield f"http://localhost:{port}/api/v1"
    operated.compose("rm", "--stop", "--force", "prometheus")


def test_prometheus_sees_each_container_and_alerts(operated: Operated, prometheus: str) -> None:
    def value(query: str) -> list[dict[str, Any]]:
        answer = httpx.get(f"{prometheus}/query", params={"query": query}).raise_for_status()
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def up() -> dict[str, int]:
        return Counter(each["metric"]["job"] for each in value("up == 1"))

    soon(lambda: up() == {"users": 1, "topics": 1, "messages": 1})
    operated.compose("up", "--detach", "--no-deps", "--no-recreate", "--scale=topics=2", "topics")
    soon(lambda: up() == {"users": 1, "topics": 2, "messages": 1})
    groups = httpx.get(f"{prometheus}/rules").raise_for_status().json()["data"]["groups"]
    queries = {rule["name"]: rule["query"] for rule in groups[0]["rules"]}
    assert set(queries) == {row[0] for row in table("alert")}
    assert {name: value(query) for name, query in queries.items() if value(query)} == {}
    # A counter that comes into being is not seen to grow: one refused call wakes nobody.
    soon(lambda: call(operated, "not the secret") == 401 and bool(value(queries["Unsigned"])))
    operated.compose("stop", "messages")
    soon(lambda: bool(value(queries["Down"])))
    operated.compose("start", "messages")
    operated.compose("up", "--detach", "--no-deps", "--no-recreate", "--scale=topics=1", "topics")
    operated.await_healthy(*SERVICES)
