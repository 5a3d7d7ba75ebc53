"""Checks of the load balancer's rules, as Elastic Load Balancing evaluates them."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from deployment.wanted import rules
from deployment.wanted.sizes import DEPLOYABLE
from forum.places import SERVICES
from forum.routes import Route

from .lint_templates import Found

# A service has these for its own forum's parts, and for those who look after it.
PRIVATE = (
    "/internal", "/internal/events", "/metrics", "/livez", "/readyz", "/docs", "/openapi.json", "/",
)  # fmt: skip
# What comes after a prefix without being below it.
BESIDE = ("X", ".json", "%2F1", ";x=1")
LONGEST_PATTERN = 128
MOST_PATTERNS = 5


def answering(rendered: Sequence[Mapping[str, Any]], path: str) -> str | None:
    """The target group of the first rule that catches `path`; None is the listener's own answer.

    `path` is a request line's target. The query is no part of what patterns are compared with.
    """
    path = path.partition("?")[0]
    for rule in sorted(rendered, key=lambda rule: int(rule["Priority"])):
        if any(_matches(pattern, path) for pattern in _patterns(rule)):
            return str(rule["Actions"][0]["ForwardConfig"]["TargetGroups"][0]["TargetGroupArn"])
    return None


def look(routes: Sequence[Route]) -> Iterator[Found]:
    """What is wrong with the rules of `routes`, were everything deployed."""
    groups = {service: service for service in DEPLOYABLE}
    rendered = rules.render(routes, groups, "forum")
    yield from _priorities(rendered)
    yield from _reach(rendered, routes)
    for rule in rendered:
        patterns = _patterns(rule)
        if len(patterns) > MOST_PATTERNS or max(map(len, patterns)) > LONGEST_PATTERN:
            wrong = f"has more than {MOST_PATTERNS} patterns, or one beyond {LONGEST_PATTERN}"
            yield _place(rule), wrong, "Make two rows of it"
    for route in routes:
        if route.service not in SERVICES:
            yield str(route.prefixes), f"goes to {route.service}, which is none", "Name a service"


def _priorities(rendered: Sequence[Mapping[str, Any]]) -> Iterator[Found]:
    for priority, count in Counter(rule["Priority"] for rule in rendered).items():
        if count > 1:
            wrong = f"is that of {count} rules"
            yield f"priority {priority}", wrong, "Give each row a priority of its own"
        if not 1 <= priority <= 50_000:
            yield f"priority {priority}", "is none", "Give one from 1 to 48999"


def _reach(rendered: Sequence[Mapping[str, Any]], routes: Sequence[Route]) -> Iterator[Found]:
    beside = [
        prefix.rstrip("*/") + end for route in routes for prefix in route.prefixes for end in BESIDE
    ]
    for rule in rendered:
        for path in (*PRIVATE, *beside):
            if any(_matches(pattern, path) for pattern in _patterns(rule)):
                yield _place(rule), f"catches {path}", "Narrow the prefix"


def _matches(pattern: str, path: str) -> bool:
    """`*` is any number of characters, `?` is one; case counts, and nothing is decoded."""
    wild = {"*": ".*", "?": "."}
    expression = "".join(wild.get(character, re.escape(character)) for character in pattern)
    return re.fullmatch(expression, path, re.DOTALL) is not None


def _patterns(rule: Mapping[str, Any]) -> list[str]:
    (condition,) = rule["Conditions"]
    values: list[str] = condition["PathPatternConfig"]["Values"]
    return values


def _place(rule: Mapping[str, Any]) -> str:
    return f"rule {rule['Priority']} ({', '.join(_patterns(rule))})"
