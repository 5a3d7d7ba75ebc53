"""How a task's containers run: as Fargate runs them, where the emulator leaves that out.

A network of their own inside the VPC's range, a root that is read-only, volumes and memory as the
task definition says, its health check, the names of Service Connect, and the time that a task has
to end by itself.
"""

import contextlib
import threading
from typing import Any

from docker.errors import APIError
from ministack.services import alb, ecs

from . import connect, health

STOP_TIMEOUT = 30
SECOND = 1_000_000_000
AGENT = "aws-guardduty-agent"
Definition = dict[str, Any]

_build = ecs._build_run_kwargs
_remove = ecs._remove_docker_container
_run_task = ecs._run_task
_containers = ecs._build_task_containers
_mark_task_stopped = ecs._mark_task_stopped
_proxy = alb._proxy_http_target


def install(network: str, gateway: str) -> None:
    """Start and end containers our way, on that Docker network; its host is the gateway."""

    def build(container: Definition, task: Definition, *rest: Any) -> dict[str, Any]:
        task_arn = rest[5]
        image = ecs._get_docker().images.get(container["image"])
        return {
            **_build(container, task, *rest),
            "network": network,
            "extra_hosts": dict.fromkeys(connect.names_for(task_arn), gateway),
            "read_only": container.get("readonlyRootFilesystem", False),
            "mem_limit": f"{task['memory']}m",
            "init": container.get("linuxParameters", {}).get("initProcessEnabled", False),
            "entrypoint": container.get("entryPoint"),
            "user": container.get("user"),
            "healthcheck": _health_check(container.get("healthCheck")),
            **_mounts(container, image.attrs["Config"].get("Volumes") or {}),
        }

    ecs._build_run_kwargs = build
    ecs._remove_docker_container = _remove_beside


def install_without_docker() -> None:
    """Where no container runs: tasks of a service are up and answer, all others end at once.

    Each has an agent beside it, as in an account that GuardDuty watches; that ends when AWS likes.
    """
    ecs._build_task_containers = _with_an_agent
    ecs._mark_task_stopped = _mark_but_for_the_agent
    ecs._run_task = ecs._ACTION_MAP["RunTask"] = _run_task_without_docker
    health.state = lambda group, address: "healthy"
    alb._proxy_http_target = _answer_without_docker


def _with_an_agent(definition: Definition, overrides: Any) -> list[Definition]:
    containers: list[Definition] = _containers(definition, overrides)
    return [*containers, {**containers[0], "name": AGENT, "image": AGENT}]


def _mark_but_for_the_agent(arn: str, task: Definition, *rest: Any, **named: Any) -> Any:
    marked = _mark_task_stopped(arn, task, *rest, **named)
    for container in task["containers"]:
        if container["name"] == AGENT:
            container["exitCode"] = None
    return marked


def _run_task_without_docker(request: Definition) -> Any:
    before = set(ecs._tasks.keys())
    answer = _run_task(request)
    for number, arn in enumerate(set(ecs._tasks.keys()) - before, len(before) + 1):
        task = ecs._tasks[arn]
        task["_container_ip"] = f"10.0.{number // 250}.{number % 250 + 1}"
        if not task["group"].startswith("service:"):
            reason = "Essential container in task exited"
            ecs._mark_task_stopped(arn, task, reason, "EssentialContainerExited", 0)
    return answer


async def _answer_without_docker(target: Definition, *request: Any) -> Any:
    if target["Id"] in {ecs._task_ip(task) for task in ecs._tasks.all_values()}:
        return 200, {"Content-Type": "application/json"}, b"{}"
    return await _proxy(target, *request)


def _health_check(asked: Definition | None) -> Definition | None:
    if not asked:
        return None
    return {
        "test": asked["command"],
        "interval": asked.get("interval", 30) * SECOND,
        "timeout": asked.get("timeout", 5) * SECOND,
        "retries": asked.get("retries", 3),
        "start_period": asked.get("startPeriod", 0) * SECOND,
    }


def _mounts(container: Definition, volumes_of_image: Definition) -> Definition:
    """A volume is root's and 0755, unless the image declares that path a volume of its own."""
    mounts: Definition = {"tmpfs": {}, "volumes": []}
    for mount in container.get("mountPoints", []):
        path = mount["containerPath"]
        if path in volumes_of_image:
            mounts["volumes"].append(path)
        else:
            mounts["tmpfs"][path] = "mode=0755"
    for memory in container.get("linuxParameters", {}).get("tmpfs", []):
        options = ",".join([f"size={memory['size']}m", *memory.get("mountOptions", [])])
        mounts["tmpfs"][memory["containerPath"]] = options
    return mounts


def _remove_beside(docker: Any, container_or_id: Any) -> None:
    """Give a container its time to end, without making the call that stops it wait."""
    threading.Thread(
        target=_stop_and_remove, args=(docker or ecs._get_docker(), container_or_id), daemon=True
    ).start()


def _stop_and_remove(docker: Any, container_or_id: Any) -> None:
    # Somebody else may have removed it, or be about to.
    with contextlib.suppress(APIError):
        container = (
            docker.containers.get(container_or_id)
            if isinstance(container_or_id, str)
            else container_or_id
        )
        container.stop(timeout=STOP_TIMEOUT)
        container.remove(v=True, force=True)
