"""The emulator with its bridges: `python -m tests.deploy.bridges`; settings by environment."""

import os

from ministack import app as ministack

from . import (
    balancer,
    calls,
    connect,
    containers,
    databases,
    health,
    registry,
    resources,
    scaling,
    services,
)

# The Docker network of the tasks, and this machine's address in it. Without one nothing runs.
NETWORK = os.environ.get("BRIDGE_NETWORK", "")
GATEWAY = os.environ.get("BRIDGE_GATEWAY", "")


def main() -> None:
    """Bridge, then serve until SIGTERM."""
    resources.install()
    services.install()
    balancer.install()
    scaling.install()
    registry.install()
    if NETWORK:
        containers.install(NETWORK, GATEWAY)
        databases.install(NETWORK)
        health.install()
        connect.install(GATEWAY)
    else:
        containers.install_without_docker()
    ministack.app = calls.recorded(ministack.app)
    ministack.main()


if __name__ == "__main__":
    main()
