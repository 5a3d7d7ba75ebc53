"""All that one service is to be in this release. No AWS call is made here."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from deployment.wanted import definitions, layout
from deployment.wanted.definitions import Document, Scaling
from deployment.wanted.layout import Outputs
from deployment.wanted.sizes import Size


@dataclass(frozen=True)
class Release:
    """The service's JSON files with every reference resolved; `bounds` of its number of tasks."""

    service: str
    task_definition: Document
    migration: Document
    migration_run: Document
    definition: Document
    scaling: Scaling
    bounds: tuple[int, int]


def with_bounds(size: Size, by_hand: Mapping[str, tuple[int, int]]) -> Size:
    """The size with the numbers of tasks that `scale` has set."""
    services = {
        name: replace(each, minimum=by_hand[name][0], maximum=by_hand[name][1])
        if name in by_hand
        else each
        for name, each in size.services.items()
    }
    return replace(size, services=services)


def describe(
    service: str, image: str, *, forum: str, region: str, size: Size, outputs: Outputs
) -> Release:
    """What the service is to be; `image` as a task definition names it, with its digest."""
    values = layout.references(service, forum, region, size, outputs) | {"image": image}
    own = size.services[service]
    return Release(
        service,
        definitions.task_definition(service, size, values),
        definitions.migration(service, size, values),
        definitions.migration_run(service, size, values),
        definitions.service(service, size, values),
        definitions.scaling(service, values),
        (own.minimum, own.maximum),
    )
