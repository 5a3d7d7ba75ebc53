"""The account's quotas that a first `up` would hit: what is needed, used and allowed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from botocore.exceptions import ClientError

from deployment.checks.findings import Finding
from deployment.forum import Forum
from deployment.steps import stacks

NAT_GATEWAYS = 2


@dataclass(frozen=True)
class Quota:
    """`usual` is what AWS allows a new account; it counts where the quota cannot be read."""

    name: str
    service: str
    code: str
    usual: float


VPCS = Quota("VPCs", "vpc", "L-F678F1CE", 5)
ADDRESSES = Quota("Elastic IP addresses", "ec2", "L-0263D0A3", 5)
LOAD_BALANCERS = Quota("Application Load Balancers", "elasticloadbalancing", "L-53DA6B97", 50)
FARGATE = Quota("Fargate vCPUs", "fargate", "L-3032A538", 6)


def look(forum: Forum, services: Sequence[str]) -> Iterator[Finding]:
    """A finding for each quota that `up` would draw on."""
    yield from _network(forum)
    if not stacks.outputs(forum, "platform"):
        yield _judge(forum, LOAD_BALANCERS, _load_balancers(forum), 1)
    if forum.size.launch == "fargate":
        yield _fargate(forum, services)


def _network(forum: Forum) -> Iterator[Finding]:
    choices = forum.size.parameters("network")
    if choices.get("ExistingVpc") or stacks.outputs(forum, "network"):
        return
    pages = forum.aws.ec2.get_paginator("describe_vpcs").paginate()
    yield _judge(forum, VPCS, sum(len(page["Vpcs"]) for page in pages), 1)
    if choices.get("Egress") == "nat":
        used = len(forum.aws.ec2.describe_addresses()["Addresses"])
        yield _judge(forum, ADDRESSES, used, NAT_GATEWAYS)


def _load_balancers(forum: Forum) -> int:
    pages = forum.aws.balancing.get_paginator("describe_load_balancers").paginate()
    return sum(each["Type"] == "application" for page in pages for each in page["LoadBalancers"])


def _fargate(forum: Forum, services: Sequence[str]) -> Finding:
    """The fewest tasks have to fit; a rollout wants as many again, and scaling up to the most."""
    sizes = [forum.size.services[name] for name in services]
    fewest = sum(int(each.cpu) / 1024 * each.minimum for each in sizes)
    # What is on Spot has a quota of its own, and is not missed when it is refused.
    most = sum(int(each.cpu) / 1024 * each.maximum for each in sizes if not each.spot)
    used = _fargate_in_use(forum)
    finding = _judge(forum, FARGATE, used, fewest)
    wanted = max(2 * fewest, most)
    if finding.level != "ok" or _judge(forum, FARGATE, used, wanted).level == "ok":
        return finding
    return Finding(
        "warning",
        finding.about,
        f"{finding.found} A rollout of all services, or scaling, wants {wanted:g}.",
        _ask_for_more(FARGATE, used + wanted),
    )


def _fargate_in_use(forum: Forum) -> float:
    """What tasks of other clusters take in this region."""
    ecs = forum.aws.ecs
    used = 0.0
    for clusters in ecs.get_paginator("list_clusters").paginate():
        for cluster in clusters["clusterArns"]:
            if cluster.endswith(f"/{forum.name}"):
                continue
            pages = ecs.get_paginator("list_tasks").paginate(cluster=cluster, launchType="FARGATE")
            for page in pages:
                if page["taskArns"]:
                    tasks = ecs.describe_tasks(cluster=cluster, tasks=page["taskArns"])["tasks"]
                    used += sum(int(task.get("cpu", "0")) / 1024 for task in tasks)
    return used


def _judge(forum: Forum, quota: Quota, used: float, needed: float) -> Finding:
    allowed, read = _allowed(forum, quota)
    found = f"{used:g} of {allowed:g} are in use, {needed:g} more are needed."
    if not read:
        found += " (The quota cannot be read: this is what a new account has.)"
    if used + needed <= allowed:
        return Finding("ok", quota.name, found)
    return Finding(
        "stops" if read else "warning", quota.name, found, _ask_for_more(quota, used + needed)
    )


def _ask_for_more(quota: Quota, wanted: float) -> str:
    return (
        f"Ask for more: aws service-quotas request-service-quota-increase --service-code"
        f" {quota.service} --quota-code {quota.code} --desired-value {wanted:g}"
    )


def _allowed(forum: Forum, quota: Quota) -> tuple[float, bool]:
    """The quota, and whether it is the account's own or only the usual one."""
    client = forum.aws.quotas
    for read in (client.get_service_quota, client.get_aws_default_service_quota):
        try:
            return read(ServiceCode=quota.service, QuotaCode=quota.code)["Quota"]["Value"], True
        except ClientError:
            # Never applied for, or not for these eyes.
            continue
    return quota.usual, False
