"""Service Connect in Cloud Map, where the emulator's ECS leaves no trace.

A service of Service Connect is a service of its namespace there, by its discovery name or else by
its port's, which nobody else may have; its tasks are instances of that. AWS may take long to remove
them after the service is deleted, and until then the namespace cannot go. Here it never does.
"""

from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import ecs, servicediscovery

# Status, headers and body, as the emulator makes them.
Answer = Any
Request = dict[str, Any]

_delete_service = servicediscovery._delete_service


def install() -> None:
    """Wrap the calls that touch Cloud Map."""
    for action in ("CreateService", "UpdateService"):
        ecs._ACTION_MAP[action] = _registering(ecs._ACTION_MAP[action])
    servicediscovery._list_services = _list_services
    servicediscovery._delete_service = _delete_service_without_instances


def _registering(call: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
    def register(request: Request) -> Answer:
        connect = request.get("serviceConnectConfiguration", {})
        namespace = connect.get("namespace", "").rpartition("/")[2]
        owner = f"{request.get('cluster')}/{request.get('serviceName') or request['service']}"
        names = [
            each.get("discoveryName", each["portName"]) for each in connect.get("services", [])
        ]
        for name in names:
            taken = _find(namespace, name)
            if taken and taken["Description"] != owner:
                why = f"CreateService error: SC service is already used by {taken['Arn']}"
                return error_response_json("InvalidParameterException", why)
        answer = call(request)
        if answer[0] == 200:
            for name in names:
                _register(namespace, name, owner)
        return answer

    return register


def _find(namespace: str, name: str) -> dict[str, Any] | None:
    found = (
        each
        for each in servicediscovery._services.values()
        if (each["NamespaceId"], each["Name"]) == (namespace, name)
    )
    return next(found, None)


def _register(namespace: str, name: str, owner: str) -> None:
    """With one instance, which stands for all tasks."""
    if _find(namespace, name):
        return
    servicediscovery._create_service(
        {
            "NamespaceId": namespace,
            "Name": name,
            "Description": owner,
            "Tags": [{"Key": "AmazonECSManaged", "Value": "true"}],
        }
    )
    made = _find(namespace, name)
    assert made
    servicediscovery._register_instance({"ServiceId": made["Id"], "InstanceId": f"{name}-task"})


def _list_services(request: Request) -> Answer:
    """Of the namespace that is asked for, which the emulator does not mind."""
    wanted = {
        value
        for each in request.get("Filters", [])
        if each["Name"] == "NAMESPACE_ID"
        for value in each["Values"]
    }
    found = [
        each
        for each in servicediscovery._services.values()
        if not wanted or each["NamespaceId"] in wanted
    ]
    return json_response({"Services": found})


def _delete_service_without_instances(request: Request) -> Answer:
    if servicediscovery._instances.get(request["Id"]):
        why = "Service contains registered instances; delete the instances before the service"
        return error_response_json("ResourceInUse", why)
    return _delete_service(request)
