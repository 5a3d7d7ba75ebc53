"""What the emulator's ECS forgets of services and task definitions, and AWS returns.

A service's Service Connect configuration comes back in its deployments; a container definition
comes back with the empty lists and the ports that AWS fills in; times have milliseconds. And where
it is laxer: other capacity providers need a new deployment, and the first description of a service
after its change may be one from before.
"""

import copy
import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from ministack.core.responses import error_response_json
from ministack.services import ecs

Answer = tuple[int, dict[str, str], Any]
Request = dict[str, Any]

STRATEGY = "capacityProviderStrategy"
# So many seconds AWS may tell what was before a change; here once.
LAG = 3.0
KEPT = ("availabilityZoneRebalancing", "enableECSManagedTags", "propagateTags")

# By ARN: until when it may be told, and what a service was before its last change.
_before: dict[str, tuple[float, Any]] = {}


def install() -> None:
    """Wrap the calls that lose something, or let something pass."""
    for action in ("CreateService", "UpdateService"):
        ecs._ACTION_MAP[action] = _remembering(ecs._ACTION_MAP[action])
    ecs._ACTION_MAP["UpdateService"] = _strict(ecs._ACTION_MAP["UpdateService"])
    ecs._ACTION_MAP["DescribeServices"] = _lagging(ecs._ACTION_MAP["DescribeServices"])
    ecs._ts_to_epoch = _with_milliseconds
    register = ecs._ACTION_MAP["RegisterTaskDefinition"]
    ecs._ACTION_MAP["RegisterTaskDefinition"] = lambda request: register(_as_returned(request))


def _remembering(call: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
    def remember(request: Request) -> Answer:
        key = _key(request)
        connect = "serviceConnectConfiguration"
        before = (ecs._services.get(key) or {}).get("_connect")
        answer = call(request)
        service = ecs._services.get(key)
        if answer[0] == 200 and service:
            service.update({name: request[name] for name in KEPT if name in request})
            service["_connect"] = request.get(connect, before)
            if service["_connect"]:
                ecs._primary_deployment(service)[connect] = service["_connect"]
        return answer

    return remember


def _strict(update: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
    def strict(request: Request) -> Answer:
        service = ecs._services.get(_key(request))
        if (
            service
            and STRATEGY in request
            and not request.get("forceNewDeployment")
            and _placed(request[STRATEGY]) != _placed(service[STRATEGY])
        ):
            why = (
                "When switching from launch type to capacity provider strategy on an existing"
                " service, or making a change to a capacity provider strategy on a service that is"
                " already using one, you must force a new deployment."
            )
            return cast("Answer", error_response_json("InvalidParameterException", why))
        before = copy.deepcopy(service)
        answer = update(request)
        if service and answer[0] == 200:
            _before[service["serviceArn"]] = time.monotonic() + LAG, before
        return answer

    return strict


def _placed(strategy: list[dict[str, Any]] | None) -> list[tuple[str, int, int]]:
    return [
        (each["capacityProvider"], each.get("base", 0), each.get("weight", 0))
        for each in strategy or []
    ]


def _lagging(describe: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
    def lag(request: Request) -> Answer:
        status, headers, body = describe(request)
        if status == 200:
            told = json.loads(body)
            told["services"] = [_from_before(each) for each in told["services"]]
            body = json.dumps(told).encode()
        return status, headers, body

    return lag


def _from_before(service: dict[str, Any]) -> Any:
    until, before = _before.pop(service["serviceArn"], (0.0, None))
    if before is None or time.monotonic() > until:
        return service
    return {**ecs._sanitize(before), "tags": service.get("tags", [])}


def _key(request: Request) -> str:
    cluster = ecs._resolve_cluster_name(request.get("cluster", "default"))
    name = request.get("serviceName") or request["service"].rsplit("/", 1)[-1]
    return f"{cluster}/{name}"


def _as_returned(request: Request) -> Request:
    for container in request.get("containerDefinitions", []):
        for key in ("environment", "mountPoints", "portMappings", "systemControls", "volumesFrom"):
            container.setdefault(key, [])
        for mapping in container["portMappings"]:
            mapping.setdefault("hostPort", mapping["containerPort"])
            mapping.setdefault("protocol", "tcp")
    return request


def _with_milliseconds(value: Any) -> Any:
    return datetime.fromisoformat(value).timestamp() if isinstance(value, str) and value else value
