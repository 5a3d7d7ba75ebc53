"""Bringing up what lasts: all stacks, in order."""

from collections.abc import Sequence
from dataclasses import replace

from deployment.checks import network
from deployment.forum import Forum
from deployment.problems import DeployError
from deployment.steps import databases, stacks
from deployment.steps.stacks import ChangeSet
from deployment.wanted import layout
from deployment.wanted.layout import Part
from deployment.wanted.sizes import DEPLOYABLE

# Made by ECS with the first cluster of an account, of which it then says that it cannot take it.
ROLE = "AWSServiceRoleForECS"
DANGEROUS = ("replace", "maybe-replace", "remove")
Gathered = dict[str, dict[str, str]]


def deployed(forum: Forum) -> Gathered:
    """The outputs of the stacks of services that are there."""
    found = {service: stacks.outputs(forum, service) for service in DEPLOYABLE}
    return {service: outputs for service, outputs in found.items() if outputs}


def read(forum: Forum, service: str) -> Gathered:
    """The outputs of all stacks that the service stands on, as they are."""
    outputs: Gathered = dict(databases.existing_outputs(forum, [service]))
    for wave in layout.waves(forum.size, [service]):
        outputs |= {part.name: stacks.outputs(forum, part.name) for part in wave}
    return outputs


def given(forum: Forum, services: Sequence[str], others: Gathered) -> Gathered:
    """What stacks are told that is no output of a stack of this run."""
    zones = {"zones": network.offered(forum)}
    return databases.existing_outputs(forum, services) | zones | others


def bring_up(forum: Forum, services: Sequence[str]) -> tuple[Gathered, bool]:
    """Make and change the stacks that these services need; their outputs, and whether any changed.

    Stacks of other services are left alone; they share the databases.
    """
    others = deployed(forum)
    outputs = given(forum, services, others)
    if not stacks.outputs(forum, "platform"):
        _make_role_of_ecs(forum)
    changed = False
    for wave in layout.waves(forum.size, services):
        parts = with_others(wave, others)
        change_sets = [_prepare(forum, part, outputs) for part in parts]
        _ask(forum, change_sets)
        begun = stacks.execute(forum, change_sets)
        stacks.finish(forum, begun)
        changed = changed or bool(begun)
        outputs |= {part.name: stacks.outputs(forum, part.name) for part in parts}
    return outputs, changed


def _make_role_of_ecs(forum: Forum) -> None:
    """Before the network, so that all of AWS knows it when the cluster is made."""
    iam = forum.aws.iam
    try:
        iam.get_role(RoleName=ROLE)
    except iam.exceptions.NoSuchEntityException:
        iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")
        forum.say(f"  {ROLE} made, which ECS has once in an account")


def with_others(wave: Sequence[Part], others: Gathered) -> list[Part]:
    """The stacks of the wave; databases that all share know services not deployed now, too."""
    return [
        replace(
            part,
            services=tuple(each for each in DEPLOYABLE if each in part.services or each in others),
        )
        if part.name == "data"
        else part
        for part in wave
    ]


def _prepare(forum: Forum, part: Part, outputs: Gathered) -> ChangeSet:
    stack = layout.stack_name(forum.name, part.name)
    live = stacks.settle(forum, stack)
    if live:
        stacks.clear_leftovers(forum, stack)
    told = layout.told(part, forum.name, forum.size, outputs)
    return stacks.prepare(forum, part, told, exists=live is not None)


def _ask(forum: Forum, change_sets: Sequence[ChangeSet]) -> None:
    lines = [
        f"  {change_set.stack}: {change.action} {change.resource} ({change.kind})"
        for change_set in change_sets
        for change in change_set.changes
        if change.action in DANGEROUS
    ]
    if lines:
        forum.say("This replaces or removes what is there:")
        for line in lines:
            forum.say(line)
        try:
            # Earlier stacks may have been changed by now.
            forum.ask("Go on? Say yes:", otherwise="These stacks are left as they are.")
        except DeployError:
            for change_set in change_sets:
                stacks.discard(forum, change_set)
            raise
