"""Rollouts, watched: over when every new task is healthy, or at the first crash loop."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from deployment.forum import Forum
from deployment.problems import AGAIN, DeployError
from deployment.steps import services, stopped, tasks
from deployment.steps.services import ServiceChange
from deployment.steps.tasks import Revision, short

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import DeploymentTypeDef, ServiceTypeDef, TaskTypeDef

# So many tasks that ended by themselves are a loop.
CRASHES = 2
SECONDS = 1200.0


@dataclass
class Rollout:
    """A service on its way to a version; `fallback` is the one that it came from.

    `deployment` is what ECS has called the change, as long as it tells what was before it.
    """

    forum: Forum
    cluster: str
    service: str
    revision: Revision
    fallback: str | None
    deployment: DeploymentTypeDef | None = None
    known: set[str] = field(default_factory=set)
    crashes: list[TaskTypeDef] = field(default_factory=list)
    told: str = ""

    def __post_init__(self) -> None:
        """Remember the tasks that had stopped before it began."""
        self.known = set(self._stopped())

    def failure(self, live: ServiceTypeDef) -> str | None:
        """Why it cannot succeed any more; None while it can."""
        self._look_for_crashes()
        if any(stopped.cannot_pull(crash) for crash in self.crashes):
            return "its image cannot be pulled"
        if len(self.crashes) >= CRASHES:
            return f"{len(self.crashes)} of its tasks ended by themselves"
        if self._outdated(live):
            return None
        deployment = services.primary(live)
        if deployment["taskDefinition"] != self.revision.arn:
            return "ECS has taken it back"
        if deployment.get("rolloutState") == "FAILED":
            return f"ECS has given it up: {deployment.get('rolloutStateReason', '')}"
        return None

    def done(self, live: ServiceTypeDef) -> bool:
        """Whether all tasks are new, and the load balancer finds them well."""
        if self._outdated(live):
            return False
        progress = f"{live['runningCount']} tasks of {live['desiredCount']}"
        healthy = services.healthy(self.forum, live) if services.steady(live) else 0
        if live["desiredCount"] and services.steady(live):
            progress += f", {healthy} healthy"
        if progress != self.told:
            self.told = progress
            self.forum.say(f"  {self.service}: {progress}")
        return services.steady(live) and healthy >= live["desiredCount"]

    def explain(self) -> list[str]:
        """The last crash, for people."""
        if not self.crashes:
            return []
        return stopped.explain(self.forum, self.crashes[-1], self.revision).lines()

    def stop_its_tasks(self) -> None:
        """End what fails, so that there is room beside what serves, which then need not go."""
        ecs = self.forum.aws.ecs
        running = ecs.list_tasks(
            cluster=self.cluster, serviceName=self.service, desiredStatus="RUNNING"
        )["taskArns"]
        if not running:
            return
        for task in ecs.describe_tasks(cluster=self.cluster, tasks=running)["tasks"]:
            if task["taskDefinitionArn"] == self.revision.arn:
                ecs.stop_task(
                    cluster=self.cluster, task=task["taskArn"], reason="its rollout was stopped"
                )

    def _outdated(self, live: ServiceTypeDef) -> bool:
        """Whether this is from before the change, which ECS may tell for a while."""
        told = self.deployment
        if told and any(
            each["id"] == told["id"] and each["updatedAt"] >= told["updatedAt"]
            for each in live["deployments"]
        ):
            self.deployment = None
        return self.deployment is not None

    def _look_for_crashes(self) -> None:
        new = [arn for arn in self._stopped() if arn not in self.known]
        if not new:
            return
        # As many as one call takes; there will be another look.
        described = self.forum.aws.ecs.describe_tasks(cluster=self.cluster, tasks=new[:100])
        for task in described["tasks"]:
            if task["lastStatus"] != "STOPPED":
                continue
            self.known.add(task["taskArn"])
            if task["taskDefinitionArn"] == self.revision.arn and stopped.by_itself(task):
                self.crashes.append(task)
                self.forum.say(f"  {self.service}: a task ended: {task.get('stoppedReason')}")

    def _stopped(self) -> list[str]:
        pages = self.forum.aws.ecs.get_paginator("list_tasks").paginate(
            cluster=self.cluster, serviceName=self.service, desiredStatus="STOPPED"
        )
        return [arn for page in pages for arn in page["taskArns"]]


def start(rollout: Rollout, change: ServiceChange) -> None:
    """Tell ECS what is to become of the service."""
    forum = rollout.forum
    for line in change.differences:
        forum.say(f"  {change.service}: {line}")
    told = dict(change.told)
    if tags := told.pop("tags", None):
        forum.aws.ecs.tag_resource(resourceArn=change.arn, tags=tags)
    if told:
        answer = forum.aws.ecs.update_service(
            cluster=rollout.cluster, service=change.service, **told
        )
        rollout.deployment = services.primary(answer["service"])


def watch(rollouts: Sequence[Rollout]) -> None:
    """Wait for all, side by side; what fails is put back at once, and told in the end."""
    waiting = list(rollouts)
    failures: list[str] = []
    deadline = time.monotonic() + SECONDS
    while waiting:
        for rollout in list(waiting):
            live = _live(rollout)
            failure = rollout.failure(live)
            if failure is None and time.monotonic() > deadline:
                failure = f"it is not healthy after {SECONDS / 60:.0f} min: {_event(live)}"
            if failure:
                failures.append(_put_back(rollout, failure))
                waiting.remove(rollout)
            elif rollout.done(live):
                tasks.remember_that_it_ran(rollout.forum, rollout.revision)
                rollout.forum.say(f"  {rollout.service}: {short(rollout.revision.arn)} serves")
                waiting.remove(rollout)
        if waiting:
            time.sleep(waiting[0].forum.aws.pause)
    if failures:
        raise DeployError("\n".join(failures))


def _put_back(rollout: Rollout, failure: str) -> str:
    """Let the version before serve on alone, or nothing where there was none."""
    forum = rollout.forum
    forum.say(f"  {rollout.service}: {failure}; putting back what was before")
    live = _live(rollout)
    if rollout.fallback is None:
        forum.aws.ecs.update_service(
            cluster=rollout.cluster, service=rollout.service, desiredCount=0
        )
        now = "No task of it is left running; there was no version before."
    else:
        if live["taskDefinition"] != rollout.fallback:
            rollout.stop_its_tasks()
            forum.aws.ecs.update_service(
                cluster=rollout.cluster, service=rollout.service, taskDefinition=rollout.fallback
            )
        now = f"{short(rollout.fallback)} serves on."
    explained = "\n    ".join(["", *rollout.explain()]) or f" {AGAIN}"
    name = f"{rollout.service} {short(rollout.revision.arn)}"
    return f"The rollout of {name} was stopped: {failure}. {now}{explained}"


def _live(rollout: Rollout) -> ServiceTypeDef:
    found = services.find(rollout.forum, rollout.cluster, [rollout.service])
    if rollout.service not in found:
        raise DeployError(f"The service {rollout.service} was deleted meanwhile. {AGAIN}")
    return found[rollout.service]


def _event(live: ServiceTypeDef) -> str:
    return live["events"][0]["message"] if live.get("events") else "ECS does not say why"
