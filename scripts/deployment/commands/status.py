"""`deploy status`: what runs, in which version, and whether it is well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deployment.commands.plan_text import table
from deployment.forum import Forum
from deployment.outcome import Outcome
from deployment.problems import DeployError
from deployment.steps import scaling, services, smoke, stack_events, stacks, tasks
from deployment.wanted import layout
from deployment.wanted.sizes import DEPLOYABLE

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import ServiceTypeDef

HEAD = ["service", "version", "image", "tasks", "healthy", "of", "state"]


def run(forum: Forum) -> Outcome:
    """Everything that is there; an error where there is nothing."""
    live = services.find(forum, forum.name, DEPLOYABLE)
    there = _stacks(forum)
    if not there:
        raise DeployError(f"There is no forum '{forum.name}' in {forum.region}. `up` makes it.")
    found = [_service(forum, live[name]) for name in DEPLOYABLE if name in live]
    platform = stacks.outputs(forum, "platform")
    url = smoke.url(forum, platform) if platform else ""
    document = {"url": url, "services": found, "stacks": there}
    return Outcome(document, _text(document))


def _stacks(forum: Forum) -> dict[str, str]:
    names = [layout.stack_name(forum.name, part) for part in (*layout.OTHERS, *layout.DATA)]
    found = {name: stack_events.look(forum, name) for name in names}
    return {name: stack["StackStatus"] for name, stack in found.items() if stack}


def _service(forum: Forum, live: ServiceTypeDef) -> dict[str, Any]:
    name = live["serviceName"]
    revision = tasks.read(forum, live["taskDefinition"])
    image = revision.definition["containerDefinitions"][0]["image"] if revision else "deleted"
    least, most = scaling.bounds(forum, forum.name, name) or (None, None)
    now = services.primary(live)
    return {
        "service": name,
        "version": tasks.short(live["taskDefinition"]),
        "image": image.rpartition("@sha256:")[2][:12],
        "running": live["runningCount"],
        "desired": live["desiredCount"],
        "healthy": services.healthy(forum, live),
        "minimum": least,
        "maximum": most,
        "state": "steady" if services.steady(live) else now.get("rolloutState", "changing").lower(),
        "since": now["updatedAt"],
    }


def _text(document: dict[str, Any]) -> str:
    rows = [
        [
            each["service"],
            each["version"],
            each["image"],
            f"{each['running']}/{each['desired']}",
            str(each["healthy"]),
            f"{each['minimum']} to {each['maximum']}" if each["maximum"] else "not scaled",
            each["state"],
        ]
        for each in document["services"]
    ]
    lines = [f"The forum answers at {document['url']}" if document["url"] else "No platform yet."]
    lines += ["", *table([HEAD, *rows])] if rows else ["", "  no service runs"]
    return "\n".join([*lines, "", *table([list(each) for each in document["stacks"].items()])])
