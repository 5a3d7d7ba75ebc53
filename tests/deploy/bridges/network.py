"""The Docker network of the tasks, and what else the emulator leaves at the engine: gone with it.

Made and removed in the emulator's own process, which outlives a test run that is killed.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import docker
from docker.errors import APIError, ImageNotFound
from docker.types import IPAMConfig, IPAMPool

# Inside the templates' VPC: services believe what a load balancer from there says of clients.
PART_OF_VPC = "10.0.{}.0/24"


@contextlib.contextmanager
def opened(port: int) -> Iterator[tuple[str, str]]:
    """The network's name, and this machine's address in it."""
    client = docker.from_env()
    network = _make(client, f"forum-deploy-{port}")
    try:
        yield network.name, network.attrs["IPAM"]["Config"][0]["Gateway"]
    finally:
        network.reload()
        for container in network.containers:
            container.remove(force=True, v=True)
        network.remove()
        _forget_images(client, f"127.0.0.1:{port}/")
        client.close()


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


def _forget_images(client: Any, registry: str) -> None:
    for image in client.images.list():
        for name in (image.attrs["RepoTags"] or []) + (image.attrs["RepoDigests"] or []):
            # With its tag an image loses its digest, too.
            if name.startswith(registry):
                with contextlib.suppress(ImageNotFound):
                    client.images.remove(name, force=True, noprune=True)
