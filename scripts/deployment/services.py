"""ECS services as they are, and what has to be said to make them as they should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deployment import differences
from deployment.definitions import Document
from deployment.forum import Forum
from deployment.problems import DeployError
from deployment.tasks import short

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import DeploymentTypeDef, ServiceTypeDef

# Set by `scale`, and from then on in place of what the size says.
SCALE = "forum-scale"


@dataclass(frozen=True)
class ServiceChange:
    """What `update_service` is to be told, and how people are told of it."""

    service: str
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
    told: Document = {}
    lines: list[str] = []
    update = forum.aws.ecs.meta.service_model.operation_model("UpdateService").input_shape
    updatable = update.members if update else {}
    for key, value in wanted.items():
        found = differences.between(value, _live(live, key), key)
        if not found or key in ("serviceName", "cluster"):
            continue
        if key not in updatable:
            raise DeployError(
                f"The service {wanted['serviceName']} cannot be changed in its {key}"
                f" ({found[0]}). Delete it first: aws ecs delete-service --force --cluster"
                f" {wanted['cluster']} --service {wanted['serviceName']}"
            )
        told[key] = value
        lines += found
    if live["taskDefinition"] != task_definition:
        told["taskDefinition"] = task_definition
        lines.append(f"version: {short(live['taskDefinition'])} → {short(task_definition)}")
    count = min(max(live["desiredCount"], bounds[0]), bounds[1])
    if count != live["desiredCount"]:
        told["desiredCount"] = count
        lines.append(f"tasks: {live['desiredCount']} → {count}")
    return ServiceChange(wanted["serviceName"], told, lines)


def knows_all(service: ServiceTypeDef, others: Sequence[ServiceTypeDef]) -> bool:
    """Whether its tasks can reach the others: by names that were there before its deployment.

    Service Connect tells a task the names of those services that exist when it is deployed.
    """
    if not _live(service, "serviceConnectConfiguration"):
        return True
    connected = [each for each in others if _live(each, "serviceConnectConfiguration")]
    return all(each["createdAt"] <= primary(service)["createdAt"] for each in connected)


def scaled_by_hand(service: ServiceTypeDef | None) -> tuple[int, int] | None:
    """The least and most tasks that `scale` has set; None where it has not."""
    tags = {tag["key"]: tag["value"] for tag in (service or {}).get("tags", [])}
    if SCALE not in tags:
        return None
    least, most = tags[SCALE].split()
    return int(least), int(most)


def _live(service: ServiceTypeDef, key: str) -> Any:
    """What is live; some of it is said of the service's deployment alone."""
    if key in service:
        return dict(service)[key]
    return dict(primary(service)).get(key)
