"""Which service answers which paths: `ecs/routes.json`, read the same for every gateway."""

import json
from dataclasses import dataclass

from forum.places import ROOT


@dataclass(frozen=True)
class Route:
    """Each prefix stands for two patterns on the raw path: the prefix itself, and `prefix/*`."""

    service: str
    prefixes: tuple[str, ...]
    # Among a load balancer's rules, where the lowest number is asked first.
    priority: int


def load() -> list[Route]:
    """The table, in its order."""
    rows = json.loads((ROOT / "ecs" / "routes.json").read_text())
    return [Route(row["service"], tuple(row["prefixes"]), row["priority"]) for row in rows]
