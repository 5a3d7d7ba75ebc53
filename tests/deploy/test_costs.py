"""What a forum costs: the amounts, what they are counted from, and the table in docs/deploy.md."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode import cfn_yaml

from deployment.wanted import costs, sizes
from deployment.wanted.costs import Part
from forum.places import ROOT

REGIONS = ("us-east-1", "eu-central-1", "eu-west-1")
SIZES = ("hobby", "team", "busy")
DOCUMENT = json.loads(costs.FILE.read_text())


def template(name: str) -> Any:
    return cfn_yaml.load(str(ROOT / "ecs" / f"{name}.yml"))


def resources(name: str, kind: str) -> list[Any]:
    return [each for each in template(name)["Resources"].values() if each["Type"] == kind]


def changed(name: str, **groups: Any) -> sizes.Size:
    """A size with some of its choices made otherwise."""
    document = copy.deepcopy(dict(sizes.load(name).document))
    return sizes.read({**document, **groups}, Path("changed.json"))


def amounts(parts: list[Part]) -> dict[str, tuple[float, float]]:
    return {part.name: (round(part.at_rest, 2), round(part.most, 2)) for part in parts}


def table(region: str) -> str:
    """The table of docs/deploy.md."""
    columns: list[dict[str, tuple[float, float]]] = []
    for name in SIZES:
        parts = costs.estimate(sizes.load(name), region)
        column: dict[str, tuple[float, float]] = {}
        for part in [*parts, costs.total(parts)]:
            row = "tasks" if part.name.startswith("tasks: ") else part.name
            before = column.get(row, (0.0, 0.0))
            column[row] = before[0] + part.at_rest, before[1] + part.most
        columns.append(column)
    lines = [f"| | {' | '.join(SIZES)} |", "|---|" + "---|" * len(SIZES)]
    for row in columns[0]:
        cells = [f"{column[row][0]:,.0f} to {column[row][1]:,.0f}" for column in columns]
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return "\n".join(lines)


def test_the_table_in_the_docs_is_what_the_sizes_cost() -> None:
    text = (ROOT / "docs" / "deploy.md").read_text()
    expected = table("eu-central-1")
    assert expected in text, f"docs/deploy.md should hold:\n{expected}"
    assert DOCUMENT["as_of"] in text


def test_a_small_forum_is_counted_by_hand_the_same() -> None:
    parts = amounts(costs.estimate(sizes.load("hobby"), "eu-central-1"))
    task = 730 * (0.5 * 0.04656 + 1 * 0.00511)
    assert parts["tasks: users"] == (round(task, 2), round(task + task * (0.2 + 0.8 * 0.5), 2))
    # 3 tasks and 2 zones of the load balancer have an address each; at most 6 tasks.
    assert parts["public IPv4 addresses"] == (round(5 * 3.65, 2), round(8 * 3.65, 2))
    requests = 730 * 3600
    database = 730 * 0.5 * 0.14 + 0.119 + 0.22 * 2 * requests / 1e6
    assert parts["databases"][0] == round(database, 2)
    assert parts["load balancer"][0] == round(730 * (0.027 + 0.008 / 25), 2)
    assert parts["traffic to the world"][0] == round(0.09 * requests * 4 / 1e6, 2)


def test_parts_follow_the_choices_of_the_size() -> None:
    shared = amounts(costs.estimate(sizes.load("hobby"), "us-east-1"))
    own = amounts(costs.estimate(changed("hobby", databases="own"), "us-east-1"))
    assert own["databases"][0] > 2 * shared["databases"][0]
    secrets = {name: f"arn:aws:secretsmanager:::{name}" for name in sizes.DEPLOYABLE}
    existing = changed("hobby", databases="existing", existing=secrets)
    assert amounts(costs.estimate(existing, "us-east-1"))["databases"] == (0, 0)
    standby = changed("hobby", data={"Standby": True})
    one, two = (
        amounts(costs.estimate(size, "us-east-1"))["databases"][0]
        for size in (sizes.load("hobby"), standby)
    )
    assert two - one == pytest.approx(730 * 0.5 * 0.12, abs=0.01)
    arm = amounts(costs.estimate(changed("hobby", architecture="ARM64"), "us-east-1"))
    assert arm["tasks: users"][0] < shared["tasks: users"][0]


@pytest.mark.parametrize(
    ("network", "at_rest"),
    [
        ({"Egress": "public-ip"}, 0),
        ({"Egress": "nat"}, 2 * 730 * 0.045),
        ({"Egress": "endpoints"}, 10 * 730 * 0.01),
        ({"Egress": "nat", "ExistingVpc": "vpc-1"}, 0),
    ],
)
def test_the_egress_is_what_the_network_chooses(network: dict[str, str], at_rest: float) -> None:
    parts = costs.estimate(changed("hobby", network=network), "us-east-1")
    # Some logs pass through it, for less than a dollar.
    assert amounts(parts)["NAT or endpoints"][0] == pytest.approx(at_rest, abs=1)


def test_instances_take_the_place_of_tasks() -> None:
    size = changed("team", launch="ec2", capacity={"MaximumInstances": "8"})
    parts = amounts(costs.estimate(size, "us-east-1"))
    assert not [name for name in parts if name.startswith("tasks")]
    one = 730 * 0.1008 + 30 * 0.08
    # Six tasks at rest, two on each instance.
    assert parts["instances"] == (round(3 * one, 2), round(8 * one, 2))


def test_an_instance_type_without_a_price_is_said() -> None:
    size = changed("team", launch="ec2", capacity={"InstanceType": "x9.huge"})
    (part,) = [each for each in costs.estimate(size, "us-east-1") if each.name == "instances"]
    assert "NOT counted" in part.counted
    assert "x9.huge" in part.counted


def test_the_monolith_is_counted_as_a_fourth_service() -> None:
    size = sizes.load("team")
    three = costs.total(costs.estimate(size, "us-east-1"))
    four = costs.total(costs.estimate(size, "us-east-1", sizes.DEPLOYABLE))
    assert four.at_rest > three.at_rest


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("name", SIZES)
def test_every_part_says_how_it_was_counted_and_at_rest_is_the_least(
    name: str, region: str
) -> None:
    for part in costs.estimate(sizes.load(name), region):
        assert 0 <= part.at_rest <= part.most, part
        assert part.counted, part


def test_a_region_without_a_list_names_the_one_used() -> None:
    assert costs.price_list("eu-west-1").note.count("eu-west-1") == 1
    assert "eu-west-1, for want of eu-west-3" in costs.price_list("eu-west-3").note
    assert "us-east-1, for want of us-west-2" in costs.price_list("us-west-2").note
    assert "eu-central-1, for want of ap-south-1" in costs.price_list("ap-south-1").note


def test_every_list_has_every_price_and_a_date() -> None:
    def shape(prices: Any) -> Any:
        if isinstance(prices, dict):
            return {key: shape(value) for key, value in prices.items()}
        assert prices > 0
        return None

    regions = DOCUMENT["regions"]
    assert set(REGIONS) <= set(regions)
    assert all(shape(regions[name]) == shape(regions["us-east-1"]) for name in regions)
    assert re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", DOCUMENT["as_of"])
    assert "check" in DOCUMENT["checked"]
    assert set(DOCUMENT["nearest"].values()) <= set(regions)


def test_what_is_counted_is_what_the_templates_make() -> None:
    endpoints = resources("network", "AWS::EC2::VPCEndpoint")
    interfaces = [e for e in endpoints if e["Properties"]["VpcEndpointType"] == "Interface"]
    assert len(interfaces) == costs.INTERFACE_ENDPOINTS
    assert {len(each["Properties"]["SubnetIds"]) for each in interfaces} == {costs.ZONES}
    assert len(resources("network", "AWS::EC2::NatGateway")) == costs.ZONES
    assert len(resources("service", "AWS::CloudWatch::Alarm")) == costs.ALARMS_OF_A_SERVICE
    assert len(resources("service", "AWS::SecretsManager::Secret")) == 1
    (repository,) = resources("service", "AWS::ECR::Repository")
    lifecycle = repository["Properties"]["LifecyclePolicy"]["LifecyclePolicyText"]
    (rule,) = json.loads(lifecycle)["rules"]
    assert rule["selection"]["countNumber"] == costs.IMAGES_KEPT
    scaling = json.loads((ROOT / "ecs/services/users/scaling.json").read_text())
    assert 2 * len(scaling["policies"]) == costs.ALARMS_OF_SCALING


def test_a_choice_that_is_left_out_is_the_template_s_own() -> None:
    defaults: dict[str, str] = {}
    for name in sizes.TEMPLATES:
        for parameter, declared in template(name)["Parameters"].items():
            if "Default" in declared:
                defaults[parameter] = str(declared["Default"])
    assert {name: defaults[name] for name in costs.DEFAULTS} == costs.DEFAULTS
