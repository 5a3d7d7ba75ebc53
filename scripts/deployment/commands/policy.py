"""`scripts/deploy policy`: the least that a deployer must be allowed, from `ecs/policies/`.

Several documents, since IAM takes none of more than 6,144 characters: `release` is for what
changes with each release; the others are for what lasts, and only those that the size needs.
"""

import json
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from deployment.forum import Forum
from deployment.outcome import Outcome
from deployment.problems import UsageError
from deployment.wanted import references, sizes
from deployment.wanted.sizes import Size
from forum.places import ROOT

FOLDER = ROOT / "ecs" / "policies"


def run(forum: Forum, part: str | None = None) -> Outcome:
    """The documents by their names, or the one of that name."""
    try:
        account, size = forum.aws.account, forum.size
    except (BotoCoreError, ClientError):
        # Whoever may give these rights is perhaps not who asks for them.
        account, size = "*", forum.given_size or sizes.load("hobby")
        forum.say("AWS knows nobody here: what follows is for any account.")
    found = documents(forum.name, forum.region, account, size)
    if part is None:
        return Outcome({"policies": found}, json.dumps(found, indent=2))
    if part not in found:
        raise UsageError(f"There is no policy '{part}' for {size.name}, but {', '.join(found)}.")
    return Outcome({"policy": found[part]}, json.dumps(found[part], indent=2))


def documents(name: str, region: str, account: str, size: Size) -> dict[str, Any]:
    """The policy documents for a forum of that name and size."""
    values = {
        "name": name,
        "region": region,
        "account": account,
        "partition": boto3.Session().get_partition_for_region(region),
        "existing": ",".join(size.existing.values()),
    }
    return {part: references.load(FOLDER / f"{part}.json", values) for part in _needed(size)}


def _needed(size: Size) -> Iterator[str]:
    yield from ("release", "platform", "network")
    if not size.parameters("network").get("ExistingVpc"):
        yield "vpc"
    yield "existing-databases" if size.databases == "existing" else "data"
    if size.launch == "ec2":
        yield "instances"
