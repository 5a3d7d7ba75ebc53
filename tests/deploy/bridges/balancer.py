"""The load balancer: weights of rules, priorities that are taken, and who gets a request.

The emulator forgets the groups and weights of a `forward` action, takes two rules of one priority,
sends requests to targets that do not answer yet, lets a target group go that a rule still leads to,
keeps the listeners of a balancer that is deleted, and knows the balancers of one account alone.
"""

import random
from collections.abc import Callable
from typing import Any

from ministack.core.responses import set_request_account_id, set_request_region
from ministack.services import alb
from ministack.services.cloudformation import provisioners

from . import health

# Status, headers and body, as the emulator makes them.
Answer = Any
Parameters = dict[str, Any]
IN_USE = "Target group '{group}' is currently in use by a listener or a rule"

_parse_actions = alb._parse_actions
_action_xml = alb._action_xml
_create_rule = alb._create_rule
_delete_group = alb._delete_tg
_execute_action = alb._execute_action
_forward_to_group = alb._forward_to_tg


def install() -> None:
    """Put these in place of the emulator's own."""
    alb._parse_actions = _parse_actions_with_weights
    alb._action_xml = _action_xml_with_weights
    alb._execute_action = _execute_by_weight
    alb._forward_to_tg = _forward_to_a_healthy_target
    alb._find_lb_by_name = _find_in_any_account
    alb._ACTION_MAP["CreateRule"] = _create_rule_of_a_free_priority
    alb._ACTION_MAP["DeleteLoadBalancer"] = _delete_with_its_listeners
    alb._ACTION_MAP["DeleteTargetGroup"] = _delete_unused_group
    handler = provisioners._RESOURCE_HANDLERS["AWS::ElasticLoadBalancingV2::TargetGroup"]
    handler["delete"] = _dropping_unused_groups(handler["delete"])
    alb._ACTION_MAP["DescribeTargetHealth"] = _describe_target_health


def _find_in_any_account(name: str) -> dict[str, Any] | None:
    """Clients of a load balancer sign nothing: by its name alone its account is found."""
    for (account, region, _arn), found in alb._lbs.all_items():
        if found["LoadBalancerName"] == name:
            set_request_account_id(account)
            set_request_region(region)
            balancer: dict[str, Any] = found
            return balancer
    return None


def _parse_actions_with_weights(
    parameters: Parameters, prefix: str = "DefaultActions"
) -> list[dict[str, Any]]:
    actions: list[dict[str, Any]] = _parse_actions(parameters, prefix)
    for number, action in enumerate(actions, 1):
        groups: list[dict[str, Any]] = []
        start = f"{prefix}.member.{number}.ForwardConfig.TargetGroups.member."
        while arn := alb._p(parameters, f"{start}{len(groups) + 1}.TargetGroupArn"):
            weight = alb._p(parameters, f"{start}{len(groups) + 1}.Weight", "1")
            groups.append({"TargetGroupArn": arn, "Weight": int(weight)})
        if action["Type"] == "forward" and not groups:
            groups = [{"TargetGroupArn": action["TargetGroupArn"], "Weight": 1}]
        if groups:
            action["ForwardConfig"] = {"TargetGroups": groups}
        # AWS names a single group in both places.
        if len(groups) == 1:
            action["TargetGroupArn"] = groups[0]["TargetGroupArn"]
    return actions


def _action_xml_with_weights(action: dict[str, Any]) -> str:
    xml: str = _action_xml(action)
    groups = "".join(
        f"<member><TargetGroupArn>{group['TargetGroupArn']}</TargetGroupArn>"
        f"<Weight>{group['Weight']}</Weight></member>"
        for group in _groups(action)
    )
    forward = (
        f"<ForwardConfig><TargetGroups>{groups}</TargetGroups>"
        "<TargetGroupStickinessConfig><Enabled>false</Enabled></TargetGroupStickinessConfig>"
        "</ForwardConfig>"
    )
    return xml.replace("</member>", f"{forward}</member>") if groups else xml


def _create_rule_of_a_free_priority(parameters: Parameters) -> Answer:
    listener, priority = (alb._p(parameters, key) for key in ("ListenerArn", "Priority"))
    for rule in alb._rules.values():
        if (rule["ListenerArn"], rule["Priority"]) == (listener, priority):
            return alb._error("PriorityInUse", f"Priority '{priority}' is currently in use")
    return _create_rule(parameters)


def _in_use(group: str) -> bool:
    """Whether a rule leads to it; what a listener does by default is a rule here, too."""
    return any(
        group == action.get("TargetGroupArn")
        or group in (each["TargetGroupArn"] for each in _groups(action))
        for rule in alb._rules.values()
        for action in rule["Actions"]
    )


def _groups(action: dict[str, Any]) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = action.get("ForwardConfig", {}).get("TargetGroups", [])
    return groups


def _delete_with_its_listeners(parameters: Parameters) -> Answer:
    provisioners._elbv2_load_balancer_delete(alb._p(parameters, "LoadBalancerArn"), {})
    return alb._empty("DeleteLoadBalancer")


def _delete_unused_group(parameters: Parameters) -> Answer:
    group = alb._p(parameters, "TargetGroupArn")
    if _in_use(group):
        return alb._error("ResourceInUse", IN_USE.format(group=group))
    return _delete_group(parameters)


def _dropping_unused_groups(drop: Callable[..., None]) -> Callable[..., None]:
    def dropping(physical: str, properties: Parameters) -> None:
        if _in_use(physical):
            raise ValueError(IN_USE.format(group=physical))
        drop(physical, properties)

    return dropping


async def _execute_by_weight(action: dict[str, Any], *request: Any) -> Answer:
    groups = _groups(action)
    if sum(group["Weight"] for group in groups):
        chosen = random.choices(groups, [group["Weight"] for group in groups])[0]  # noqa: S311
        action = {**action, "TargetGroupArn": chosen["TargetGroupArn"]}
    return await _execute_action(action, *request)


async def _forward_to_a_healthy_target(group: str, *request: Any) -> Answer:
    registered = alb._targets.get(group, [])
    healthy = [target for target in registered if health.state(group, target["Id"]) == "healthy"]
    if not healthy:
        return await _forward_to_group(group, *request)
    return await alb._proxy_http_target(
        random.choice(healthy),  # noqa: S311
        alb._tgs[group],
        request[0],
        request[6] or request[1],
        *request[2:6],
    )


def _describe_target_health(parameters: Parameters) -> Answer:
    group = alb._p(parameters, "TargetGroupArn")
    plain: Callable[..., Answer] = alb._describe_target_health
    status, headers, body = plain(parameters)
    text = body.decode()
    for target in alb._targets.get(group, []):
        start = f"<Target><Id>{target['Id']}</Id>"
        before, found, after = text.partition(start)
        state = health.state(group, target["Id"])
        text = before + found + after.replace(">healthy<", f">{state}<", 2)
    return status, headers, text.encode()
