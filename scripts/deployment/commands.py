"""The commands of scripts/deploy: what each is called, takes and does."""

from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from deployment import up
from deployment.forum import Forum
from deployment.outcome import Outcome
from deployment.sizes import DEPLOYABLE

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Command:
    """`arguments` are for argparse, beside those that all commands have."""

    name: str
    help: str
    run: Callable[[Forum, Namespace], Outcome]
    arguments: Mapping[str, Settings] = field(default_factory=dict)


def _service(text: str) -> str:
    if text not in DEPLOYABLE:
        raise ArgumentTypeError(f"there is no '{text}', but {', '.join(DEPLOYABLE)}")
    return text


SERVICE: Settings = {"type": _service, "metavar": "SERVICE", "help": ", ".join(DEPLOYABLE)}
SERVICES: Settings = {
    **SERVICE,
    "nargs": "*",
    "help": f"of {', '.join(DEPLOYABLE)}; without any, the three services",
}

COMMANDS = (
    Command(
        "up",
        "Bring the forum up, or up to date: says what it does, and goes on where it stopped.",
        lambda forum, options: up.run(forum, options.services),
        {"services": SERVICES},
    ),
)
