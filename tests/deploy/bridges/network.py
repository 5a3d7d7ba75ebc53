"""The Docker network of the tasks, and what else the emulator leaves at the engine: gone with it.

Made and removed in the emulator's own process, which outlives a test run that is killed.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Iterator
from typing import Any

import docker
from docker.errors import APIError, ImageNotFound
from docker.types import IPAMConfig, IPAMPool
from ministack.core import container_reaper
from ministack.services import ecs

from .calls import App, Message, Receive, Send

# Inside the templates' VPC: services believe what a load balancer from there says of clients.
PART_OF_VPC = "10.0.{}.0/24"
PATIENCE = 30.0


@contextlib.contextmanager
def opened(port: int) -> Iterator[tuple[str, str]]:
    """The network's name, and this machine's address in it."""
    client = docker.from_env()
    network = _make(client, f"forum-deploy-{port}")
    try:
        yield network.name, network.attrs["IPAM"]["Config"][0]["Gateway"]
    finally:
        _remove(client, network)
        _forget_images(client, f"127.0.0.1:{port}/")
        client.close()


def ending_tasks_first(app: App) -> App:
    """The emulator; else it would start new tasks in place of those that it ends with itself."""

    async def serve(scope: Message, receive: Receive, send: Send) -> None:
        async def told() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await asyncio.to_thread(ecs.reset)
            return message

        await app(scope, told if scope["type"] == "lifespan" else receive, send)

    return serve


def _make(client: Any, name: str) -> Any:
    for number in range(254):
        subnet = PART_OF_VPC.format((os.getpid() + number) % 254 + 1)
        pool = IPAMPool(subnet=subnet, gateway=subnet.replace(".0/24", ".1"))
        try:
            network = client.networks.create(name, ipam=IPAMConfig(pool_configs=[pool]))
        except APIError as error:
            # Another emulator has this part.
            if "overlaps" not in str(error):
                raise
        else:
            network.reload()
            return network
    raise RuntimeError("no part of 10.0.0.0/16 is free for a Docker network")


def _remove(client: Any, network: Any) -> None:
    """With its containers, of which one may be starting still."""
    mine = f"{container_reaper.INSTANCE_LABEL}={container_reaper.instance_id()}"
    deadline = time.monotonic() + PATIENCE
    while True:
        for container in client.containers.list(all=True, filters={"label": mine}):
            with contextlib.suppress(APIError):
                container.remove(force=True, v=True)
        try:
            network.remove()
        except APIError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def _forget_images(client: Any, registry: str) -> None:
    for image in client.images.list():
        for name in (image.attrs["RepoTags"] or []) + (image.attrs["RepoDigests"] or []):
            # With its tag an image loses its digest, too.
            if name.startswith(registry):
                with contextlib.suppress(ImageNotFound):
                    client.images.remove(name, force=True, noprune=True)
