"""From nothing to a forum, and from what was left to the same forum again."""

import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from forum import people
from forum.compose import Compose, docker

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("compose")]

NAME, PASSWORD = "somebody", "a pass phrase of a test"
# Caddy makes a certificate of its own authority for this name, and asks nobody.
DOMAIN = "localhost"


@pytest.fixture(scope="module")
def secure(images: None) -> Iterator[Compose]:
    """With a domain, and the monolith beside it."""
    with Compose({"FORUM_DOMAIN": DOMAIN}, monolith=True) as running:
        yield running


def browser(forum: Compose, folder: Path) -> httpx.Client:
    """A client that trusts the gateway's own authority and nobody else."""
    root = folder / "root.crt"
    root.write_text(forum.run("gateway", "cat", "/data/caddy/pki/authorities/local/root.crt"))
    return httpx.Client(
        base_url=f"https://{DOMAIN}:{forum.https_port}",
        verify=ssl.create_default_context(cafile=str(root)),
    )


def log_in(client: httpx.Client) -> int:
    login = {"login": NAME, "password": PASSWORD}
    return client.post("/api/users/sessions", json=login).status_code


def test_all_is_healthy_within_25_seconds(forum: Compose) -> None:
    assert forum.started_in <= 25


def test_a_domain_turns_https_on_and_a_second_start_keeps_everything(
    secure: Compose, tmp_path: Path
) -> None:
    with browser(secure, tmp_path) as client:
        person = {"username": NAME, "email": "somebody@example.org", "password": PASSWORD}
        assert client.post("/api/users", json=person).status_code == 201
        assert log_in(client) == 201
        plain = httpx.get(f"{secure.url}/api/users")
        assert (plain.status_code, plain.headers["Location"][:8]) == (308, "https://")
        # A new secret would shut the services out of their databases.
        secure.down()
        secure.env["TOPICS_REPLICAS"] = "2"
        secure.up()
        assert len(secure.containers("topics")) == 2
        assert log_in(client) == 201


def test_the_monolith_stays_on_this_machine_when_the_gateway_opens() -> None:
    settings = {"FORUM_BIND": "0.0.0.0"}  # noqa: S104 - nothing is started
    said = docker("compose", "--profile=monolith", "config", "--format=json", env=settings)
    services = json.loads(said)["services"]
    assert {port["host_ip"] for port in services["gateway"]["ports"]} == {"0.0.0.0"}  # noqa: S104
    assert {port["host_ip"] for port in services["monolith-gateway"]["ports"]} == {"127.0.0.1"}


def test_a_database_has_room_for_a_roll_of_eight_replicas(forum: Compose) -> None:
    assert int(forum.query("messages", "SHOW max_connections")) >= 2 * 8 * 11 + 10


def test_the_monolith_runs_beside_the_services(secure: Compose) -> None:
    people.register(secure.monolith_url, NAME, PASSWORD)
    with httpx.Client(base_url=secure.monolith_url) as client:
        assert log_in(client) == 201
        assert client.get("/api/topics").status_code == 200
        assert client.get("/metrics").status_code == 404
