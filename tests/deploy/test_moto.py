"""Rules, scaling and instances as `moto` keeps them: another reading of AWS than the emulator's.

The script's own modules make them; the API tells what came of it.
"""

import json
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.client import BaseClient

from deployment.forum import Forum
from deployment.session import Aws
from deployment.steps import instances, listener, scaling
from deployment.wanted import definitions, rules
from deployment.wanted.definitions import Scaling
from forum import ports, routes

from .emulator import REGION

PATIENCE = 60.0
SERVICES = ("users", "topics", "messages", "monolith")
Rules = dict[str, tuple[list[str], dict[str, int]]]
"""By priority: the paths of a rule, and the weight of each target group."""


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """The address of a moto server."""
    (port,) = ports.free(1)
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        deadline = time.monotonic() + PATIENCE
        while not _listens(port):
            assert server.poll() is None, "moto has ended"
            assert time.monotonic() < deadline, "moto is not up"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
        server.terminate()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.fixture
def aws(moto: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """The script's way there."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "moto")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "moto")
    aws = Aws(REGION, moto)
    yield aws
    for made in vars(aws).values():
        if isinstance(made, BaseClient):
            made.close()


@pytest.fixture
def forum(aws: Aws) -> Forum:
    """A forum of a name that no other test has."""
    return Forum(f"forum-{uuid.uuid4().hex[:8]}", aws)


@pytest.fixture
def groups(forum: Forum) -> dict[str, str]:
    """A target group for each service."""
    vpc = forum.aws.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    return {
        service: forum.aws.balancing.create_target_group(
            Name=f"{forum.name}-{service}", Protocol="HTTP", Port=8000, VpcId=vpc, TargetType="ip"
        )["TargetGroups"][0]["TargetGroupArn"]
        for service in SERVICES
    }


@pytest.fixture
def door(forum: Forum) -> str:
    """The listener of a load balancer that answers 404."""
    subnets = [subnet["SubnetId"] for subnet in forum.aws.ec2.describe_subnets()["Subnets"]]
    made = forum.aws.balancing.create_load_balancer(Name=forum.name, Subnets=subnets[:2])
    return forum.aws.balancing.create_listener(
        LoadBalancerArn=made["LoadBalancers"][0]["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
    )["Listeners"][0]["ListenerArn"]


@pytest.fixture
def wanted(forum: Forum) -> Scaling:
    """The scaling of topics, of which there is a service."""
    ecs = forum.aws.ecs
    ecs.create_cluster(clusterName=forum.name)
    container: Any = {"name": "topics", "image": "topics", "memory": 512}
    ecs.register_task_definition(family=forum.name, containerDefinitions=[container])
    ecs.create_service(cluster=forum.name, serviceName="topics", taskDefinition=forum.name)
    values = {
        "platform.Cluster": forum.name,
        "platform.LoadBalancerFullName": f"app/{forum.name}/1",
        "service.TargetGroupFullName": "targetgroup/topics/2",
        "minimum": "2",
        "maximum": "6",
    }
    return definitions.scaling("topics", values)


def live_rules(forum: Forum, door: str) -> Rules:
    found = forum.aws.balancing.describe_rules(ListenerArn=door)["Rules"]
    return {
        rule["Priority"]: (
            rule["Conditions"][0]["PathPatternConfig"]["Values"],
            {
                group["TargetGroupArn"]: group["Weight"]
                for group in rule["Actions"][0]["ForwardConfig"]["TargetGroups"]
            },
        )
        for rule in found
        if not rule["IsDefault"]
    }


def bring_up(forum: Forum, door: str, groups: dict[str, str]) -> int:
    """Make the rules what they should be; how many were not."""
    found = listener.changes(forum, door, rules.render(routes.load(), groups, forum.name))
    listener.apply(forum, door, found)
    return len(found)


def test_rules_are_read_back_with_their_priorities_and_weights(
    forum: Forum, door: str, groups: dict[str, str]
) -> None:
    assert bring_up(forum, door, groups) == 6
    users, topics, messages = (
        [f"/api/{service}", f"/api/{service}/*"] for service in ("users", "topics", "messages")
    )
    assert live_rules(forum, door) == {
        "100": (users, {groups["users"]: 100}),
        "200": (topics, {groups["topics"]: 100}),
        "300": (messages, {groups["messages"]: 100}),
        "1100": (users, {groups["monolith"]: 100}),
        "1200": (topics, {groups["monolith"]: 100}),
        "1300": (messages, {groups["monolith"]: 100}),
    }
    assert bring_up(forum, door, groups) == 0


def test_a_rule_whose_weight_has_moved_is_found_and_put_right(
    forum: Forum, door: str, groups: dict[str, str]
) -> None:
    bring_up(forum, door, groups)
    meant = live_rules(forum, door)
    (moved,) = [
        rule["RuleArn"]
        for rule in forum.aws.balancing.describe_rules(ListenerArn=door)["Rules"]
        if rule["Priority"] == "200"
    ]
    shared = [
        {"TargetGroupArn": groups["topics"], "Weight": 90},
        {"TargetGroupArn": groups["monolith"], "Weight": 10},
    ]
    forward: Any = {"Type": "forward", "ForwardConfig": {"TargetGroups": shared}}
    forum.aws.balancing.modify_rule(RuleArn=moved, Actions=[forward])
    assert live_rules(forum, door)["200"][1] == {groups["topics"]: 90, groups["monolith"]: 10}
    assert bring_up(forum, door, groups) == 1
    assert live_rules(forum, door) == meant


def test_scaling_is_read_back_with_its_bounds_and_policies(forum: Forum, wanted: Scaling) -> None:
    change = scaling.changes(forum, wanted)
    assert change is not None
    scaling.apply(forum, change)
    assert scaling.changes(forum, wanted) is None
    service = f"service/{forum.name}/topics"
    (target,) = forum.aws.scaling.describe_scalable_targets(
        ServiceNamespace="ecs", ResourceIds=[service]
    )["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 6)
    found = forum.aws.scaling.describe_scaling_policies(ServiceNamespace="ecs", ResourceId=service)[
        "ScalingPolicies"
    ]
    policies = {
        policy["PolicyName"]: policy["TargetTrackingScalingPolicyConfiguration"] for policy in found
    }
    assert policies == {
        policy["PolicyName"]: policy["TargetTrackingScalingPolicyConfiguration"]
        for policy in wanted.policies
    }
    assert policies["requests"]["PredefinedMetricSpecification"]["ResourceLabel"] == (
        f"app/{forum.name}/1/targetgroup/topics/2"
    )


def test_only_what_differs_of_the_scaling_is_changed(forum: Forum, wanted: Scaling) -> None:
    first = scaling.changes(forum, wanted)
    assert first is not None
    scaling.apply(forum, first)
    wider = replace(wanted, target={**wanted.target, "MaxCapacity": 9})
    change = scaling.changes(forum, wider)
    assert change is not None
    assert list(change.differences) == ["target.MaxCapacity: 6 → 9"]
    assert not change.policies
    scaling.apply(forum, change)
    assert scaling.bounds(forum, forum.name, "topics") == (2, 9)
    scaling.stop(forum, forum.name, "topics")
    assert scaling.bounds(forum, forum.name, "topics") is None


def test_protected_instances_end_before_their_stack(forum: Forum) -> None:
    subnet = forum.aws.ec2.describe_subnets()["Subnets"][0]
    image = forum.aws.ec2.describe_images()["Images"][0]["ImageId"]
    template = {
        "Resources": {
            "Template": {
                "Type": "AWS::EC2::LaunchTemplate",
                "Properties": {
                    "LaunchTemplateName": forum.name,
                    "LaunchTemplateData": {"ImageId": image, "InstanceType": "t3.small"},
                },
            },
            "Instances": {
                "Type": "AWS::AutoScaling::AutoScalingGroup",
                "Properties": {
                    "MinSize": "1",
                    "MaxSize": "2",
                    "NewInstancesProtectedFromScaleIn": True,
                    "VPCZoneIdentifier": [subnet["SubnetId"]],
                    "LaunchTemplate": {
                        "LaunchTemplateId": {"Ref": "Template"},
                        "Version": {"Fn::GetAtt": ["Template", "LatestVersionNumber"]},
                    },
                },
            },
        }
    }
    stack = f"{forum.name}-capacity"
    forum.aws.cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(template))
    (group,) = forum.aws.auto_scaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    (instance,) = group["Instances"]
    assert instance["ProtectedFromScaleIn"]
    instances.end(forum, stack)
    assert forum.aws.auto_scaling.describe_auto_scaling_groups()["AutoScalingGroups"] == []
    # Nor does it mind a group that a run before has ended.
    instances.end(forum, stack)
