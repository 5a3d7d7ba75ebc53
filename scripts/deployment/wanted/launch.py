"""The EC2 launch type, for a size that asks for it: the JSON files say Fargate."""

from typing import Any


def on_instances(document: dict[str, Any], provider: str) -> dict[str, Any]:
    """A task definition or a service as it is on the instances of a capacity provider."""
    changed = dict(document)
    if "requiresCompatibilities" in document:
        changed["requiresCompatibilities"] = ["EC2"]
    if "capacityProviderStrategy" in document:
        changed["capacityProviderStrategy"] = [{"capacityProvider": provider, "weight": 1}]
    return changed
