"""The emulator with its bridges: `python -m tests.deploy.bridges`; settings by environment."""

import asyncio
import os
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app as ministack

from . import (
    balancer,
    calls,
    connect,
    containers,
    databases,
    front,
    health,
    permissions,
    registry,
    resources,
    scaling,
    services,
)

PORT = int(os.environ["GATEWAY_PORT"])
FRONT = int(os.environ["BRIDGE_FRONT"])
# The Docker network of the tasks, and this machine's address in it. Without one nothing runs.
NETWORK = os.environ.get("BRIDGE_NETWORK", "")
GATEWAY = os.environ.get("BRIDGE_GATEWAY", "")


def main() -> None:
    """Bridge, then serve until SIGTERM, on loopback alone."""
    resources.install()
    services.install()
    balancer.install()
    scaling.install()
    registry.install(PORT)
    databases.install(NETWORK)
    if NETWORK:
        containers.install(NETWORK, GATEWAY)
        health.install()
        connect.install(GATEWAY)
    else:
        containers.install_without_docker()
    if os.environ.get("AUTH"):
        permissions.install()
    config = Config()
    config.bind = [f"127.0.0.1:{port}" for port in (PORT, FRONT)]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    app: Any = front.opened(FRONT, calls.recorded(ministack.app))
    asyncio.run(serve(app, config))


if __name__ == "__main__":
    main()
