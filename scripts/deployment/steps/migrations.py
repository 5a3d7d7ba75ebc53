"""Migrations: each a one-off task of its service's new image, before the service gets it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deployment.forum import Forum
from deployment.problems import AGAIN, DeployError
from deployment.steps import stopped, tasks
from deployment.steps.tasks import Revision
from deployment.wanted.definitions import Document

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import TaskTypeDef

SECONDS = 1800.0


@dataclass(frozen=True)
class Migration:
    """What to run, and where: what `run_task` takes."""

    service: str
    revision: Revision
    where: Document


def run(forum: Forum, migrations: Sequence[Migration]) -> None:
    """Run those that have not run, side by side; an error shows the log of the first to fail."""
    running = {}
    for migration in migrations:
        forum.say(f"  {migration.service}: migrating its database")
        running[_running(forum, migration) or _start(forum, migration)] = migration
    deadline = time.monotonic() + SECONDS
    while running:
        for task in _ended(forum, list(running)):
            _judge(forum, task, running.pop(task["taskArn"]))
        if time.monotonic() > deadline:
            raise DeployError(f"The migrations do not end after {SECONDS / 60:.0f} min. {AGAIN}")
        if running:
            time.sleep(forum.aws.pause)


def _running(forum: Forum, migration: Migration) -> str | None:
    """The task that a run which was killed had started."""
    found = forum.aws.ecs.list_tasks(
        cluster=migration.where["cluster"],
        family=migration.revision.family,
        desiredStatus="RUNNING",
    )["taskArns"]
    described = (
        forum.aws.ecs.describe_tasks(cluster=migration.where["cluster"], tasks=found)["tasks"]
        if found
        else []
    )
    same = (task for task in described if task["taskDefinitionArn"] == migration.revision.arn)
    return next((task["taskArn"] for task in same), None)


def _start(forum: Forum, migration: Migration) -> str:
    answer = forum.aws.ecs.run_task(
        **migration.where, taskDefinition=migration.revision.arn, count=1, startedBy="forum-deploy"
    )
    if not answer["tasks"]:
        why = ", ".join(failure.get("reason", "") for failure in answer["failures"])
        raise DeployError(f"The migration of {migration.service} cannot be started: {why}. {AGAIN}")
    return answer["tasks"][0]["taskArn"]


def _ended(forum: Forum, running: list[str]) -> list[TaskTypeDef]:
    cluster = running[0].split("/")[1]
    described = forum.aws.ecs.describe_tasks(cluster=cluster, tasks=running)["tasks"]
    return [task for task in described if task["lastStatus"] == "STOPPED"]


def _judge(forum: Forum, task: TaskTypeDef, migration: Migration) -> None:
    # There may be others: AWS adds an agent where it watches an account's tasks, and ends it late.
    codes = [
        each.get("exitCode") for each in task["containers"] if each["name"] == migration.service
    ]
    if codes == [0]:
        tasks.remember_that_it_ran(forum, migration.revision)
        forum.say(f"  {migration.service}: migrated")
        return
    death = stopped.explain(forum, task, migration.revision)
    details = "\n    ".join(death.lines())
    raise DeployError(
        f"The migration of {migration.service} failed; what served before serves on.\n    {details}"
    )
