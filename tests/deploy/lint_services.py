"""Checks of what changes with each release: the JSON files of one service."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, OperationModel, Shape, StringShape, StructureShape
from botocore.validate import ParamValidator

from deployment.problems import DeployError
from deployment.wanted import references

from .lint_templates import Found

SECRET_NAME = re.compile(r"SECRET|PASSWORD|TOKEN|CREDENTIAL|PRIVATE|_KEY|DATABASE_URL|DATABASE_CA")
# A password in an address, or what `openssl rand -hex 32` and the like make.
SECRET_VALUE = re.compile(r"//[^/@\s]*:[^/@\s]+@|-----BEGIN|[0-9a-fA-F]{32}|[A-Za-z0-9+/]{40}")
# What must come from this service's own stack.
OWN = {
    "taskRoleArn": "${service.TaskRole}",
    "executionRoleArn": "${service.ExecutionRole}",
    "networkMode": "awsvpc",
}
OWN_SECRET = "${service.Secret}:"
OWN_LOG = "${service.LogGroup}"
# How long each keeps a connection that nobody uses: platform.yml, Service Connect if it is not
# told, and the services themselves (chassis/server.py). Whoever sends has to close first.
LOAD_BALANCER_IDLE = 60
SERVICE_CONNECT_IDLE = 300
SERVER_IDLE = 130
# Stands for the outputs of stacks.
SAMPLE = "sample"
SAMPLES = {
    "name": "forum", "region": "eu-central-1", "image": "repository@sha256:0", "cpu": "256",
    "memory": "512", "minimum": "1", "maximum": "4", "base": "1", "spot": "4",
    "architecture": "X86_64",
}  # fmt: skip


def look(
    service: str, documents: Mapping[str, Any], outputs: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, Found]]:
    """What is wrong, with the name of the document; `outputs` are those of each template."""
    values = SAMPLES | {
        f"{template}.{output}": SAMPLE for template, names in outputs.items() for output in names
    }
    scaling = documents["scaling"]
    calls = [
        ("task-definition", "ecs", "RegisterTaskDefinition", documents["task-definition"]),
        ("service", "ecs", "CreateService", documents["service"]),
        ("scaling", "application-autoscaling", "RegisterScalableTarget", scaling["target"]),
        *(
            ("scaling", "application-autoscaling", "PutScalingPolicy", policy)
            for policy in scaling["policies"]
        ),
    ]
    for name, api, operation, document in calls:
        for found in _accepted(api, operation, document, values):
            yield name, found
    for found in _task(service, documents["task-definition"]):
        yield "task-definition", found
    for found in _service(service, documents["service"], documents["task-definition"]):
        yield "service", found
    for found in _scaling(service, scaling):
        yield "scaling", found


def _task(service: str, document: Mapping[str, Any]) -> Iterator[Found]:
    for key, value in OWN.items():
        if document.get(key) != value:
            wrong = f"is {document.get(key)}, which is not of its service alone"
            yield key, wrong, f"Say {value}"
    names = [container["name"] for container in document["containerDefinitions"]]
    if names != [service]:
        yield "containerDefinitions", f"are named {names}", f"Name the only one {service}"
    for container in document["containerDefinitions"]:
        yield from _container(container)


def _container(container: Mapping[str, Any]) -> Iterator[Found]:
    if container.get("readonlyRootFilesystem") is not True:
        yield container["name"], "can change its own image", "Say readonlyRootFilesystem"
    for memory in container.get("linuxParameters", {}).get("tmpfs", []):
        # Its mode is else that of what is in the image, or root's own, as the platform likes.
        if "mode=1777" not in memory.get("mountOptions", []):
            wrong = "is perhaps not for the user that the container runs as"
            yield memory["containerPath"], wrong, "Say mode=1777 in mountOptions"
    options = container.get("logConfiguration", {}).get("options", {})
    if options.get("awslogs-group") != OWN_LOG:
        yield container["name"], "logs elsewhere", f"Say awslogs-group: {OWN_LOG}"
    for secret in container.get("secrets", []):
        if not secret["valueFrom"].startswith(OWN_SECRET):
            wrong = f"is {secret['valueFrom']}, which is not in its service's own secret"
            yield secret["name"], wrong, f"Say {OWN_SECRET}{secret['name']}::"
    for variable in container.get("environment", []):
        if SECRET_NAME.search(variable["name"]) or SECRET_VALUE.search(variable["value"]):
            yield variable["name"], "is a secret in plain sight", "Put it among the secrets"


def _service(service: str, document: Mapping[str, Any], task: Mapping[str, Any]) -> Iterator[Found]:
    ports = {
        container["name"]: {port["containerPort"] for port in container["portMappings"]}
        for container in task["containerDefinitions"]
    }
    if document["serviceName"] != service:
        yield "serviceName", f"is {document['serviceName']}", f"Say {service}"
    for target in document["loadBalancers"]:
        name, port = target["containerName"], target["containerPort"]
        if port not in ports.get(name, ()):
            known = ", ".join(ports)
            yield "loadBalancers", f"name {name}:{port}", f"Name a container ({known}) and its port"
    yield from _connected(service, document, task)
    breaker = document["deploymentConfiguration"].get("deploymentCircuitBreaker", {})
    if breaker != {"enable": True, "rollback": True}:
        yield "deploymentCircuitBreaker", "does not roll back", "Say enable and rollback"
    if document["deploymentConfiguration"].get("minimumHealthyPercent") != 100:
        yield "minimumHealthyPercent", "lets a rollout lose requests", "Say 100"
    network = document["networkConfiguration"]["awsvpcConfiguration"]
    if network.get("assignPublicIp") != "${network.AssignPublicIp}":
        yield "assignPublicIp", "does not follow the network", "Say ${network.AssignPublicIp}"


def _connected(
    service: str, document: Mapping[str, Any], task: Mapping[str, Any]
) -> Iterator[Found]:
    """How others find it."""
    port_names = {
        port.get("name")
        for container in task["containerDefinitions"]
        for port in container["portMappings"]
    }
    for connected in document.get("serviceConnectConfiguration", {}).get("services", []):
        if connected["portName"] not in port_names:
            wrong = f"names a port {connected['portName']}"
            yield "serviceConnectConfiguration", wrong, "Name one of the task definition's"
        # Else it is that of the port, which all services call alike; a namespace has it once.
        if connected.get("discoveryName") != service:
            wrong = f"is {connected.get('discoveryName')}, which another service may have too"
            yield "discoveryName", wrong, f"Say {service}"
        idle = connected.get("timeout", {}).get("idleTimeoutSeconds", SERVICE_CONNECT_IDLE)
        if not LOAD_BALANCER_IDLE < idle < SERVER_IDLE:
            wrong = f"is {idle}, so a request may meet a connection that has just been closed"
            remedy = f"Give one between {LOAD_BALANCER_IDLE} and {SERVER_IDLE}"
            yield "idleTimeoutSeconds", wrong, remedy
        names = [alias["dnsName"] for alias in connected["clientAliases"]]
        if names != [service]:
            yield "clientAliases", f"are {names}", f"Others ask for {service}"


def _scaling(service: str, document: Mapping[str, Any]) -> Iterator[Found]:
    for part in (document["target"], *document["policies"]):
        if not part["ResourceId"].endswith(f"/{service}"):
            yield "ResourceId", f"is {part['ResourceId']}", f"Name the service {service}"


def _accepted(
    api: str, operation: str, document: Any, values: Mapping[str, str]
) -> Iterator[Found]:
    """What the API would refuse, by botocore's model of it."""
    try:
        resolved = references.resolve(document, values)
    except DeployError as error:
        yield operation, f"would not be called: {error}".rstrip("."), "Name an output of a template"
        return
    shape = _operation(api, operation).input_shape
    if shape is None:
        raise ValueError(f"{operation} takes nothing")
    for line in ParamValidator().validate(resolved, shape).generate_report().splitlines():
        yield operation, f"would refuse it: {line}", "See the API's reference"
    for place, value, known in _unknown_words(resolved, shape, operation):
        yield place, f"is {value}", f"Say one of {', '.join(known)}"


@cache
def _operation(api: str, operation: str) -> OperationModel:
    return botocore.session.get_session().get_service_model(api).operation_model(operation)


def _unknown_words(value: Any, shape: Shape, place: str) -> Iterator[tuple[str, Any, list[str]]]:
    """What is not among the words of an enumeration, which botocore itself does not check."""
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        for key in value.keys() & shape.members.keys():
            yield from _unknown_words(value[key], shape.members[key], f"{place}.{key}")
    elif isinstance(shape, ListShape) and isinstance(value, list):
        for index, element in enumerate(value):
            yield from _unknown_words(element, shape.member, f"{place}[{index}]")
    elif isinstance(shape, MapShape) and isinstance(value, Mapping):
        for key, element in value.items():
            yield from _unknown_words(element, shape.value, f"{place}.{key}")
    elif isinstance(shape, StringShape) and shape.enum and value not in (*shape.enum, SAMPLE):
        yield place, value, shape.enum
