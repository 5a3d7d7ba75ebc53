"""A stand-in for Service Connect, which the emulator does not have.

On AWS each task gets a proxy, and knows the names of those services that existed when its own was
last deployed: a name that came later does not resolve in it. Here a task is started with the same
names in its /etc/hosts, all with the address of one proxy. That hands a connection to a task of the
service that its `Host` header names, in the cluster of the task that asks.
"""

import asyncio
import contextlib
import random
import threading
from typing import Any

from ministack.services import ecs

from . import health

LONGEST_HEAD = 64 * 1024


def install(address: str) -> None:
    """Serve all tasks at `address`."""
    threading.Thread(
        target=asyncio.run, args=(_serve(address),), name="bridge-connect", daemon=True
    ).start()


def names_for(task_arn: str) -> set[str]:
    """The names that this task may use: those that were there when its service was deployed."""
    task = ecs._tasks[task_arn]
    services = [
        service
        for service in ecs._services.values()
        if service["clusterArn"] == task["clusterArn"] and service["status"] == "ACTIVE"
        if (service.get("_connect") or {}).get("enabled")
    ]
    for service in services:
        if task["group"] == f"service:{service['serviceName']}":
            deployed = ecs._deployment_for_task(service, task)["createdAt"]
            known = [each for each in services if each["createdAt"] <= deployed]
            return {alias["dnsName"] for each in known for alias in _aliases(each)}
    return set()


def _aliases(service: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        alias
        for offered in service["_connect"].get("services", [])
        for alias in offered.get("clientAliases", [])
    ]


async def _serve(address: str) -> None:
    """All services use one port here; a second one would need a second server."""
    server = await asyncio.start_server(_hand_on, address, 8000, limit=LONGEST_HEAD)
    await server.serve_forever()


async def _hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.closing(writer), contextlib.suppress(OSError, asyncio.IncompleteReadError):
        head = await reader.readuntil(b"\r\n\r\n")
        target = _task_of(_host(head), _cluster_of(writer.get_extra_info("peername")[0]))
        if target is None:
            writer.write(b"HTTP/1.1 503 No Task\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        there, back = await asyncio.open_connection(*target)
        with contextlib.closing(back):
            back.write(head)
            await asyncio.wait(
                [
                    asyncio.create_task(_pump(reader, back)),
                    asyncio.create_task(_pump(there, writer)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while part := await source.read(64 * 1024):
            sink.write(part)
            await sink.drain()


def _host(head: bytes) -> str:
    for line in head.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == "host":
            return value.strip().partition(":")[0]
    return ""


def _cluster_of(address: str) -> str:
    """Where the task with this address runs."""
    running = (task for task in ecs._tasks.all_values() if task["lastStatus"] == "RUNNING")
    return next((task["clusterArn"] for task in running if ecs._task_ip(task) == address), "")


def _task_of(name: str, cluster: str) -> tuple[str, int] | None:
    """Any running task of the service of that name; a healthy one where there is one."""
    found = [
        (ecs._task_ip(task), balanced["containerPort"], balanced["targetGroupArn"])
        for service in ecs._services.all_values()
        if service["clusterArn"] == cluster and service.get("_connect")
        if name in (alias["dnsName"] for alias in _aliases(service))
        for balanced in service["loadBalancers"]
        for task in ecs._tasks.all_values()
        if task["clusterArn"] == cluster and task["lastStatus"] == "RUNNING"
        if task["group"] == f"service:{service['serviceName']}" and ecs._task_ip(task)
    ]
    healthy = [each for each in found if health.state(each[2], each[0]) == "healthy"]
    chosen = random.choice(healthy or found) if found else None  # noqa: S311
    return chosen[:2] if chosen else None
