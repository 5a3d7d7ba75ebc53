"""Task definitions: registered when their content is new, and remembered when they have run.

A revision can never change. So its content is told by a fingerprint in its tags, and there is
nothing to compare with what AWS fills in.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from deployment.forum import Forum
from deployment.wanted.definitions import Document

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import TaskDefinitionTypeDef

FINGERPRINT = "forum-definition"
RAN = "forum-ran"


@dataclass(frozen=True)
class Revision:
    """One registered task definition."""

    arn: str
    definition: TaskDefinitionTypeDef
    fingerprint: str
    ran: bool

    @property
    def family(self) -> str:
        return family_of(self.arn)

    @property
    def number(self) -> int:
        return int(self.arn.rpartition(":")[2])


def family_of(arn: str) -> str:
    """`forum-users` of `arn:…:task-definition/forum-users:7`."""
    return arn.rpartition("/")[2].rpartition(":")[0]


def short(arn: str) -> str:
    """`forum-users:7`."""
    return arn.rpartition("/")[2]


def fingerprint(wanted: Document) -> str:
    """What its content comes to."""
    content = {key: value for key, value in wanted.items() if key != "tags"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def read(forum: Forum, name: str) -> Revision | None:
    """A revision by its ARN, or the latest of a family; None where there is none that is active."""
    try:
        found = forum.aws.ecs.describe_task_definition(taskDefinition=name, include=["TAGS"])
    except ClientError as error:
        if "Unable to describe task definition" in error.response["Error"]["Message"]:
            return None
        raise
    definition = found["taskDefinition"]
    if definition["status"] != "ACTIVE":
        return None
    tags = {tag["key"]: tag["value"] for tag in found.get("tags", [])}
    return Revision(
        definition["taskDefinitionArn"], definition, tags.get(FINGERPRINT, ""), RAN in tags
    )


def register(forum: Forum, wanted: Document) -> Revision:
    """The revision with this content: the latest of its family, or a new one."""
    latest = read(forum, wanted["family"])
    if latest and latest.fingerprint == fingerprint(wanted):
        return latest
    tags = [*wanted.get("tags", []), {"key": FINGERPRINT, "value": fingerprint(wanted)}]
    made = forum.aws.ecs.register_task_definition(**{**wanted, "tags": tags})["taskDefinition"]
    forum.say(f"  registered {short(made['taskDefinitionArn'])}")
    return Revision(made["taskDefinitionArn"], made, fingerprint(wanted), ran=False)


def remember_that_it_ran(forum: Forum, revision: Revision) -> None:
    """So that a rollback may go back to it, and a migration is not run again."""
    if not revision.ran:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        forum.aws.ecs.tag_resource(resourceArn=revision.arn, tags=[{"key": RAN, "value": now}])


def before(forum: Forum, arn: str) -> Revision | None:
    """The newest revision older than this one that has run."""
    number = int(arn.rpartition(":")[2])
    for other in revisions(forum, family_of(arn)):
        if int(other.rpartition(":")[2]) < number:
            revision = read(forum, other)
            if revision and revision.ran:
                return revision
    return None


def revisions(forum: Forum, family: str) -> Iterator[str]:
    """The ARNs of all active revisions of exactly this family, the newest first."""
    pages = forum.aws.ecs.get_paginator("list_task_definitions")
    found = [
        arn
        for page in pages.paginate(familyPrefix=family, status="ACTIVE")
        for arn in page["taskDefinitionArns"]
        if re.fullmatch(rf".*/{re.escape(family)}:\d+", arn)
    ]
    return iter(sorted(found, key=lambda arn: int(arn.rpartition(":")[2]), reverse=True))
