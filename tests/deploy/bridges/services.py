"""What the emulator's ECS forgets of services and task definitions, and AWS returns.

A service's Service Connect configuration comes back in its deployments; a container definition
comes back with the empty lists and the ports that AWS fills in; times have milliseconds.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from ministack.services import ecs

Answer = tuple[int, dict[str, str], Any]
Request = dict[str, Any]

KEPT = ("availabilityZoneRebalancing", "enableECSManagedTags", "propagateTags")


def install() -> None:
    """Wrap the calls that lose something."""
    for action in ("CreateService", "UpdateService"):
        ecs._ACTION_MAP[action] = _remembering(ecs._ACTION_MAP[action])
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
