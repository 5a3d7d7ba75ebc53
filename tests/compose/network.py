"""The network between two containers, cut without a word: what is sent never arrives."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from forum.compose import Compose, docker, inspect

IMAGE = "forum-test-cut"
# A card that nobody has: what is sent to it gets lost on the way, as with a cable that is cut.
NOBODY = "02:00:00:00:00:01"
CUT = "ip neighbour replace {to} lladdr {nobody} nud permanent dev $({device})"
HEAL = "ip neighbour flush to {to} nud permanent"
DEVICE = "ip -oneline route get {to} | sed 's/.* dev \\([^ ]*\\).*/\\1/'"


@contextmanager
def cut(forum: Compose, one: str, other: str) -> Iterator[None]:
    """No container of either service reaches one of the other; all else goes on."""
    docker("build", "--quiet", f"--tag={IMAGE}", str(Path(__file__).parent / "cut"))
    pairs = list(itertools.product(forum.containers(one), forum.containers(other)))
    pairs += [(to, of) for of, to in pairs]
    try:
        for of, to in pairs:
            _change(CUT, of, _address(forum, to))
        yield
    finally:
        for of, to in pairs:
            _change(HEAL, of, _address(forum, to))


def _address(forum: Compose, container: str) -> str:
    [state] = inspect(container)
    networks = state["NetworkSettings"]["Networks"]
    return str(networks[f"{forum.project}_services"]["IPAddress"])


def _change(command: str, container: str, address: str) -> None:
    """Run a command of iproute2 in the network of a container."""
    script = command.format(to=address, nobody=NOBODY, device=DEVICE.format(to=address))
    network = [f"--network=container:{container}", "--cap-drop=ALL", "--cap-add=NET_ADMIN"]
    docker("run", "--rm", *network, IMAGE, "sh", "-euc", script)
