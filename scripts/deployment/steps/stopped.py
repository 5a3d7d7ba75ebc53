"""Tasks that have stopped: why, with which exit code, and the last that they logged."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deployment.forum import Forum
from deployment.steps.tasks import Revision

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import TaskTypeDef

LINES = 20
# Logs come a few seconds after the task has ended.
PATIENCE = 10.0
IMAGE_PROBLEMS = ("CannotPullContainer", "CannotPullImage", "pull image manifest")
FAILED = ("TaskFailedToStart", "EssentialContainerExited")


@dataclass(frozen=True)
class Death:
    """Why a task ended."""

    task: str
    reason: str
    exit_code: int | None
    log: Sequence[str]

    def lines(self) -> list[str]:
        """For people."""
        code = "none: it did not start" if self.exit_code is None else str(self.exit_code)
        log = [f"  | {line}" for line in self.log] or ["  | (it logged nothing)"]
        return [f"stopped reason: {self.reason}", f"exit code: {code}", "last log lines:", *log]


def by_itself(task: TaskTypeDef) -> bool:
    """Whether it failed, and was not ended by somebody who wanted fewer or newer tasks."""
    return task.get("stopCode") in FAILED or "health check" in task.get("stoppedReason", "")


def cannot_pull(task: TaskTypeDef) -> bool:
    """Whether no later task can fare better, for want of its image."""
    return any(words in task.get("stoppedReason", "") for words in IMAGE_PROBLEMS)


def explain(forum: Forum, task: TaskTypeDef, revision: Revision) -> Death:
    """What is known of a task that has stopped."""
    name = revision.definition["containerDefinitions"][0]["name"]
    containers = [each for each in task["containers"] if each.get("name") == name]
    reasons = [task.get("stoppedReason", ""), *(each.get("reason", "") for each in containers)]
    exit_code = containers[0].get("exitCode") if containers else None
    return Death(
        task["taskArn"].rpartition("/")[2],
        "; ".join(dict.fromkeys(reason for reason in reasons if reason)) or "unknown",
        exit_code,
        [] if exit_code is None else _last_lines(forum, task["taskArn"], revision),
    )


def _last_lines(forum: Forum, task: str, revision: Revision) -> list[str]:
    container = revision.definition["containerDefinitions"][0]
    options = container.get("logConfiguration", {}).get("options", {})
    prefix = options.get("awslogs-stream-prefix", "")
    stream = f"{prefix}/{container['name']}/{task.rpartition('/')[2]}"
    logs = forum.aws.logs
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            events = logs.get_log_events(
                logGroupName=options.get("awslogs-group", ""), logStreamName=stream, limit=LINES
            )["events"]
        except logs.exceptions.ResourceNotFoundException:
            events = []
        if events or time.monotonic() > deadline:
            return [event.get("message", "").rstrip() for event in events]
        time.sleep(forum.aws.pause)
