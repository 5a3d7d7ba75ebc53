"""The size that a forum has now, read from what runs: for what it costs before a change."""

from pathlib import Path
from typing import Any

from deployment.forum import Forum
from deployment.steps import scaling, services, stack_events, tasks
from deployment.wanted import layout
from deployment.wanted.sizes import DEPLOYABLE, ServiceSize, Size


def read(forum: Forum) -> Size | None:
    """None where there is no service."""
    live = services.find(forum, forum.name, DEPLOYABLE)
    sizes = {name: _service(forum, service) for name, service in live.items()}
    if not sizes:
        return None
    revision = tasks.read(forum, next(iter(live.values()))["taskDefinition"])
    platform = revision.definition.get("runtimePlatform", {}) if revision else {}
    name = next(iter(live))
    own, shared = _parameters(forum, f"{name}-data"), _parameters(forum, "data")
    capacity = _parameters(forum, "capacity")
    document = {
        "architecture": platform.get("cpuArchitecture", "X86_64"),
        "launch": "ec2" if capacity else "fargate",
        "databases": "shared" if shared else "own" if own else "existing",
        "network": _parameters(forum, "network"),
        "platform": _parameters(forum, "platform"),
        "capacity": capacity,
        "service": _parameters(forum, name),
        "data": shared or own,
    }
    return Size(Path("what runs"), document, sizes)


def _service(forum: Forum, live: Any) -> ServiceSize:
    revision = tasks.read(forum, live["taskDefinition"])
    definition = revision.definition if revision else {"cpu": "0", "memory": "0"}
    count = live["desiredCount"]
    least, most = scaling.bounds(forum, forum.name, live["serviceName"]) or (count, count)
    strategy = live.get("capacityProviderStrategy", [])
    base = sum(each.get("base", 0) for each in strategy)
    spot = any(
        each["capacityProvider"] == "FARGATE_SPOT" and each.get("weight") for each in strategy
    )
    return ServiceSize(definition["cpu"], definition["memory"], least, most, base, spot)


def _parameters(forum: Forum, part: str) -> dict[str, str]:
    stack = stack_events.look(forum, layout.stack_name(forum.name, part))
    given = stack.get("Parameters", []) if stack else []
    return {each["ParameterKey"]: each.get("ParameterValue", "") for each in given}
