"""What an AWS account holds: to see that nothing is left, and that nothing was made twice."""

from collections.abc import Callable, Iterable
from typing import Any

from .deploying import Deployment

Client = Callable[[str], Any]

# What has to be there once for one forum, and not at all after it: how it is listed, and named.
LISTED = (
    ("cloudformation", "list_stacks", "StackSummaries", "StackName"),
    ("ec2", "describe_vpcs", "Vpcs", "VpcId"),
    ("ec2", "describe_subnets", "Subnets", "SubnetId"),
    ("ec2", "describe_route_tables", "RouteTables", "RouteTableId"),
    ("ec2", "describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
    ("ec2", "describe_security_groups", "SecurityGroups", "GroupId"),
    ("ec2", "describe_nat_gateways", "NatGateways", "NatGatewayId"),
    ("ec2", "describe_addresses", "Addresses", "AllocationId"),
    ("ec2", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
    ("elbv2", "describe_load_balancers", "LoadBalancers", "LoadBalancerName"),
    ("elbv2", "describe_target_groups", "TargetGroups", "TargetGroupName"),
    ("ecr", "describe_repositories", "repositories", "repositoryName"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("secretsmanager", "list_secrets", "SecretList", "Name"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("rds", "describe_db_clusters", "DBClusters", "DBClusterIdentifier"),
    ("rds", "describe_db_instances", "DBInstances", "DBInstanceIdentifier"),
    ("rds", "describe_db_subnet_groups", "DBSubnetGroups", "DBSubnetGroupName"),
    ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    ("servicediscovery", "list_namespaces", "Namespaces", "Name"),
    ("servicediscovery", "list_services", "Services", "Name"),
)


def held(client: Client) -> dict[str, list[str]]:
    """The names of all things in the account, by the call that lists them."""
    found: dict[str, list[str]] = {}
    for service, call, key, name in LISTED:
        listed = getattr(client(service), call)()[key]
        found[f"{service} {key}"] = sorted(each[name] for each in listed if not _is_gone(each))
    ecs = client("ecs")
    found["clusters"] = ecs.list_clusters()["clusterArns"]
    found["task definitions"] = ecs.list_task_definitions()["taskDefinitionArns"]
    scaling = client("application-autoscaling")
    targets = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    found["scalable targets"] = [target["ResourceId"] for target in targets]
    return found


def _is_gone(thing: dict[str, Any]) -> bool:
    """Whether it is listed though it was deleted, or will be without anybody's doing."""
    state = thing.get("StackStatus") or thing.get("State")
    return state in ("DELETE_COMPLETE", "deleted") or "DeletedDate" in thing


def state(forum: Deployment) -> dict[str, Any]:
    """All that a forum comes to, without the names that AWS made up: two may be compared."""
    return {
        "counts": {what: len(names) for what, names in held(forum.client).items()},
        "stacks": _stacks(forum),
        "images": _images(forum),
        "secrets": _secrets(forum),
        "rules": _rules(forum),
        "services": _services(forum),
        "revisions": _revisions(forum),
        "scaling": _scaling(forum),
    }


def _stacks(forum: Deployment) -> dict[str, Any]:
    cloudformation = forum.client("cloudformation")
    return {
        stack["StackName"].removeprefix(forum.name): (
            stack["StackStatus"],
            sorted(
                resource["LogicalResourceId"]
                for resource in cloudformation.describe_stack_resources(
                    StackName=stack["StackName"]
                )["StackResources"]
            ),
            _open_change_sets(cloudformation, stack["StackName"]),
        )
        for stack in cloudformation.describe_stacks()["Stacks"]
    }


def _open_change_sets(cloudformation: Any, stack: str) -> list[str]:
    summaries = cloudformation.list_change_sets(StackName=stack)["Summaries"]
    return [
        each["ChangeSetName"] for each in summaries if each["ExecutionStatus"] != "EXECUTE_COMPLETE"
    ]


def _images(forum: Deployment) -> dict[str, int]:
    ecr = forum.client("ecr")
    return {
        name.removeprefix(forum.name): len(ecr.describe_images(repositoryName=name)["imageDetails"])
        for name in _names(ecr.describe_repositories()["repositories"], "repositoryName")
    }


def _secrets(forum: Deployment) -> dict[str, Any]:
    """The keys of each service's secret, and whether what they share is the same."""
    secrets = forum.client("secretsmanager")
    values = {
        name: forum.secret(name)
        for name in _names(secrets.list_secrets()["SecretList"], "Name")
        if name.startswith(f"{forum.name}/")
    }
    keys = {name.removeprefix(forum.name): sorted(value) for name, value in values.items()}
    return {"keys": keys, "shared": len({value["INTERNAL_SECRETS"] for value in values.values()})}


def _rules(forum: Deployment) -> list[Any]:
    balancing = forum.client("elbv2")
    (balancer,) = balancing.describe_load_balancers()["LoadBalancers"]
    (listener,) = balancing.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])[
        "Listeners"
    ]
    rules = balancing.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
    return sorted(
        (rule["Priority"], [sorted(condition["Values"]) for condition in rule["Conditions"]])
        for rule in rules
    )


def _services(forum: Deployment) -> dict[str, Any]:
    ecs = forum.client("ecs")
    arns = ecs.list_services(cluster=forum.name)["serviceArns"]
    tasks = ecs.list_tasks(cluster=forum.name)["taskArns"]
    services = ecs.describe_services(cluster=forum.name, services=arns)["services"]
    return {"tasks": len(tasks)} | {
        service["serviceName"]: (
            service["status"],
            service["desiredCount"],
            service["runningCount"],
            [deployment["rolloutState"] for deployment in service["deployments"]],
        )
        for service in services
    }


def _revisions(forum: Deployment) -> dict[str, Any]:
    """The tags of each task definition: they say whether it has run."""
    ecs = forum.client("ecs")
    found = {}
    for arn in ecs.list_task_definitions()["taskDefinitionArns"]:
        tags = ecs.describe_task_definition(taskDefinition=arn, include=["TAGS"])["tags"]
        name = arn.rpartition("/")[2].removeprefix(forum.name)
        found[name] = sorted(_names(tags, "key"))
    return found


def _scaling(forum: Deployment) -> list[Any]:
    scaling = forum.client("application-autoscaling")
    targets = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    policies = scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
    return sorted(
        (target["ResourceId"].rpartition("/")[2], target["MinCapacity"], target["MaxCapacity"])
        for target in targets
    ) + sorted(
        (policy["ResourceId"].rpartition("/")[2], policy["PolicyName"]) for policy in policies
    )


def _names(things: Iterable[dict[str, Any]], key: str) -> list[str]:
    return [str(thing[key]) for thing in things]
