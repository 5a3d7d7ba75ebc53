"""The forum that `scripts/deploy up` made from nothing, seen by its clients and its owner."""

import uuid

import httpx
import pytest

from forum import contract, people

from .deploying import Deployment

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("deploy")]


@pytest.fixture
def believed(deployed: Deployment) -> None:
    """The load balancer hands on the addresses that the people of the suite say they have."""
    balancing = deployed.client("elbv2")
    (balancer,) = balancing.describe_load_balancers(Names=[deployed.name])["LoadBalancers"]
    balancing.modify_load_balancer_attributes(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Attributes=[{"Key": "routing.http.xff_header_processing.mode", "Value": "preserve"}],
    )


def test_the_whole_contract_passes_through_the_load_balancer(
    deployed: Deployment, believed: None
) -> None:
    people.register(deployed.url, contract.ADMIN, contract.PASSWORD)
    deployed.run_in("users", "admin", "promote", contract.ADMIN)
    passed, report = contract.run(deployed.url)
    assert passed, report


def test_up_again_changes_nothing(deployed: Deployment) -> None:
    # Another test may have left another version.
    deployed.ok("up")
    before = len(deployed.emulator.calls())
    assert deployed.ok("up", "--json").document["changed"] == []
    calls = {call.partition(".")[2] for call in deployed.emulator.calls()[before:]}
    changing = {call for call in calls if not call.startswith(("Describe", "Get", "List"))}
    # A change set without changes is made to find that out, and is deleted.
    assert changing == {"CreateChangeSet", "DeleteChangeSet"}


def test_logs_find_one_request_by_its_id(deployed: Deployment) -> None:
    request = uuid.uuid4().hex
    httpx.get(f"{deployed.url}/api/topics", headers={"X-Request-ID": request}).raise_for_status()
    lines = deployed.ok("logs", "topics", "--request", request).out.splitlines()
    assert len(lines) == 1
    assert request in lines[0]
    assert '"path":"/api/topics"' in lines[0]


def test_nothing_but_the_api_is_reached_from_outside(deployed: Deployment) -> None:
    for path in ("/livez", "/readyz", "/metrics", "/internal/events", "/api/usersX", "//api/users"):
        assert httpx.get(f"{deployed.url}{path}").status_code == 404, path
