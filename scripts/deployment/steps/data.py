"""The data that is there: `up` neither moves it nor leaves it behind."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from deployment.forum import Forum
from deployment.problems import DeployError
from deployment.steps import databases, secret_values, stack_events, stacks
from deployment.wanted import layout
from deployment.wanted.layout import Outputs
from deployment.wanted.sizes import DEPLOYABLE

# Stacks that never held any.
EMPTY = (*stacks.NEVER_MADE, "REVIEW_IN_PROGRESS")
MOVING = "docs/deploy.md, 'Moving the data'"


def refuse_another(forum: Forum, services: Sequence[str], deployed: Outputs) -> None:
    """An error where the size asks for other databases than those that have the data.

    `deployed` are the outputs of the services that are there.
    """
    _refuse_another_kind(forum, services)
    for service in services:
        if service in deployed:
            _refuse_another_host(forum, service, deployed[service]["Secret"])


def _refuse_another_kind(forum: Forum, services: Sequence[str]) -> None:
    ours = [part.name for part in layout.data_parts(forum.size, DEPLOYABLE)]
    chosen = [part.name for part in layout.data_parts(forum.size, services)]
    strange = []
    for part in layout.DATA:
        live = stack_events.look(forum, layout.stack_name(forum.name, part))
        if live and part in chosen:
            stacks.left_from(forum, live)
        if live and part not in ours and live["StackStatus"] not in EMPTY:
            strange.append(part)
    if strange:
        kind = "shared" if "data" in strange else "own"
        names = ", ".join(layout.stack_name(forum.name, part) for part in strange)
        raise DeployError(
            f"{forum.size.file.name} says databases {forum.size.databases}, but the forum's data is"
            f' in {names}, and does not move by itself. Give a --size that says "databases":'
            f' "{kind}" (a copy of this one), or see {MOVING}.'
        )


def _refuse_another_host(forum: Forum, service: str, secret: str) -> None:
    url = secret_values.read(forum, secret).get("DATABASE_URL")
    if url is None:
        return
    told, there = urlsplit(url).hostname, databases.host(forum, service)
    if told != there.lower():
        raise DeployError(
            f"{service} is told by its secret that its database is {told}, but it is"
            f" {there or 'gone'}. Data does not move by itself: see {MOVING}. Once it is there, or"
            f" where there is none to keep, take DATABASE_URL out of the secret {secret}: `up`"
            " fills it anew."
        )
