"""What each service is to be, from its JSON files. No AWS call is made here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployment.problems import DeployError
from deployment.wanted import references
from deployment.wanted.launch import on_instances
from deployment.wanted.sizes import Size
from forum.places import ROOT

FOLDER = ROOT / "ecs" / "services"
Document = dict[str, Any]
# What a migration is told beyond its service: who may make roles and databases.
MASTER = {"DATABASE_MASTER_USER": "username", "DATABASE_MASTER_PASSWORD": "password"}


@dataclass(frozen=True)
class Scaling:
    """What `register_scalable_target` and `put_scaling_policy` take."""

    target: Document
    policies: Sequence[Document]


def task_definition(service: str, size: Size, values: Mapping[str, str]) -> Document:
    """What `register_task_definition` takes."""
    wanted = _load(service, "task-definition", values)
    return _launched(wanted, size, values)


def migration(service: str, size: Size, values: Mapping[str, str]) -> Document:
    """The task definition of the service's migration: the same, with another command and role."""
    wanted = task_definition(service, size, values)
    (container,) = wanted["containerDefinitions"]
    master = values["data.MasterSecret"]
    secrets = [{"name": name, "valueFrom": f"{master}:{key}::"} for name, key in MASTER.items()]
    migrating = {
        **container,
        "command": ["migrate"],
        "secrets": [*container["secrets"], *secrets],
    }
    # It serves nobody.
    for left_out in ("healthCheck", "portMappings"):
        migrating.pop(left_out, None)
    return {
        **wanted,
        "family": f"{wanted['family']}-migrate",
        "executionRoleArn": values["service.MigrationExecutionRole"],
        "containerDefinitions": [migrating],
    }


def service(name: str, size: Size, values: Mapping[str, str]) -> Document:
    """What `create_service` takes, without a task definition and a desired count."""
    wanted = _load(name, "service", values)
    return _launched(wanted, size, values)


def migration_run(name: str, size: Size, values: Mapping[str, str]) -> Document:
    """Where a migration task runs, as `run_task` takes it: never on capacity that may go away."""
    wanted = service(name, size, values)
    network = wanted["networkConfiguration"]["awsvpcConfiguration"]
    groups = [values["service.MigrationSecurityGroup"], values["data.ClientSecurityGroup"]]
    where: Document = {
        "cluster": wanted["cluster"],
        "networkConfiguration": {
            "awsvpcConfiguration": {
                **network,
                "securityGroups": [group for group in groups if group],
            }
        },
        "tags": wanted["tags"],
    }
    if size.launch == "ec2":
        return {**where, "capacityProviderStrategy": wanted["capacityProviderStrategy"]}
    return {**where, "launchType": "FARGATE"}


def scaling(name: str, values: Mapping[str, str]) -> Scaling:
    """How many tasks there may be, and what they are counted by."""
    document = _load(name, "scaling", values)
    return Scaling(document["target"], document["policies"])


def _load(service: str, what: str, values: Mapping[str, str]) -> Document:
    file = FOLDER / service / f"{what}.json"
    try:
        document: Document = references.load(file, values)
    except (OSError, ValueError) as error:
        raise DeployError(f"{file.relative_to(ROOT)} cannot be read: {error}") from None
    return document


def _launched(wanted: Document, size: Size, values: Mapping[str, str]) -> Document:
    if size.launch == "fargate":
        return wanted
    return on_instances(wanted, values["capacity.CapacityProvider"])
