"""Which resource a call is about, as AWS has it (its list of actions): the emulator, which judges
calls by the policies of who calls (`AUTH=true`), knows that for some calls alone."""

import json
from collections.abc import Callable
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import servicediscovery

Request = dict[str, Any]
# Region and account, then what was asked: the resource's ARN.
Named = Callable[[str, Request], str]

TAG = "aws:ResourceTag/"

_known = iam_actions.extract_resource_arn
_condition_key = iam_evaluator._resolve_condition_key


def install() -> None:
    """Name the resources of the calls that deploying makes."""
    iam_actions.SERVICE_TO_IAM_NAMESPACE["application-autoscaling"] = "application-autoscaling"
    iam_actions.extract_resource_arn = _resource
    iam_evaluator._resolve_condition_key = _condition_key_or_tag


def _condition_key_or_tag(key: str, context: Any) -> Any:
    """Conditions on tags, too, of services of Cloud Map: the emulator knows those of log groups.

    And on the service that a role is made for, which is in the role's own name.
    """
    if key == "iam:AWSServiceName":
        return context.resource_arn.split("/")[2]
    tags = servicediscovery._resource_tags.get(context.resource_arn, [])
    found = (tag["Value"] for tag in tags if key == f"{TAG}{tag['Key']}")
    return next(found, None) or _condition_key(key, context)


def _resource(
    service: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query: dict[str, Any],
    region: str,
    account: str,
) -> str:
    start = f"arn:aws:{service}:{region}:{account}"
    if service == "application-autoscaling":
        return f"{start}:scalable-target/1"
    if service == "ecs":
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        named = ECS.get(action)
        return named(start, json.loads(body)) if named else "*"
    for key, form in QUERIES.get(service, {}).items():
        if key in query:
            return form.format(start=start, account=account, value=query[key][0])
    return str(_known(service, method, path, headers, body, query, region, account))


def _service(key: str) -> Named:
    def named(start: str, request: Request) -> str:
        name = request[key][0] if isinstance(request[key], list) else request[key]
        return f"{start}:service/{request['cluster'].rpartition('/')[2]}/{name}"

    return named


def _given(key: str, kind: str) -> Named:
    """An ARN in the request; a name alone is of that kind."""

    def named(start: str, request: Request) -> str:
        value = request[key][0] if isinstance(request[key], list) else request[key]
        return str(value) if value.startswith("arn:") else f"{start}:{kind}/{value}"

    return named


QUERIES = {
    "elasticloadbalancing": {"RuleArn": "{value}"},
    "iam": {"AWSServiceName": "arn:aws:iam::{account}:role/aws-service-role/{value}/any"},
    "rds": {"DBClusterSnapshotIdentifier": "{start}:cluster-snapshot:{value}"},
}
ECS: dict[str, Named] = {
    "CreateService": _service("serviceName"),
    "DeleteService": _service("service"),
    "DeleteTaskDefinitions": _given("taskDefinitions", "task-definition"),
    "DescribeClusters": _given("clusters", "cluster"),
    "DescribeServices": _service("services"),
    "DescribeTasks": _given("tasks", "task"),
    "ExecuteCommand": _given("task", "task"),
    "RegisterTaskDefinition": lambda start, asked: f"{start}:task-definition/{asked['family']}:1",
    "RunTask": _given("taskDefinition", "task-definition"),
    "StopTask": _given("task", "task"),
    "TagResource": _given("resourceArn", "cluster"),
    "UpdateService": _service("service"),
}
