"""The whole contract through the gateway of the containers, with one and with three of each."""

import pytest

from forum import contract, people
from forum.compose import Compose
from forum.places import SERVICES

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("compose")]


def assert_contract(forum: Compose) -> None:
    people.register(forum.url, contract.ADMIN, contract.PASSWORD)
    forum.command("users", "admin", "promote", contract.ADMIN)
    passed, report = contract.run(forum.url)
    assert passed, report


def test_the_contract_passes_with_one_replica_of_each(forum: Compose) -> None:
    assert_contract(forum)


def test_the_contract_passes_with_three_replicas_of_each(scaled: Compose) -> None:
    # A test of rolling may have left it with two of each.
    scaled.scale(**dict.fromkeys(SERVICES, 3))
    assert_contract(scaled)
