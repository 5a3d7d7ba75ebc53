"""The services of a release: made, told what to become, and watched until they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from deployment.forum import Forum
from deployment.problems import DeployError
from deployment.steps import rollout, services, tasks
from deployment.steps.rollout import Rollout
from deployment.steps.services import ServiceChange
from deployment.steps.tasks import Revision
from deployment.wanted.release import Release
from deployment.wanted.sizes import DEPLOYABLE

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import ServiceTypeDef


def deliver(forum: Forum, cluster: str, releases: Sequence[Release]) -> list[str]:
    """Roll the releases out side by side; what was changed."""
    revisions = {each.service: tasks.register(forum, each.task_definition) for each in releases}
    _make(forum, cluster, releases, revisions)
    live = services.find(forum, cluster, DEPLOYABLE)
    changes = {
        each.service: _change(forum, each, live, revisions[each.service]) for each in releases
    }
    changes |= _told_of_newcomers(live, [name for name in live if name not in changes])
    rollouts = []
    for name, change in changes.items():
        revision = revisions.get(name) or current(forum, live[name])
        if change.told or not (revision.ran and services.steady(live[name])):
            fallback = _fallback(forum, live[name], revision)
            rollouts.append(Rollout(forum, cluster, name, revision, fallback))
            rollout.start(rollouts[-1], change)
    rollout.watch(rollouts)
    return [f"service {name}" for name, change in changes.items() if change.told]


def _make(
    forum: Forum, cluster: str, releases: Sequence[Release], revisions: Mapping[str, Revision]
) -> None:
    """Make the services that are not there: all of them before any has a task."""
    live = services.find(forum, cluster, DEPLOYABLE)
    for each in releases:
        if each.service not in live:
            services.create(forum, each.definition, revisions[each.service].arn)


def _change(
    forum: Forum, wanted: Release, live: Mapping[str, ServiceTypeDef], revision: Revision
) -> ServiceChange:
    there = live[wanted.service]
    change = services.change(forum, wanted.definition, there, revision.arn, wanted.bounds)
    if services.knows_all(there, list(live.values())):
        return change
    return _anew(change)


def _told_of_newcomers(
    live: Mapping[str, ServiceTypeDef], others: Sequence[str]
) -> dict[str, ServiceChange]:
    """Services that are not deployed now, but have to learn the name of one that is new."""
    return {
        name: _anew(ServiceChange(name, live[name]["serviceArn"], {}, []))
        for name in others
        if live[name]["desiredCount"] and not services.knows_all(live[name], list(live.values()))
    }


def _anew(change: ServiceChange) -> ServiceChange:
    return replace(
        change,
        told={**change.told, "forceNewDeployment": True},
        differences=[*change.differences, "started anew, to know services that came later"],
    )


def current(forum: Forum, live: ServiceTypeDef) -> Revision:
    """The version that the service is told to run."""
    revision = tasks.read(forum, live["taskDefinition"])
    if revision is None:
        raise DeployError(f"{live['serviceName']} runs {live['taskDefinition']}, which is deleted.")
    return revision


def _fallback(forum: Forum, live: ServiceTypeDef, revision: Revision) -> str | None:
    """What to put back: the version that serves beside the new one, or did until now."""
    others = [each["taskDefinition"] for each in live["deployments"]]
    for arn in [live["taskDefinition"], *others]:
        if arn != revision.arn:
            before = tasks.read(forum, arn)
            if before and before.ran:
                return arn
    return revision.arn if revision.ran else None
