"""`deploy plan`: what `up` would change, and what it would cost. Nothing is changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deployment.commands import live_size, plan_text
from deployment.forum import Forum
from deployment.outcome import Outcome
from deployment.steps import (
    data,
    images,
    infrastructure,
    listener,
    scaling,
    secret_values,
    services,
    stack_events,
    stacks,
    tasks,
)
from deployment.steps.infrastructure import Gathered
from deployment.wanted import costs, differences, layout, release, stand_ins
from deployment.wanted.definitions import Document
from deployment.wanted.release import Release
from deployment.wanted.sizes import DEPLOYABLE, Size
from forum.places import SERVICES

Lines = dict[str, list[str]]
IS_NEW = ["is new"]


@dataclass
class Plan:
    """What would change, by kind and then by what it is about; `empty` if nothing would."""

    stacks: list[dict[str, str]] = field(default_factory=list)
    images: Lines = field(default_factory=dict)
    secrets: Lines = field(default_factory=dict)
    rules: Lines = field(default_factory=dict)
    migrations: Lines = field(default_factory=dict)
    task_definitions: Lines = field(default_factory=dict)
    services: Lines = field(default_factory=dict)
    scaling: Lines = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        return not any(vars(self).values())


def run(forum: Forum, chosen: Sequence[str]) -> Outcome:
    """Read everything, compare, and leave no trace."""
    plan, wanted = Plan(), chosen or SERVICES
    forum.say("Asking CloudFormation what would change …")
    there = infrastructure.deployed(forum)
    data.refuse_another(forum, wanted, there)
    outputs = _stacks(forum, plan, wanted, there)
    forum.say("Comparing what runs …")
    secrets = secret_values.missing(forum, wanted, there)
    plan.secrets = {
        service: [f"{key} is filled" for key in keys] for service, keys in secrets.items()
    }
    _rules(forum, plan, outputs)
    live = services.find(forum, forum.name, DEPLOYABLE)
    size = release.with_bounds(forum.size, services.scaled_by_hand(live))
    for service in wanted:
        image = _image(forum, plan, service, there)
        each = release.describe(
            service, image, forum=forum.name, region=forum.region, size=size, outputs=outputs
        )
        _service(forum, plan, each, live)
    prices = plan_text.costs_side_by_side(*_costs(forum, size, [*live, *wanted]))
    note = costs.price_list(forum.region).note
    document = {"empty": plan.empty, **vars(plan), "costs": prices, "prices": note}
    return Outcome(document, plan_text.render(plan.empty, vars(plan), prices, note))


def _stacks(forum: Forum, plan: Plan, wanted: Sequence[str], others: Gathered) -> Gathered:
    """The changes of all stacks; their outputs, with stand-ins for those that are to be made."""
    outputs = infrastructure.given(forum, wanted, others)
    for wave in layout.waves(forum.size, wanted):
        for part in infrastructure.with_others(wave, others):
            plan.stacks += _stack(forum, part, outputs)
        for part in wave:
            live = stacks.outputs(forum, part.name)
            outputs[part.name] = {**stand_ins.OUTPUTS[part.template], **live}
    return outputs


def _stack(forum: Forum, part: layout.Part, outputs: Gathered) -> list[dict[str, str]]:
    name = layout.stack_name(forum.name, part.name)
    live = stack_events.look(forum, name)
    status = live["StackStatus"] if live else ""
    if live and (origin := stacks.left_from(forum, live)):
        return [_row(name, "remove", f"what {origin} left ({status}), and make it anew")]
    exists = bool(live) and status != "REVIEW_IN_PROGRESS"
    if exists and status.endswith("_IN_PROGRESS"):
        return [_row(name, "busy", f"{status}: what comes after is not known")]
    told = layout.told(part, forum.name, forum.size, outputs)
    change_set = stacks.prepare(forum, part, told, exists=exists)
    stacks.discard(forum, change_set)
    if not change_set.empty and not change_set.changes:
        return [_row(name, "modify", "its outputs")]
    return [_row(name, each.action, each.resource, each.kind) for each in change_set.changes]


def _row(stack: str, action: str, resource: str, kind: str = "") -> dict[str, str]:
    return {"stack": stack, "action": action, "resource": resource, "type": kind}


def _image(forum: Forum, plan: Plan, service: str, there: Gathered) -> str:
    """How the task definition would name the image; by its tag where it is still to be built."""
    image = images.wanted(forum, service)
    repository = there.get(service, {}).get("RepositoryName", "")
    digest = images.digest_in(forum, repository, image) if repository else None
    if digest:
        return f"{there[service]['Repository']}@{digest}"
    plan.images[service] = [f"{image.tag[:12]} for {image.platform} is built and pushed"]
    return f"this checkout's {image.tag[:12]}"


def _rules(forum: Forum, plan: Plan, outputs: Gathered) -> None:
    rendered = listener.wanted_rules(forum, outputs)
    listening = stacks.outputs(forum, "platform").get("Listener")
    if listening:
        found = listener.changes(forum, listening, rendered)
        plan.rules = {listener.describe(each.wanted): list(each.differences) for each in found}
    else:
        plan.rules = {listener.describe(rule): IS_NEW for rule in rendered}


def _service(forum: Forum, plan: Plan, wanted: Release, live: Mapping[str, Any]) -> None:
    name = wanted.service
    here = live.get(name)
    latest = tasks.read(forum, wanted.task_definition["family"])
    if lines := _definition(forum, wanted.task_definition, here):
        plan.task_definitions[name] = lines
    migration = tasks.read(forum, wanted.migration["family"])
    if not (migration and migration.ran and _same(wanted.migration, migration)):
        plan.migrations[name] = ["its database is migrated"]
    if here is None:
        plan.services[name] = [f"is new, with {wanted.bounds[0]} tasks"]
    else:
        same = latest is not None and _same(wanted.task_definition, latest)
        version = latest.arn if latest and same else f"{wanted.task_definition['family']}:new"
        change = services.change(forum, wanted.definition, here, version, wanted.bounds)
        if change.differences:
            plan.services[name] = list(change.differences)
    change_of_scaling = scaling.changes(forum, wanted.scaling)
    if change_of_scaling:
        plan.scaling[name] = list(change_of_scaling.differences)


def _definition(forum: Forum, wanted: Document, here: Any) -> list[str]:
    live = tasks.read(forum, here["taskDefinition"]) if here else None
    if live is None:
        return IS_NEW
    if _same(wanted, live):
        return []
    told = {key: value for key, value in wanted.items() if key != "tags"}
    return differences.between(told, live.definition) or ["something is taken out"]


def _same(wanted: Document, live: tasks.Revision) -> bool:
    return live.fingerprint == tasks.fingerprint(wanted)


def _costs(
    forum: Forum, size: Size, together: Sequence[str]
) -> tuple[Sequence[costs.Part], Sequence[costs.Part]]:
    before = live_size.read(forum)
    now = costs.estimate(before, forum.region, list(before.services)) if before else []
    then = [service for service in DEPLOYABLE if service in together]
    return now, costs.estimate(size, forum.region, then)
