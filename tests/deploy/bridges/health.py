"""Target health: asks each target for its health check, as a load balancer does.

The emulator calls a target healthy, sends it requests and lets it end a rollout as soon as its
container runs. Here a target must have answered its group's health check first. Only the clock is
another than on AWS: one good answer is enough, and the question comes more often.
"""

import http.client
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import alb, ecs

INTERVAL = 0.2
TIMEOUT = 2.0
FAILURES_TO_BE_UNHEALTHY = 10


@dataclass(frozen=True)
class Target:
    """One address of a target group, and where it belongs."""

    account: str
    region: str
    group: str
    address: str
    port: int


@dataclass
class Health:
    """What is known of a target: nothing yet, or how its last checks ended."""

    state: str = "initial"
    failures: int = 0

    def heard(self, well: bool) -> bool:
        """Count one answer; whether it made the target healthy."""
        became_healthy = well and self.state != "healthy"
        self.failures = 0 if well else self.failures + 1
        if well:
            self.state = "healthy"
        elif self.state == "healthy" and self.failures >= FAILURES_TO_BE_UNHEALTHY:
            self.state = "unhealthy"
        return became_healthy


_known: dict[tuple[str, str], Health] = {}
_complete = ecs._complete_service_deployment


def install() -> None:
    """Start asking, and let a rollout end only with healthy tasks."""
    ecs._complete_service_deployment = _complete_when_healthy
    threading.Thread(target=_ask_for_ever, name="bridge-health", daemon=True).start()


def state(group: str, address: str) -> str:
    """`initial`, `healthy` or `unhealthy`."""
    return _known.get((group, address), Health()).state


def _ask_for_ever() -> None:
    pause = threading.Event()
    with ThreadPoolExecutor(16, "bridge-health") as pool:
        while not pause.wait(INTERVAL):
            targets = list(_targets())
            current = {(target.group, target.address) for target in targets}
            for gone in _known.keys() - current:
                del _known[gone]
            for target, well in zip(targets, pool.map(_answers, targets), strict=True):
                if _known.setdefault((target.group, target.address), Health()).heard(well):
                    _end_rollouts(target)


def _targets() -> Iterable[Target]:
    for (account, group), registered in list(alb._targets._data.items()):
        region = group.split(":")[3]
        for target in list(registered):
            yield Target(account, region, group, target["Id"], int(target["Port"]))


def _answers(target: Target) -> bool:
    group = alb._tgs.get_scoped(target.account, target.region, target.group)
    if group is None:
        return False
    connection = http.client.HTTPConnection(target.address, target.port, timeout=TIMEOUT)
    try:
        connection.request("GET", group["HealthCheckPath"])
        return bool(str(connection.getresponse().status) == group["Matcher"]["HttpCode"])
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _end_rollouts(target: Target) -> None:
    with request_scope(target.account, target.region):
        for key, service in ecs._services.items():
            if any(each["targetGroupArn"] == target.group for each in _groups(service)):
                ecs._complete_service_deployment(key.split("/")[0], key)


def _groups(service: dict[str, Any]) -> list[dict[str, Any]]:
    return service.get("loadBalancers") or []


def _complete_when_healthy(
    cluster: str, key: str, expected_deployment_id: str | None = None
) -> None:
    service = ecs._services.get(key)
    if service is None or all(
        state(group["targetGroupArn"], ecs._task_ip(task) or "") == "healthy"
        for group in _groups(service)
        for task in _tasks_of_the_rollout(service)
    ):
        _complete(cluster, key, expected_deployment_id)


def _tasks_of_the_rollout(service: dict[str, Any]) -> list[dict[str, Any]]:
    primary = ecs._primary_deployment(service)
    return [
        task
        for task in ecs._tasks.values()
        if task["group"] == f"service:{service['serviceName']}"
        and task["clusterArn"] == service["clusterArn"]
        and task["lastStatus"] == "RUNNING"
        and ecs._deployment_for_task(service, task) is primary
    ]
