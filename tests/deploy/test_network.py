"""The network of a forum that runs: its zones stay, and no service loses its way out."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from .deploying import Checkout, Deployment, with_stub_docker, write_size
from .emulator import REGION, Emulator

NUMBERS = count(6001)
Sized = Callable[..., Deployment]


@pytest.fixture
def sized(records: Emulator, checkout: Checkout, tmp_path: Path) -> Sized:
    """One forum, as a size with such a network has it."""
    authority = tmp_path / "authority.pem"
    authority.write_bytes(records.get("/_ministack/rds/ca.pem"))
    number = next(NUMBERS)
    variables = with_stub_docker(tmp_path)

    def make(**network: str) -> Deployment:
        size = write_size(tmp_path / "size.json", authority, network=network)
        return Deployment(records, checkout, size, f"net-{number}", f"{number:012}", variables)

    return make


def zones(forum: Deployment) -> set[str]:
    subnets = forum.client("ec2").describe_subnets(
        Filters=[{"Name": "tag:forum", "Values": [forum.name]}]
    )["Subnets"]
    return {each["AvailabilityZone"] for each in subnets}


def test_zones_stay_where_the_network_was_made(sized: Sized) -> None:
    sized(ZoneA=f"{REGION}b", ZoneB=f"{REGION}c").ok("up", "users")
    # Those that it would choose today are others.
    forum = sized()
    assert forum.ok("plan", "users", "--json").document["empty"]
    assert forum.ok("up", "users", "--json").document["changed"] == []
    assert zones(forum) == {f"{REGION}b", f"{REGION}c"}


def test_a_way_out_is_not_taken_from_services_that_run(sized: Sized) -> None:
    sized(Egress="nat").ok("up", "users")
    forum = sized(Egress="public-ip")
    for command in (("plan", "users"), ("up", "users"), ("check",)):
        done = forum.run(*command)
        assert done.status == 1, command
        assert "Egress is nat, and size.json says public-ip" in done.out + done.err, command
    gateways = forum.client("ec2").describe_nat_gateways()["NatGateways"]
    assert [each["State"] for each in gateways] == ["available", "available"]
    forum.ok("down")
    forum.ok("up", "users")


def test_a_way_out_may_come_beside_the_one_that_is_there(sized: Sized) -> None:
    sized(Egress="public-ip").ok("up", "users")
    sized(Egress="nat").ok("up", "users")
