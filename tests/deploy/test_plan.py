"""What `plan` says of a change, and that it changes nothing itself."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from deployment.wanted import stand_ins
from forum.places import ROOT

from .deploying import Checkout, Deployment, with_stub_docker, write_size
from .emulator import Emulator

ACCOUNTS = count(2001)
KINDS = (
    "stacks",
    "images",
    "secrets",
    "rules",
    "migrations",
    "task_definitions",
    "services",
    "scaling",
)


@pytest.fixture(scope="module")
def planned(
    records: Emulator, checkout: Checkout, tmp_path_factory: pytest.TempPathFactory
) -> Deployment:
    """A forum that is not there yet, and where nothing runs once it is."""
    folder = tmp_path_factory.mktemp("plan")
    authority = folder / "authority.pem"
    authority.write_bytes(records.get("/_ministack/rds/ca.pem"))
    size = write_size(folder / "size.json", authority)
    account = f"{next(ACCOUNTS):012}"
    return Deployment(records, checkout, size, "planned", account, with_stub_docker(folder))


@pytest.fixture(scope="module")
def up(planned: Deployment, records: Emulator) -> Deployment:
    """The same, once it is there."""
    there = replace(planned, name="there", account=f"{next(ACCOUNTS):012}")
    there.ok("up")
    return there


@pytest.fixture
def changed(up: Deployment, tmp_path: Path) -> Deployment:
    """A checkout and a size that a test may change."""
    size = tmp_path / "size.json"
    size.write_text(up.size.read_text())
    return replace(up, checkout=up.checkout.copy(tmp_path / "checkout"), size=size)


def plan(forum: Deployment, *services: str) -> dict[str, Any]:
    """The plan's changes alone, without the kinds of which there are none."""
    document = forum.ok("plan", "--json", *services).document
    found = {kind: document[kind] for kind in KINDS if document[kind]}
    assert document["empty"] == (not found)
    return found


def edit_size(forum: Deployment, change: Callable[[dict[str, Any]], object]) -> None:
    size = json.loads(forum.size.read_text())
    change(size)
    forum.size.write_text(json.dumps(size))


def rows(found: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {(row["stack"], row["action"], row["resource"]) for row in found["stacks"]}


def test_the_first_plan_shows_everything_and_leaves_nothing_behind(planned: Deployment) -> None:
    document = planned.ok("plan", "--json").document
    stacks = {row["stack"] for row in document["stacks"]}
    parts = ("network", "platform", "users", "topics", "messages", "data")
    assert stacks == {f"planned-{part}" for part in parts}
    assert {row["action"] for row in document["stacks"]} == {"add"}
    assert set(document["images"]) == set(document["services"]) == {"users", "topics", "messages"}
    assert document["costs"][-1]["before"] == {"at_rest": 0, "most": 0}
    assert document["costs"][-1]["after"]["at_rest"] > 50
    cloudformation = planned.client("cloudformation")
    assert cloudformation.describe_stacks()["Stacks"] == []
    calls = {call.partition(".")[2] for call in planned.emulator.calls(planned.account)}
    changing = {call for call in calls if not call.startswith(("Describe", "Get", "List"))}
    assert changing == {"CreateChangeSet", "DeleteStack"}


def test_a_plan_after_up_is_empty(up: Deployment) -> None:
    assert plan(up) == {}
    assert up.ok("plan").out.startswith("Nothing would change.")


def test_a_larger_task_is_one_task_definition_and_its_costs(changed: Deployment) -> None:
    edit_size(changed, lambda size: size["services"]["users"].update(cpu="512", memory="1024"))
    document = changed.ok("plan", "--json").document
    assert document["task_definitions"] == {"users": ["cpu: 256 → 512", "memory: 512 → 1024"]}
    assert document["services"] == {"users": ["version: there-users:1 → there-users:new"]}
    # The migration has the same task definition with another command.
    assert set(document["migrations"]) == {"users"}
    others = set(KINDS) - {"task_definitions", "services", "migrations"}
    assert not any(document[kind] for kind in others)
    costs = {row["part"]: row for row in document["costs"]}
    price = costs["tasks: users"]
    assert price["after"]["at_rest"] == pytest.approx(2 * price["before"]["at_rest"], rel=0.01)
    assert costs["tasks: topics"]["before"] == costs["tasks: topics"]["after"]


def test_a_parameter_of_the_size_changes_what_it_is_for_and_what_hangs_on_it(
    changed: Deployment,
) -> None:
    edit_size(changed, lambda size: size.update(service={"LogRetentionDays": 7}))
    found = plan(changed)
    assert set(found) == {"stacks"}
    for service in ("users", "topics", "messages"):
        touched = {row["resource"] for row in found["stacks"] if row["stack"] == f"there-{service}"}
        # The roles name the log group, and CloudFormation looks at them, too.
        assert "LogGroup" in touched
        assert touched <= {"LogGroup", "ExecutionRole", "MigrationExecutionRole"}
    assert {row["action"] for row in found["stacks"]} <= {"modify", "maybe-replace"}


def test_a_template_is_planned_by_what_is_replaced_removed_and_added(changed: Deployment) -> None:
    role = "  TaskRole:\n    Type: AWS::IAM::Role\n    Properties:\n"
    for old, new in (
        ("  FullMemory:\n", "  NearlyFullMemory:\n"),
        ("[logs:CreateLogStream, logs:PutLogEvents]", "logs:PutLogEvents"),
        (role, f"{role}      Path: /forum/\n"),
    ):
        changed.checkout.replace("ecs/service.yml", old, new)
    assert rows(plan(changed, "users")) == {
        ("there-users", "modify", "ExecutionRole"),
        ("there-users", "modify", "MigrationExecutionRole"),
        ("there-users", "replace", "TaskRole"),
        ("there-users", "remove", "FullMemory"),
        ("there-users", "add", "NearlyFullMemory"),
    }


def test_a_line_of_code_is_an_image_its_migration_and_a_version(changed: Deployment) -> None:
    changed.checkout.replace("services/topics/topics/__init__.py", '"""', '"""Once more: ')
    found = plan(changed)
    assert set(found) == {"images", "migrations", "task_definitions", "services"}
    assert all(set(found[kind]) == {"topics"} for kind in found)
    (line,) = found["task_definitions"]["topics"]
    assert line.startswith("containerDefinitions.topics.image: ")


def test_what_is_taken_out_of_a_task_definition_is_named(changed: Deployment) -> None:
    changed.checkout.replace(
        "ecs/services/users/task-definition.json",
        '{"name": "MESSAGES_URL", "value": "http://messages:8000"},',
        "",
    )
    found = plan(changed)
    lines = ["containerDefinitions.users.environment.MESSAGES_URL: taken out"]
    assert found["task_definitions"] == {"users": lines}


def test_rules_services_and_scaling_are_compared_with_what_is_live(changed: Deployment) -> None:
    changed.checkout.replace("ecs/routes.json", '["/api/users"]', '["/api/users", "/api/people"]')
    changed.checkout.replace(
        "ecs/services/topics/service.json",
        '"healthCheckGracePeriodSeconds": 60',
        '"healthCheckGracePeriodSeconds": 90',
    )
    changed.checkout.replace(
        "ecs/services/messages/scaling.json", '"TargetValue": 60', '"TargetValue": 70'
    )
    found = plan(changed)
    assert set(found) == {"rules", "services", "scaling"}
    ((rule, (difference,)),) = found["rules"].items()
    assert rule.startswith("rule 100 ")
    assert difference.startswith("paths: /api/users, /api/users/* → /api/people, ")
    assert found["services"] == {"topics": ["healthCheckGracePeriodSeconds: 60 → 90"]}
    (line,) = found["scaling"]["messages"]
    assert line == "policy cpu.TargetTrackingScalingPolicyConfiguration.TargetValue: 60 → 70"


def test_a_service_that_is_scaled_by_hand_is_planned_and_priced_so(up: Deployment) -> None:
    scaled = replace(up, name="scaled", account=f"{next(ACCOUNTS):012}")
    scaled.ok("up", "users")
    scaled.ok("scale", "users", "3", "5")
    document = scaled.ok("plan", "--json", "users").document
    assert document["empty"]
    costs = {row["part"]: row for row in document["costs"]}["tasks: users"]
    assert costs["before"] == costs["after"]
    assert costs["counted"].startswith("3 to 5 tasks")


@pytest.mark.parametrize("template", stand_ins.OUTPUTS)
def test_each_output_of_a_template_has_a_stand_in(template: str) -> None:
    text = (ROOT / "ecs" / f"{template}.yml").read_text()
    outputs = re.findall(r"^  (\w+):$", text.partition("\nOutputs:\n")[2], re.MULTILINE)
    assert set(outputs) <= set(stand_ins.OUTPUTS[template])
