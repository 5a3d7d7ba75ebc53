"""What lasts: CloudFormation stacks, changed by change sets that are read before they run."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from deployment.forum import Forum
from deployment.problems import AGAIN, DeployError, UsageError
from deployment.steps import instances, stack_events
from deployment.wanted import layout
from deployment.wanted.layout import Part, Told

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import ChangeTypeDef, StackTypeDef

# A creation that failed leaves a stack that can only be removed; it never held anything of value.
NEVER_MADE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")
# So does a deletion that failed, perhaps because something in it was worth its protection.
HALF_GONE = "DELETE_FAILED"
EMPTY = ("didn't contain changes", "No updates are to be performed")
PREFIX = "deploy-"
# For a change set to be worked out.
SECONDS = 600.0


@dataclass(frozen=True)
class Change:
    """What happens to one resource: it is to `add`, `modify`, `replace` or `remove`.

    `maybe-replace` where CloudFormation cannot tell before.
    """

    action: str
    resource: str
    kind: str


@dataclass(frozen=True)
class ChangeSet:
    """What a stack would become; `creates` where there is no stack yet.

    One that is not `empty` may still have no changes of resources, but of outputs alone.
    """

    stack: str
    name: str
    creates: bool
    empty: bool
    changes: tuple[Change, ...]


def outputs(forum: Forum, part: str) -> dict[str, str]:
    """What the stack says of itself; nothing where it has not been made."""
    stack = stack_events.look(forum, layout.stack_name(forum.name, part))
    return _outputs(stack) if stack else {}


def settle(forum: Forum, stack: str) -> StackTypeDef | None:
    """The stack in a state to change it from, or None where it is to be made.

    Waits for what a run that was killed had begun, and removes what a failed creation or deletion
    left; never a database that was whole once.
    """
    live = stack_events.look(forum, stack)
    if live and live["StackStatus"].endswith("_IN_PROGRESS"):
        if live["StackStatus"] == "REVIEW_IN_PROGRESS":
            return None
        forum.say(f"  {stack} is still at work for an earlier run; waiting")
        stack_events.wait(forum, [stack_events.Watch(forum, live["StackId"])])
        live = stack_events.look(forum, stack)
    if live and (origin := left_from(forum, live)):
        forum.say(f"  {stack} is left from {origin} ({live['StackStatus']}); removing it")
        if live["StackStatus"] in NEVER_MADE:
            unprotect(forum, stack)
        instances.end(forum, stack)
        stack_events.delete(forum, [stack])
        return None
    if live and live["StackStatus"] == "UPDATE_ROLLBACK_FAILED":
        raise DeployError(
            f"The stack {stack} is stuck in UPDATE_ROLLBACK_FAILED. Mend what its events name, "
            f"then: aws cloudformation continue-update-rollback --stack-name {stack}"
        )
    return live


def left_from(forum: Forum, live: StackTypeDef) -> str:
    """What a stack that can only be removed is left from; empty for any other.

    One that still holds a database is for people to decide on: an error.
    """
    if live["StackStatus"] in NEVER_MADE:
        return "a failed creation"
    if live["StackStatus"] != HALF_GONE:
        return ""
    stack = live["StackName"]
    if held := _databases(forum, stack):
        raise DeployError(
            f"The stack {stack} was deleted, all but its database {', '.join(held)}, which is left"
            " alone. To keep the data, see docs/deploy.md, 'Moving the data'. To be rid of it for"
            " good: scripts/deploy down --delete-data."
        )
    return "a failed deletion"


def prepare(forum: Forum, part: Part, told: Told, *, exists: bool) -> ChangeSet:
    """Make a change set and read it; one without changes is gone again."""
    stack = layout.stack_name(forum.name, part.name)
    template = part.file.read_text()
    parameters = _parameters(forum, part, template, told)
    name = _new_name()
    kind: Literal["CREATE", "UPDATE"] = "UPDATE" if exists else "CREATE"
    forum.aws.cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName=name,
        ChangeSetType=kind,
        TemplateBody=template,
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        Tags=[{"Key": key, "Value": value} for key, value in forum.tags.items()],
    )
    return _result(forum, stack, name, creates=not exists)


def change_parameters(forum: Forum, part: str, changed: Mapping[str, str]) -> bool:
    """Change what a stack is told and nothing else; whether that was anything.

    A parameter that its template does not have is left out.
    """
    stack = layout.stack_name(forum.name, part)
    live = settle(forum, stack)
    told = {each["ParameterKey"] for each in live.get("Parameters", [])} if live else set()
    if not told & changed.keys():
        return False
    name = _new_name()
    forum.aws.cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName=name,
        ChangeSetType="UPDATE",
        UsePreviousTemplate=True,
        Parameters=[
            {"ParameterKey": key, "ParameterValue": changed[key]}
            if key in changed
            else {"ParameterKey": key, "UsePreviousValue": True}
            for key in told
        ],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
    )
    change_set = _result(forum, stack, name, creates=False)
    begun = execute(forum, [change_set])
    finish(forum, begun)
    return bool(begun)


def execute(forum: Forum, change_sets: Sequence[ChangeSet]) -> list[stack_events.Watch]:
    """Begin to carry out what has changes; `finish` waits for it."""
    begun = []
    for change_set in change_sets:
        if not change_set.empty:
            # From before the beginning, so that no event is missed.
            begun.append(stack_events.Watch(forum, change_set.stack))
            forum.aws.cloudformation.execute_change_set(
                StackName=change_set.stack, ChangeSetName=change_set.name
            )
    return begun


def finish(forum: Forum, begun: Sequence[stack_events.Watch]) -> None:
    """Wait for what `execute` began; an error says what CloudFormation could not do, and why."""
    statuses = stack_events.wait(forum, begun)
    for watch in begun:
        if statuses[watch.name] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            why = "; ".join(watch.reasons) or statuses[watch.name]
            raise DeployError(f"The stack {watch.name} failed and was put back: {why}. {AGAIN}")
        forum.say(f"  {watch.name} is ready")


def discard(forum: Forum, change_set: ChangeSet) -> None:
    """Leave no trace of a change set, nor of the empty stack that it came with."""
    cloudformation = forum.aws.cloudformation
    if change_set.creates:
        cloudformation.delete_stack(StackName=change_set.stack)
        forum.wait_until(
            lambda: stack_events.look(forum, change_set.stack) is None,
            60,
            f"The empty stack {change_set.stack} is not deleted. Delete it in CloudFormation.",
        )
    elif not change_set.empty:
        cloudformation.delete_change_set(StackName=change_set.stack, ChangeSetName=change_set.name)


def clear_leftovers(forum: Forum, stack: str) -> None:
    """Delete change sets that a run which was killed could not."""
    cloudformation = forum.aws.cloudformation
    for page in cloudformation.get_paginator("list_change_sets").paginate(StackName=stack):
        for summary in page["Summaries"]:
            name = summary.get("ChangeSetName", "")
            if name.startswith(PREFIX) and summary.get("ExecutionStatus") != "EXECUTE_COMPLETE":
                cloudformation.delete_change_set(StackName=stack, ChangeSetName=name)


def unprotect(forum: Forum, stack: str) -> None:
    """Let the databases go of a stack that can only be removed."""
    for name in _databases(forum, stack):
        forum.aws.rds.modify_db_cluster(
            DBClusterIdentifier=name, DeletionProtection=False, ApplyImmediately=True
        )


def _databases(forum: Forum, stack: str) -> list[str]:
    """The clusters of the stack that are really there."""
    rds = forum.aws.rds
    found = []
    resources = forum.aws.cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    for resource in resources:
        made = resource.get("PhysicalResourceId")
        if resource["ResourceType"] == "AWS::RDS::DBCluster" and made:
            with suppress(rds.exceptions.DBClusterNotFoundFault):
                clusters = rds.describe_db_clusters(DBClusterIdentifier=made)["DBClusters"]
                found += [cluster["DBClusterIdentifier"] for cluster in clusters]
    return found


def _parameters(forum: Forum, part: Part, template: str, told: Told) -> dict[str, str]:
    summary = forum.aws.cloudformation.get_template_summary(TemplateBody=template)
    known = {parameter["ParameterKey"] for parameter in summary.get("Parameters", [])}
    if unknown := sorted(told.by_size.keys() - known):
        raise UsageError(
            f"{forum.size.file}: {part.template} has {', '.join(unknown)}, but"
            f" {part.file.name} takes {', '.join(sorted(known))}."
        )
    return {key: value for key, value in {**told.offered, **told.by_size}.items() if key in known}


def _new_name() -> str:
    return f"{PREFIX}{int(time.time())}-{secrets.token_hex(3)}"


def _result(forum: Forum, stack: str, name: str, *, creates: bool) -> ChangeSet:
    """The change set as CloudFormation has worked it out; an empty one is gone again."""
    changes = _read(forum, stack, name)
    if changes is None:
        forum.aws.cloudformation.delete_change_set(StackName=stack, ChangeSetName=name)
    return ChangeSet(stack, name, creates, changes is None, tuple(changes or ()))


def _read(forum: Forum, stack: str, name: str) -> list[Change] | None:
    """The changes of a change set, once CloudFormation has worked them out; None for nothing."""
    cloudformation = forum.aws.cloudformation
    deadline = time.monotonic() + SECONDS
    while True:
        answer = cloudformation.describe_change_set(StackName=stack, ChangeSetName=name)
        if answer["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
            break
        if time.monotonic() > deadline:
            raise DeployError(
                f"CloudFormation has not worked out the change of {stack} ({name} is"
                f" {answer['Status']}) after {SECONDS / 60:.0f} min. {AGAIN}"
            )
        time.sleep(forum.aws.pause)
    if answer["Status"] == "FAILED":
        reason = " ".join(answer.get("StatusReason", "").split())
        if any(words in reason for words in EMPTY):
            return None
        raise DeployError(f"CloudFormation refuses the change of {stack}: {reason}")
    changes = answer["Changes"]
    while token := answer.get("NextToken"):
        answer = cloudformation.describe_change_set(
            StackName=stack, ChangeSetName=name, NextToken=token
        )
        changes += answer["Changes"]
    return [_change(change) for change in changes if "ResourceChange" in change]


def _change(change: ChangeTypeDef) -> Change:
    resource = change["ResourceChange"]
    action = resource.get("Action", "").lower()
    replacement = resource.get("Replacement")
    if action == "modify" and replacement == "True":
        action = "replace"
    if action == "modify" and replacement == "Conditional":
        action = "maybe-replace"
    return Change(action, resource.get("LogicalResourceId", ""), resource.get("ResourceType", ""))


def _outputs(stack: StackTypeDef) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
