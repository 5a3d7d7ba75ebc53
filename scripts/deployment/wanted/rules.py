"""The load balancer's rules, rendered from the one table of routes (`ecs/routes.json`).

A load balancer compares patterns with the path alone, never the query, and minds case: each prefix
is two patterns, so that `/api/usersX` is nobody's. What no rule catches is the listener's own 404.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from forum.routes import Route

# The monolith answers what no service's own rule caught before.
MONOLITH = "monolith"
BELOW = 1000


def render(
    routes: Sequence[Route], target_groups: Mapping[str, str], forum: str
) -> list[dict[str, Any]]:
    """What `create_rule` takes for each rule, save the listener.

    `target_groups` gives the ARN of each deployed service; one that is missing has no rule.
    """
    rules = [
        _rule(route, route.service, route.priority, target_groups[route.service], forum)
        for route in routes
        if route.service in target_groups
    ]
    if MONOLITH in target_groups:
        rules += [
            _rule(route, MONOLITH, route.priority + BELOW, target_groups[MONOLITH], forum)
            for route in routes
        ]
    return rules


def patterns(prefixes: Sequence[str]) -> list[str]:
    """The patterns that catch `prefixes` and what is below them, and nothing else."""
    return [pattern for prefix in prefixes for pattern in (prefix, f"{prefix}/*")]


def _rule(
    route: Route, service: str, priority: int, target_group: str, forum: str
) -> dict[str, Any]:
    paths = {"Values": patterns(route.prefixes)}
    # A weight although there is one target: a cut-over moves it.
    targets = {"TargetGroups": [{"TargetGroupArn": target_group, "Weight": 100}]}
    return {
        "Priority": priority,
        "Conditions": [{"Field": "path-pattern", "PathPatternConfig": paths}],
        "Actions": [{"Type": "forward", "ForwardConfig": targets}],
        "Tags": [{"Key": "forum", "Value": forum}, {"Key": "service", "Value": service}],
    }
