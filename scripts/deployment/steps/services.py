"""ECS services as they are, and what has to be said to make them as they should be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deployment.forum import Forum
from deployment.problems import DeployError
from deployment.steps.tasks import short
from deployment.wanted import differences
from deployment.wanted.definitions import Document

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import DeploymentTypeDef, ServiceTypeDef

# Set by `scale`, and from then on in place of what the size says.
SCALE = "forum-scale"


@dataclass(frozen=True)
class ServiceChange:
    """What `update_service` is to be told (and tags), and how people are told of it."""

    service: str
    arn: str
    told: Document
    differences: Sequence[str]


def find(forum: Forum, cluster: str, names: Sequence[str]) -> dict[str, ServiceTypeDef]:
    """Those of the services that are there, by name."""
    ecs = forum.aws.ecs
    try:
        found = ecs.describe_services(cluster=cluster, services=list(names), include=["TAGS"])
    except ecs.exceptions.ClusterNotFoundException:
        return {}
    return {
        service["serviceName"]: service
        for service in found["services"]
        if service["status"] == "ACTIVE"
    }


def require(forum: Forum, name: str) -> ServiceTypeDef:
    """The service; an error where it is not deployed."""
    found = find(forum, forum.name, [name])
    if name not in found:
        raise DeployError(f"{name} is not deployed. `scripts/deploy up {name}` does it.")
    return found[name]


def healthy(forum: Forum, service: ServiceTypeDef) -> int:
    """How many of its tasks the load balancer finds well."""
    counts = []
    for balancer in service.get("loadBalancers", []):
        targets = forum.aws.balancing.describe_target_health(
            TargetGroupArn=balancer["targetGroupArn"]
        )["TargetHealthDescriptions"]
        counts.append(sum(target["TargetHealth"]["State"] == "healthy" for target in targets))
    return min(counts, default=service["runningCount"])


def create(forum: Forum, wanted: Document, task_definition: str) -> ServiceTypeDef:
    """Make the service without a task: those come when all services are there."""
    answer = forum.aws.ecs.create_service(**wanted, taskDefinition=task_definition, desiredCount=0)
    forum.say(f"  {wanted['serviceName']}: service made")
    return answer["service"]


def primary(service: ServiceTypeDef) -> DeploymentTypeDef:
    """The deployment that the service is to become."""
    return next(each for each in service["deployments"] if each["status"] == "PRIMARY")


def steady(service: ServiceTypeDef) -> bool:
    """Whether it is all that it is to be, and nothing is on its way."""
    now = primary(service)
    others = [each for each in service["deployments"] if each["id"] != now["id"]]
    return (
        now.get("rolloutState", "COMPLETED") == "COMPLETED"
        and service["runningCount"] == service["desiredCount"]
        and not any(each["runningCount"] + each["pendingCount"] for each in others)
    )


def change(
    forum: Forum,
    wanted: Document,
    live: ServiceTypeDef,
    task_definition: str,
    bounds: tuple[int, int],
) -> ServiceChange:
    """What differs from what is live; how many tasks run within `bounds` is none of ours."""
    told, lines = _configuration(forum, wanted, live)
    if live["taskDefinition"] != task_definition:
        told["taskDefinition"] = task_definition
        lines.append(f"version: {short(live['taskDefinition'])} → {short(task_definition)}")
    if "capacityProviderStrategy" in told:
        # ECS changes where tasks are placed with new tasks alone.
        told["forceNewDeployment"] = True
    count = min(max(live["desiredCount"], bounds[0]), bounds[1])
    if count != live["desiredCount"]:
        told["desiredCount"] = count
        lines.append(f"tasks: {live['desiredCount']} → {count}")
    return ServiceChange(wanted["serviceName"], live["serviceArn"], told, lines)


def _configuration(
    forum: Forum, wanted: Document, live: ServiceTypeDef
) -> tuple[Document, list[str]]:
    told: Document = {}
    lines: list[str] = []
    update = forum.aws.ecs.meta.service_model.operation_model("UpdateService").input_shape
    changeable = {"tags", *(update.members if update else {})}
    for key, value in wanted.items():
        there = _live(live, key)
        if key == "tags":
            # Others may have put theirs on it.
            named = {tag["key"] for tag in value}
            there = [tag for tag in there or [] if tag["key"] in named]
        found = differences.between(value, there, key)
        if not found or key in ("serviceName", "cluster"):
            continue
        if key not in changeable:
            raise DeployError(
                f"The service {wanted['serviceName']} cannot be changed in its {key}"
                f" ({found[0]}). Delete it first: aws ecs delete-service --force --cluster"
                f" {wanted['cluster']} --service {wanted['serviceName']}"
            )
        told[key] = value
        lines += found
    return told, lines


def knows_all(service: ServiceTypeDef, others: Sequence[ServiceTypeDef]) -> bool:
    """Whether its tasks can reach the others: by names that were there before its deployment.

    Service Connect tells a task the names of those services that exist when it is deployed.
    """
    if not _live(service, "serviceConnectConfiguration"):
        return True
    connected = [each for each in others if _live(each, "serviceConnectConfiguration")]
    return all(each["createdAt"] <= primary(service)["createdAt"] for each in connected)


def scaled_by_hand(live: Mapping[str, ServiceTypeDef]) -> dict[str, tuple[int, int]]:
    """The least and most tasks of each service for which `scale` has set them."""
    found = {}
    for name, service in live.items():
        tags = {tag["key"]: tag["value"] for tag in service.get("tags", [])}
        if SCALE in tags:
            least, most = map(int, tags[SCALE].split())
            found[name] = least, most
    return found


def _live(service: ServiceTypeDef, key: str) -> Any:
    """What is live; some of it is said of the service's deployment alone."""
    if key in service:
        return dict(service)[key]
    return dict(primary(service)).get(key)
