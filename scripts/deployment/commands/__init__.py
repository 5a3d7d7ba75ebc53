"""The commands of scripts/deploy: what each is called, takes and does."""

from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from deployment.commands import (
    check,
    down,
    execute,
    logs,
    plan,
    policy,
    rollback,
    scale,
    status,
    up,
)
from deployment.forum import Forum
from deployment.outcome import Outcome
from deployment.wanted.sizes import DEPLOYABLE

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


def _count(text: str) -> int:
    if not text.isdecimal():
        raise ArgumentTypeError(f"'{text}' is not a number of tasks")
    return int(text)


COMMANDS = (
    Command(
        "check",
        "Look for what would stop `up`, each with what to do; changes nothing.",
        lambda forum, _options: check.run(forum),
    ),
    Command(
        "policy",
        "Print the least IAM policies that a deployer needs.",
        lambda forum, options: policy.run(forum, options.part),
        {
            "part": {
                "nargs": "?",
                "metavar": "PART",
                "help": "one of them alone, such as release, ready for IAM",
            }
        },
    ),
    Command(
        "plan",
        "Show what `up` would change, and what it would cost; changes nothing.",
        lambda forum, options: plan.run(forum, options.services),
        {"services": SERVICES},
    ),
    Command(
        "up",
        "Bring the forum up, or up to date: says what it does, and goes on where it stopped.",
        lambda forum, options: up.run(forum, options.services),
        {"services": SERVICES},
    ),
    Command(
        "status",
        "Show what runs, in which version, and whether it is well.",
        lambda forum, _options: status.run(forum),
    ),
    Command(
        "logs",
        "Show what a service has logged in the last quarter of an hour.",
        lambda forum, options: logs.run(
            forum,
            options.service,
            follow=options.follow,
            request=options.request,
            as_json=options.json,
        ),
        {
            "service": SERVICE,
            "--follow": {"action": "store_true", "help": "go on until Ctrl-C"},
            "--request": {"metavar": "ID", "help": "that X-Request-ID alone, of the last week"},
        },
    ),
    Command(
        "scale",
        "Set how many tasks a service may have, now and in every later release.",
        lambda forum, options: scale.run(forum, options.service, options.least, options.most),
        {
            "service": SERVICE,
            "least": {"type": _count, "metavar": "MIN", "help": "the fewest tasks"},
            "most": {"type": _count, "metavar": "MAX", "help": "the most tasks"},
        },
    ),
    Command(
        "rollback",
        "Go back to the version of a service that ran before.",
        lambda forum, options: rollback.run(forum, options.service),
        {"service": SERVICE},
    ),
    Command(
        "exec",
        "Run a command, or a shell, in a running task of a service.",
        lambda forum, options: execute.run(forum, options.service, options.command),
        {
            "service": SERVICE,
            "command": {"nargs": "...", "metavar": "COMMAND", "help": "and its arguments; /bin/sh"},
        },
    ),
    Command(
        "down",
        "Take the forum down; asks for its name, and keeps the data.",
        lambda forum, options: down.run(forum, delete_data=options.delete_data),
        {"--delete-data": {"action": "store_true", "help": "the databases and snapshots, too"}},
    ),
)
