"""How many tasks each service may have: Application Auto Scaling as it is, and as it should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deployment.forum import Forum
from deployment.wanted import differences
from deployment.wanted.definitions import Document, Scaling


@dataclass(frozen=True)
class ScalingChange:
    """What differs for one service: calls to make, and how they are told."""

    target: Document | None
    policies: Sequence[Document]
    unwanted: Sequence[Document]
    differences: Sequence[str]


def changes(forum: Forum, wanted: Scaling) -> ScalingChange | None:
    """What differs from what is live; None for nothing."""
    told: list[str] = []
    target = None
    there = _target(forum, wanted.target)
    if found := differences.between(wanted.target, there, "target"):
        # AWS takes tags with a new target alone.
        target = wanted.target if there else {**wanted.target, "Tags": forum.tags}
        told = found if there else [f"target: {_bounds(wanted.target)}"]
    live = {policy["PolicyName"]: policy for policy in _policies(forum, wanted.target)}
    different = []
    for policy in wanted.policies:
        name = policy["PolicyName"]
        found = differences.between(policy, live.get(name, {}), f"policy {name}")
        if found:
            different.append(policy)
            told += found if name in live else [f"policy {name}: is new"]
    names = {policy["PolicyName"] for policy in wanted.policies}
    unwanted = [policy for name, policy in live.items() if name not in names]
    told += [f"policy {policy['PolicyName']}: taken out" for policy in unwanted]
    return ScalingChange(target, different, unwanted, told) if told else None


def apply(forum: Forum, change: ScalingChange) -> None:
    """Carry out the change."""
    for line in change.differences:
        forum.say(f"  scaling {line}")
    if change.target:
        forum.aws.scaling.register_scalable_target(**change.target)
    for policy in change.policies:
        forum.aws.scaling.put_scaling_policy(**policy)
    for policy in change.unwanted:
        forum.aws.scaling.delete_scaling_policy(PolicyName=policy["PolicyName"], **_named(policy))


def stop(forum: Forum, cluster: str, service: str) -> None:
    """Leave the service's number of tasks alone; its policies go with the target."""
    target = {
        "ServiceNamespace": "ecs",
        "ResourceId": f"service/{cluster}/{service}",
        "ScalableDimension": "ecs:service:DesiredCount",
    }
    if _target(forum, target):
        forum.aws.scaling.deregister_scalable_target(**_named(target))


def bounds(forum: Forum, cluster: str, service: str) -> tuple[int, int] | None:
    """The least and the most tasks that the service may have now; None where nobody has said."""
    live = _target(forum, {"ServiceNamespace": "ecs", "ResourceId": f"service/{cluster}/{service}"})
    return (live["MinCapacity"], live["MaxCapacity"]) if live else None


def _bounds(target: Document) -> str:
    return f"{target['MinCapacity']} to {target['MaxCapacity']} tasks"


def _target(forum: Forum, target: Document) -> Any:
    found = forum.aws.scaling.describe_scalable_targets(
        ServiceNamespace=target["ServiceNamespace"], ResourceIds=[target["ResourceId"]]
    )["ScalableTargets"]
    return found[0] if found else {}


def _policies(forum: Forum, target: Document) -> list[Any]:
    return list(
        forum.aws.scaling.describe_scaling_policies(
            ServiceNamespace=target["ServiceNamespace"], ResourceId=target["ResourceId"]
        )["ScalingPolicies"]
    )


def _named(document: Document) -> Any:
    return {key: document[key] for key in ("ServiceNamespace", "ResourceId", "ScalableDimension")}
