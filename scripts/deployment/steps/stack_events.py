"""CloudFormation at work: what it makes, told as it goes, until the stacks have come to rest."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from deployment.forum import Forum
from deployment.problems import AGAIN, DeployError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackEventTypeDef, StackTypeDef

WORDS = {
    "CREATE_COMPLETE": "made",
    "UPDATE_COMPLETE": "changed",
    "DELETE_COMPLETE": "removed",
    "CREATE_FAILED": "cannot be made",
    "UPDATE_FAILED": "cannot be changed",
    "DELETE_FAILED": "cannot be removed",
}
# A database takes half an hour; what takes longer than this waits for something that never comes.
SECONDS = 2 * 3600.0
# What CloudFormation says of resources that did nothing wrong.
INNOCENT = ("Resource creation cancelled", "Resource update cancelled", "Resource deletion cancel")


def look(forum: Forum, stack: str) -> StackTypeDef | None:
    """The stack as it is, by its name or id; None where there is none."""
    try:
        found = forum.aws.cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise
    return found[0] if found[0]["StackStatus"] != "DELETE_COMPLETE" else None


class Watch:
    """The events of one stack from now on."""

    def __init__(self, forum: Forum, stack_id: str) -> None:
        self.stack = stack_id
        self.name = stack_id.split("/")[1] if "/" in stack_id else stack_id
        self.reasons: list[str] = []
        self._forum = forum
        self._last = next((event["EventId"] for event in self._newest_first()), "")

    def tell(self) -> None:
        """Say what has happened since the last time, and remember why anything failed."""
        new: list[StackEventTypeDef] = []
        for event in self._newest_first():
            if event["EventId"] == self._last:
                break
            new.append(event)
        for event in reversed(new):
            self._last = event["EventId"]
            self._tell(event)

    def _tell(self, event: StackEventTypeDef) -> None:
        word = WORDS.get(event.get("ResourceStatus", ""))
        # The stack itself is told by whoever waits for it.
        if word is None or event.get("PhysicalResourceId") == event["StackId"]:
            return
        reason = " ".join(event.get("ResourceStatusReason", "").split()).rstrip(".")
        what = event.get("LogicalResourceId", "")
        if not event.get("ResourceStatus", "").endswith("_FAILED"):
            self._forum.say(f"  {self.name}: {what} {word}")
        elif not reason.startswith(INNOCENT):
            self.reasons.append(f"{what} {word}: {reason}")
            self._forum.say(f"  {self.name}: {what} {word}: {reason}")

    def _newest_first(self) -> Iterator[StackEventTypeDef]:
        pages = self._forum.aws.cloudformation.get_paginator("describe_stack_events")
        for page in pages.paginate(StackName=self.stack):
            yield from page["StackEvents"]


def wait(forum: Forum, watches: Sequence[Watch]) -> dict[str, str]:
    """Wait until none of the stacks is in progress; the status of each, by its name.

    A stack that is gone has the status DELETE_COMPLETE. One that is REVIEW_IN_PROGRESS still has
    not begun what it was told.
    """
    statuses: dict[str, str] = {}
    deadline = time.monotonic() + SECONDS
    while len(statuses) < len(watches):
        for watch in watches:
            if watch.name in statuses:
                continue
            stack = look(forum, watch.stack)
            watch.tell()
            status = stack["StackStatus"] if stack else "DELETE_COMPLETE"
            if not status.endswith("_IN_PROGRESS"):
                statuses[watch.name] = status
            elif time.monotonic() > deadline:
                raise DeployError(
                    f"The stack {watch.name} is {status} for {SECONDS / 3600:g} h now. Its events"
                    f" in CloudFormation say what it waits for. Once that is mended: {AGAIN}"
                )
        if len(statuses) < len(watches):
            time.sleep(forum.aws.pause)
    return statuses


def delete(forum: Forum, stacks: Sequence[str]) -> None:
    """Delete the stacks that are there, side by side, and wait until they are gone."""
    watches = []
    for name in stacks:
        if stack := look(forum, name):
            # By its id: a stack that is gone has lost its name.
            watches.append(Watch(forum, stack["StackId"]))
            forum.aws.cloudformation.delete_stack(StackName=stack["StackId"])
    statuses = wait(forum, watches)
    for watch in watches:
        if statuses[watch.name] != "DELETE_COMPLETE":
            why = "; ".join(watch.reasons) or statuses[watch.name]
            raise DeployError(f"The stack {watch.name} could not be removed: {why}")
        forum.say(f"  {watch.name} removed")
