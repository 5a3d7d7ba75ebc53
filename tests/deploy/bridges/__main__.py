"""The emulator with its bridges: `python -m tests.deploy.bridges`; settings by environment.

GATEWAY_PORT takes AWS's calls, and BRIDGE_FRONT is the load balancer `forum`. Tasks are containers
with BRIDGE_CONTAINERS=yes; else nothing runs.
"""

import asyncio
import contextlib
import os
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app as ministack

from . import (
    balancer,
    calls,
    cloud_map,
    connect,
    containers,
    databases,
    front,
    health,
    network,
    permissions,
    registry,
    resources,
    roles,
    scaling,
    services,
)

PORT = int(os.environ["GATEWAY_PORT"])
FRONT = int(os.environ["BRIDGE_FRONT"])


def main() -> None:
    """Bridge, then serve until SIGTERM, on loopback alone."""
    with contextlib.ExitStack() as until_the_end:
        for bridge in (resources, roles, services, cloud_map, balancer, scaling, permissions):
            bridge.install()
        registry.install(PORT)
        if os.environ.get("BRIDGE_CONTAINERS") == "yes":
            name, gateway = until_the_end.enter_context(network.opened(PORT))
            containers.install(name, gateway)
            databases.install(name)
            health.install()
            connect.install(gateway)
        else:
            containers.install_without_docker()
            databases.install("")
        _serve()


def _serve() -> None:
    config = Config()
    config.bind = [f"127.0.0.1:{port}" for port in (PORT, FRONT)]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    app: Any = network.ending_tasks_first(front.opened(FRONT, calls.recorded(ministack.app)))
    asyncio.run(serve(app, config))


if __name__ == "__main__":
    main()
