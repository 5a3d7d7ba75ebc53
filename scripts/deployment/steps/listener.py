"""The load balancer's rules as they are, and made as they should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deployment.forum import Forum
from deployment.problems import DeployError
from deployment.steps import stacks
from deployment.wanted import rules
from deployment.wanted.definitions import Document
from deployment.wanted.layout import Outputs
from deployment.wanted.sizes import DEPLOYABLE
from forum import routes

if TYPE_CHECKING:
    from mypy_boto3_elbv2.type_defs import RuleTypeDef


@dataclass(frozen=True)
class RuleChange:
    """One rule to add, or to modify when `arn` says which."""

    wanted: Document
    arn: str | None
    differences: Sequence[str]


def wanted_rules(forum: Forum, outputs: Outputs) -> list[Document]:
    """The rules of `ecs/routes.json` for the services of these stacks."""
    groups = {name: outputs[name]["TargetGroup"] for name in DEPLOYABLE if name in outputs}
    try:
        table = routes.load()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DeployError(f"ecs/routes.json cannot be used: {error!r}") from None
    return rules.render(table, groups, forum.name)


def changes(forum: Forum, listener: str, wanted: Sequence[Document]) -> list[RuleChange]:
    """What differs from the rules that the listener has; nobody else's rule is touched."""
    live = {rule["Priority"]: rule for rule in _rules(forum, listener)}
    found = []
    for rule in wanted:
        there = live.get(str(rule["Priority"]))
        if there is None:
            found.append(RuleChange(rule, None, ["is new"]))
        elif differences := _differences(rule, there):
            _refuse_foreign(forum, rule, there)
            found.append(RuleChange(rule, there["RuleArn"], differences))
    return found


def apply(forum: Forum, listener: str, found: Sequence[RuleChange]) -> None:
    """Carry out the changes."""
    for change in found:
        rule = change.wanted
        forum.say(f"  {describe(rule)}: {'; '.join(change.differences)}")
        if change.arn is None:
            forum.aws.balancing.create_rule(ListenerArn=listener, **rule)
        else:
            forum.aws.balancing.modify_rule(
                RuleArn=change.arn, Conditions=rule["Conditions"], Actions=rule["Actions"]
            )


def withdraw(forum: Forum, balancer: str, keep: str = "") -> bool:
    """Take this forum's rules from the balancer's listeners but one; whether there were any."""
    pages = forum.aws.balancing.get_paginator("describe_listeners").paginate(
        LoadBalancerArn=balancer
    )
    listeners = [each["ListenerArn"] for page in pages for each in page["Listeners"]]
    found = [
        rule["RuleArn"]
        for listener in listeners
        if listener != keep
        for rule in _rules(forum, listener)
        if _tags(forum, rule).get("forum") == forum.name
    ]
    for arn in found:
        forum.aws.balancing.delete_rule(RuleArn=arn)
    if found:
        forum.say(f"  {len(found)} rules taken from a listener")
    return bool(found)


def balancer(forum: Forum) -> str | None:
    """The load balancer, by its stack or else by its name; None where it is gone."""
    balancing = forum.aws.balancing
    made = stacks.outputs(forum, "platform").get("LoadBalancer")
    try:
        found = (
            balancing.describe_load_balancers(LoadBalancerArns=[made])
            if made
            else balancing.describe_load_balancers(Names=[forum.name])
        )
    except balancing.exceptions.LoadBalancerNotFoundException:
        return None
    return next((each["LoadBalancerArn"] for each in found["LoadBalancers"]), None)


def describe(rule: Document) -> str:
    """`rule 100 (/api/users, /api/users/*)`."""
    return f"rule {rule['Priority']} ({', '.join(_patterns(rule))})"


def _rules(forum: Forum, listener: str) -> list[RuleTypeDef]:
    pages = forum.aws.balancing.get_paginator("describe_rules").paginate(ListenerArn=listener)
    return [rule for page in pages for rule in page["Rules"] if not rule.get("IsDefault")]


def _differences(wanted: Document, live: RuleTypeDef) -> list[str]:
    compared = {
        "paths": (", ".join(_patterns(wanted)), ", ".join(_patterns(live))),
        "targets": (_targets(wanted), _targets(live)),
    }
    return [f"{what}: {old} → {new}" for what, (new, old) in compared.items() if new != old]


def _patterns(rule: Any) -> list[str]:
    return sorted(
        value
        for condition in rule["Conditions"]
        for value in condition.get("PathPatternConfig", condition).get("Values", [])
    )


def _targets(rule: Any) -> str:
    """Each target group with its share in percent: one alone has all, whatever its weight."""
    weights = {
        group["TargetGroupArn"]: int(group.get("Weight", 1))
        for action in rule["Actions"]
        for group in action.get("ForwardConfig", {}).get("TargetGroups", [action])
        if action["Type"] == "forward"
    }
    together = sum(weights.values()) or 1
    return ", ".join(
        f"{arn.partition(':targetgroup/')[2]} {round(100 * weight / together)} %"
        for arn, weight in sorted(weights.items())
    )


def _refuse_foreign(forum: Forum, wanted: Document, live: RuleTypeDef) -> None:
    if _tags(forum, live).get("forum") != forum.name:
        raise DeployError(
            f"The listener has a rule {wanted['Priority']} that is not of this forum:"
            f" {', '.join(_patterns(live))}. Give that one another priority."
        )


def _tags(forum: Forum, rule: RuleTypeDef) -> dict[str, str]:
    found = forum.aws.balancing.describe_tags(ResourceArns=[rule["RuleArn"]])
    return {
        tag["Key"]: tag.get("Value", "")
        for description in found["TagDescriptions"]
        for tag in description["Tags"]
    }
