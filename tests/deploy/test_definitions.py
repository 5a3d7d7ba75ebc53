"""The JSON files of services and the routes: whole, accepted by the APIs, and each defect found."""

import copy
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from deployment.problems import DeployError
from deployment.wanted import references
from forum.places import ROOT, SERVICES
from forum.routes import Route

from . import lint, lint_services

FILES = lint.load()
SECRET_IN_SIGHT = "3f0c9a41d27b8e650f1a2b3c4d5e6f70"

Break = Callable[[dict[str, Any]], None]


def container(documents: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = documents["task-definition"]["containerDefinitions"][0]
    return found


def told(name: str, value: str) -> Break:
    """Give the container a variable in plain sight."""

    def breaking(documents: dict[str, Any]) -> None:
        container(documents)["environment"].append({"name": name, "value": value})

    return breaking


def at(document: Any, place: str) -> tuple[Any, Any]:
    """What holds a place such as `loadBalancers.0.containerName`, and the last key to it."""
    *path, last = (int(key) if key.isdigit() else key for key in place.split("."))
    for key in path:
        document = document[key]
    return document, last


def put(document: str, place: str, value: Any) -> Break:
    """Put a value at a place."""

    def breaking(documents: dict[str, Any]) -> None:
        found, last = at(documents[document], place)
        found[last] = value

    return breaking


def without(document: str, place: str) -> Break:
    """Take out what is at a place."""

    def breaking(documents: dict[str, Any]) -> None:
        found, last = at(documents[document], place)
        del found[last]

    return breaking


CONTAINER = "containerDefinitions.0"
# What is broken in the files of users, and what is said of it.
BROKEN: dict[str, tuple[Break, str]] = {
    "a load balancer for another container": (
        put("service", "loadBalancers.0.containerName", "user"),
        "service.json: loadBalancers name user:8000. Name a container (users)",
    ),
    "a load balancer for another port": (
        put("service", "loadBalancers.0.containerPort", 80),
        "service.json: loadBalancers name users:80",
    ),
    "a port that others cannot ask": (
        put("service", "serviceConnectConfiguration.services.0.portName", "web"),
        "service.json: serviceConnectConfiguration names a port web",
    ),
    "a name that others do not ask for": (
        put("service", "serviceConnectConfiguration.services.0.clientAliases.0.dnsName", "people"),
        "service.json: clientAliases are ['people']",
    ),
    "a name in Cloud Map that is left to the port": (
        without("service", "serviceConnectConfiguration.services.0.discoveryName"),
        "service.json: discoveryName is None, which another service may have too. Say users",
    ),
    "another service's name in Cloud Map": (
        put("service", "serviceConnectConfiguration.services.0.discoveryName", "topics"),
        "service.json: discoveryName is topics, which another service may have too. Say users",
    ),
    "a proxy that keeps connections longer than the server": (
        without("service", "serviceConnectConfiguration.services.0.timeout.idleTimeoutSeconds"),
        "service.json: idleTimeoutSeconds is 300, so a request may meet a connection",
    ),
    "a proxy that closes before the load balancer": (
        put("service", "serviceConnectConfiguration.services.0.timeout.idleTimeoutSeconds", 60),
        "service.json: idleTimeoutSeconds is 60, so a request may meet a connection",
    ),
    "another service's name": (
        put("service", "serviceName", "topics"),
        "service.json: serviceName is topics",
    ),
    "no way back": (
        put("service", "deploymentConfiguration.deploymentCircuitBreaker.rollback", False),
        "service.json: deploymentCircuitBreaker does not roll back",
    ),
    "a rollout that stops tasks first": (
        put("service", "deploymentConfiguration.minimumHealthyPercent", 50),
        "service.json: minimumHealthyPercent lets a rollout lose requests",
    ),
    "a public address of its own": (
        put("service", "networkConfiguration.awsvpcConfiguration.assignPublicIp", "ENABLED"),
        "service.json: assignPublicIp does not follow the network",
    ),
    "a word that the API does not know": (
        put("service", "propagateTags", "SERVICES"),
        "service.json: CreateService.propagateTags is SERVICES. Say one of",
    ),
    "an output that no template has": (
        put("service", "cluster", "${platform.Clusters}"),
        "service.json: CreateService would not be called: /cluster: there is no"
        " ${platform.Clusters}",
    ),
    "a container of another name": (
        put("task-definition", f"{CONTAINER}.name", "app"),
        "task-definition.json: containerDefinitions are named ['app']",
    ),
    "a role of another service": (
        put("task-definition", "taskRoleArn", "arn:aws:iam::123456789012:role/admin"),
        "task-definition.json: taskRoleArn is arn:aws:iam::123456789012:role/admin",
    ),
    "a role that reads the master's secret": (
        put("task-definition", "executionRoleArn", "${service.MigrationExecutionRole}"),
        "task-definition.json: executionRoleArn is ${service.MigrationExecutionRole}",
    ),
    "addresses shared with the host": (
        put("task-definition", "networkMode", "host"),
        "task-definition.json: networkMode is host",
    ),
    "a secret of another place": (
        put(
            "task-definition", f"{CONTAINER}.secrets.0.valueFrom", "${data.MasterSecret}:password::"
        ),
        "task-definition.json: DATABASE_URL is ${data.MasterSecret}:password::, which is not in",
    ),
    "a log of another place": (
        put("task-definition", f"{CONTAINER}.logConfiguration.options.awslogs-group", "/forum"),
        "task-definition.json: users logs elsewhere",
    ),
    "an image that can be changed": (
        put("task-definition", f"{CONTAINER}.readonlyRootFilesystem", False),
        "task-definition.json: users can change its own image",
    ),
    "memory that is not for the container's user": (
        without("task-definition", f"{CONTAINER}.linuxParameters.tmpfs.0.mountOptions"),
        "task-definition.json: /tmp is perhaps not for the user that the container runs as",
    ),
    "a secret by its name": (
        told("MAIL_PASSWORD", "short"),
        "task-definition.json: MAIL_PASSWORD is a secret in plain sight",
    ),
    "a secret by its looks": (
        told("SIGNED_WITH", SECRET_IN_SIGHT),
        "task-definition.json: SIGNED_WITH is a secret in plain sight",
    ),
    "a password in an address": (
        told("CACHE", "redis://forum:hunter2@cache:6379"),
        "task-definition.json: CACHE is a secret in plain sight",
    ),
    "a number that is text": (
        put("task-definition", f"{CONTAINER}.stopTimeout", "30"),
        "task-definition.json: RegisterTaskDefinition would refuse it: Invalid type for parameter"
        " containerDefinitions[0].stopTimeout",
    ),
    "a field that the API does not know": (
        put("task-definition", "memmory", "512"),
        "task-definition.json: RegisterTaskDefinition would refuse it: Unknown parameter in input:"
        ' "memmory"',
    ),
    "scaling of another service": (
        put("scaling", "target.ResourceId", "service/${platform.Cluster}/topics"),
        "scaling.json: ResourceId is service/${platform.Cluster}/topics",
    ),
    "a policy without its target": (
        put("scaling", "policies.0.TargetTrackingScalingPolicyConfiguration", {"TargetVal": 60}),
        "scaling.json: PutScalingPolicy would refuse it: Missing required parameter in"
        ' TargetTrackingScalingPolicyConfiguration: "TargetValue"',
    ),
}
USERS, TOPICS = (Route(name, (f"/api/{name}",), 100) for name in ("users", "topics"))
# Tables that are wrong, and what is said of them.
ROUTES: dict[str, tuple[list[Route], str]] = {
    "two rules with one priority": (
        [USERS, TOPICS],
        "priority 100 is that of 2 rules",
    ),
    "the monolith's priorities taken": (
        [USERS, Route("topics", ("/api/topics",), 1100)],
        "priority 1100 is that of 2 rules",
    ),
    "no priority": ([Route("users", ("/api/users",), 0)], "priority 0 is none"),
    "a prefix that is the start of another word": (
        [Route("users", ("/api/users*",), 100)],
        "rule 100 (/api/users*, /api/users*/*) catches /api/usersX",
    ),
    "everything": ([Route("users", ("",), 100)], "rule 100 (, /*) catches /internal"),
    "what is internal": (
        [Route("users", ("/internal",), 100)],
        "rule 100 (/internal, /internal/*) catches /internal",
    ),
    "metrics": (
        [Route("users", ("/api/users", "/metrics"), 100)],
        "rule 100 (/api/users, /api/users/*, /metrics, /metrics/*) catches /metrics",
    ),
    "health": (
        [Route("users", ("/?ivez",), 100)],
        "rule 100 (/?ivez, /?ivez/*) catches /livez",
    ),
    "more patterns than a rule takes": (
        [Route("users", ("/api/a", "/api/b", "/api/c"), 100)],
        "has more than 5 patterns",
    ),
    "nobody's paths": ([Route("people", ("/api/people",), 100)], "goes to people, which is none"),
}


def test_our_own_checks_find_nothing() -> None:
    assert [str(defect) for defect in lint.defects(FILES)] == []


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_definition_is_caught(name: str) -> None:
    breaking, expected = BROKEN[name]
    services = copy.deepcopy(dict(FILES.services))
    breaking(dict(services["users"]))
    found = list(map(str, lint.defects(lint.Files(FILES.templates, services, FILES.routes))))
    expected = f"ecs/services/users/{expected}"
    assert any(defect.startswith(expected) for defect in found), found
    assert all(defect.startswith("ecs/services/users/") for defect in found)


@pytest.mark.parametrize("name", ROUTES)
def test_a_broken_table_of_routes_is_caught(name: str) -> None:
    table, expected = ROUTES[name]
    found = [str(one) for one in lint.defects(lint.Files({}, {}, table))]
    assert any(expected in defect for defect in found), found
    assert all(defect.startswith("ecs/routes.json: ") for defect in found)


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_asks_the_other_two_by_their_names(service: str) -> None:
    told = {
        each["name"]: each["value"] for each in container(FILES.services[service])["environment"]
    }
    others = {f"{name.upper()}_URL": f"http://{name}:8000" for name in SERVICES if name != service}
    assert told == {**others, "TRUSTED_PROXIES": "127.0.0.0/8,${network.VpcRange}"}


def test_who_sends_closes_an_idle_connection_first() -> None:
    balancer = FILES.templates["platform"]["Resources"]["LoadBalancer"]["Properties"]
    attributes = {each["Key"]: each["Value"] for each in balancer["LoadBalancerAttributes"]}
    assert attributes["idle_timeout.timeout_seconds"] == str(lint_services.LOAD_BALANCER_IDLE)
    server = (ROOT / "chassis" / "chassis" / "server.py").read_text()
    assert f"KEEP_ALIVE_SECONDS = {lint_services.SERVER_IDLE}\n" in server


def test_all_services_are_alike_but_for_their_names() -> None:
    alike = set()
    for service in SERVICES:
        documents = copy.deepcopy(dict(FILES.services[service]))
        del container(documents)["environment"]
        alike.add(re.sub(rf"\b{service}\b", "SERVICE", json.dumps(documents)))
    assert len(alike) == 1


def test_references_are_resolved() -> None:
    values = {"name": "forum", "network.Subnets": "a,b", "none": "", "minimum": "2"}
    document = {
        "family": "${name}-users",
        "count": "${minimum}",
        "subnets": ["${network.Subnets}", "${none}", "c"],
        "text": "${minimum} of ${name}",
        "kept": [{"deep": True}, 3, None],
    }
    assert references.resolve(document, values) == {
        "family": "forum-users",
        "count": 2,
        "subnets": ["a", "b", "c"],
        "text": "2 of forum",
        "kept": [{"deep": True}, 3, None],
    }
    assert references.names(document) == set(values)


def test_an_unknown_reference_is_named_with_its_place() -> None:
    file = lint.FOLDER / "services" / "users" / "service.json"
    with pytest.raises(DeployError) as error:
        references.load(file, {"platform.Cluster": "forum"})
    place = "ecs/services/users/service.json/capacityProviderStrategy/0/base"
    assert str(error.value) == f"{place}: there is no ${{base}}. There are: platform.Cluster."


def test_every_service_that_can_be_deployed_has_its_files() -> None:
    folders = {file.name for file in Path(lint.FOLDER / "services").iterdir()}
    assert folders == set(FILES.services)
