"""What is left of a forum that costs money, found by its names and tags."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from deployment.forum import Forum
from deployment.wanted import layout
from deployment.wanted.sizes import DEPLOYABLE

Found = Iterable[str]


def find(forum: Forum) -> dict[str, list[str]]:
    """The names of what is left, by kind; empty where it is nothing."""
    kinds: Mapping[str, Callable[[Forum], Found]] = {
        "load balancers": _load_balancers,
        "tasks": _tasks,
        "instances": _instances,
        "NAT gateways": _gateways,
        "addresses": _addresses,
        "endpoints": _endpoints,
        "databases": _databases,
        "snapshots of databases": snapshots,
        "images": _repositories,
        "secrets": _secrets,
        "logs": _log_groups,
        "alarms": _alarms,
    }
    found = {kind: sorted(look(forum)) for kind, look in kinds.items()}
    return {kind: names for kind, names in found.items() if names}


def snapshots(forum: Forum) -> Found:
    """Of databases of this forum, whoever took them."""
    pages = forum.aws.rds.get_paginator("describe_db_cluster_snapshots").paginate(
        SnapshotType="manual"
    )
    for page in pages:
        for each in page["DBClusterSnapshots"]:
            if _ours(forum, each["DBClusterSnapshotIdentifier"], each.get("TagList", [])):
                yield each["DBClusterSnapshotIdentifier"]


def _load_balancers(forum: Forum) -> Found:
    balancing = forum.aws.balancing
    try:
        found = balancing.describe_load_balancers(Names=[forum.name])["LoadBalancers"]
    except balancing.exceptions.LoadBalancerNotFoundException:
        return []
    return [each["LoadBalancerName"] for each in found]


def _tasks(forum: Forum) -> Found:
    if not forum.owns_cluster():
        return []
    return forum.aws.ecs.list_tasks(cluster=forum.name, desiredStatus="RUNNING")["taskArns"]


def _instances(forum: Forum) -> Found:
    states: Any = {"Name": "instance-state-name", "Values": ["pending", "running", "stopped"]}
    answer = forum.aws.ec2.describe_instances(Filters=[_tagged(forum), states])
    return [each["InstanceId"] for group in answer["Reservations"] for each in group["Instances"]]


def _gateways(forum: Forum) -> Found:
    states: Any = {"Name": "state", "Values": ["pending", "available"]}
    answer = forum.aws.ec2.describe_nat_gateways(Filters=[_tagged(forum), states])
    return [each["NatGatewayId"] for each in answer["NatGateways"]]


def _addresses(forum: Forum) -> Found:
    answer = forum.aws.ec2.describe_addresses(Filters=[_tagged(forum)])
    return [each["PublicIp"] for each in answer["Addresses"]]


def _endpoints(forum: Forum) -> Found:
    """Those that cost: a gateway is for nothing."""
    answer = forum.aws.ec2.describe_vpc_endpoints(Filters=[_tagged(forum)])
    return [
        each["VpcEndpointId"]
        for each in answer["VpcEndpoints"]
        if each["VpcEndpointType"] == "Interface"
    ]


def _databases(forum: Forum) -> Found:
    for page in forum.aws.rds.get_paginator("describe_db_clusters").paginate():
        for each in page["DBClusters"]:
            if _ours(forum, each["DBClusterIdentifier"], each.get("TagList", [])):
                yield each["DBClusterIdentifier"]


def _repositories(forum: Forum) -> Found:
    for page in forum.aws.ecr.get_paginator("describe_repositories").paginate():
        for each in page["repositories"]:
            if each["repositoryName"].startswith(f"{forum.name}/"):
                yield each["repositoryName"]


def _secrets(forum: Forum) -> Found:
    pages = forum.aws.secrets.get_paginator("list_secrets").paginate(
        Filters=[{"Key": "name", "Values": [f"{forum.name}/"]}]
    )
    for page in pages:
        for each in page["SecretList"]:
            if each["Name"].startswith(f"{forum.name}/"):
                yield each["Name"]


def _log_groups(forum: Forum) -> Found:
    pages = forum.aws.logs.get_paginator("describe_log_groups").paginate(
        logGroupNamePrefix=f"/forum/{forum.name}/"
    )
    for page in pages:
        yield from (each["logGroupName"] for each in page["logGroups"])


def _alarms(forum: Forum) -> Found:
    pages = forum.aws.cloudwatch.get_paginator("describe_alarms")
    for service in DEPLOYABLE:
        for page in pages.paginate(AlarmNamePrefix=f"{forum.name}-{service}-"):
            yield from (each["AlarmName"] for each in page["MetricAlarms"])


def _tagged(forum: Forum) -> Any:
    return {"Name": "tag:forum", "Values": [forum.name]}


def _ours(forum: Forum, name: str, tags: Iterable[Any]) -> bool:
    """By its tag; without one, by the name that CloudFormation made of its stack's."""
    for tag in tags:
        if tag["Key"] == "forum":
            return bool(tag["Value"] == forum.name)
    stacks = tuple(f"{layout.stack_name(forum.name, part)}-" for part in layout.DATA)
    return name.startswith(stacks)
