"""A second forum in the account: brought up beside the first, and taken down without a trace."""

import time
from dataclasses import replace
from typing import Any

import docker
import httpx
import pytest

from forum import people

from . import inventory
from .deploying import Deployment

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("deploy")]

PASSWORD = "only for a forum that ends with the test"
# A container has this time to end by itself.
PATIENCE = 60.0


def containers(cluster: str) -> list[Any]:
    client = docker.from_env()
    try:
        labels = [f"com.amazonaws.ecs.cluster={cluster}"]
        return list(client.containers.list(all=True, filters={"label": labels}))
    finally:
        client.close()


def log_in(forum: Deployment) -> int:
    login = {"login": "keeper", "password": PASSWORD}
    return httpx.post(f"{forum.url}/api/users/sessions", json=login, timeout=30).status_code


def test_a_second_forum_comes_keeps_its_data_and_goes_without_a_trace(
    deployed: Deployment,
) -> None:
    second = replace(deployed, name="second")
    before = inventory.held(second.client)
    second.ok("up", "users")
    (cluster,) = set(inventory.held(second.client)["clusters"]) - set(before["clusters"])
    people.register(second.url, "keeper", PASSWORD)

    done = second.ok("down", "--json")
    assert done.document["kept"] == ["data"]
    assert inventory.held(second.client)["clusters"] == before["clusters"]
    second.ok("up", "users")
    assert log_in(second) == 201

    done = second.ok("down", "--delete-data", "--json")
    assert done.document["left"] == {}
    assert inventory.held(second.client) == before
    deadline = time.monotonic() + PATIENCE
    while left := containers(cluster):
        assert time.monotonic() < deadline, left
        time.sleep(0.2)
    # The first one has noticed nothing.
    assert deployed.title("users").startswith("Forum: ")
