"""Which stacks a forum has, in which order, and what each is told. No AWS call is made here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deployment.wanted.sizes import DEPLOYABLE, Size
from forum.places import ROOT

Outputs = Mapping[str, Mapping[str, str]]
"""The outputs of stacks by their part: `network`, `users`, `data`, `users-data` and so on.

Beside them `zones`, which the network is told.
"""


# All parts that there may be, whatever the size.
DATA = ("data", *(f"{service}-data" for service in DEPLOYABLE))
OTHERS = ("network", "platform", "capacity", *DEPLOYABLE)


@dataclass(frozen=True)
class Part:
    """One stack: `name` is its own within the forum, `template` the file that it is made from."""

    name: str
    template: str
    services: tuple[str, ...] = ()

    @property
    def file(self) -> Path:
        return ROOT / "ecs" / f"{self.template}.yml"


@dataclass(frozen=True)
class Told:
    """Values for a template's parameters.

    Of `offered` a template takes what it knows; it has to know all that the size file says.
    """

    offered: Mapping[str, str]
    by_size: Mapping[str, str]


def waves(size: Size, services: Sequence[str]) -> list[list[Part]]:
    """All stacks; those of one wave need only what earlier waves made."""
    made = [[Part("network", "network")], [Part("platform", "platform")]]
    if size.launch == "ec2":
        made.append([Part("capacity", "capacity")])
    made.append([Part(service, "service", (service,)) for service in services])
    if databases := data_parts(size, services):
        made.append(databases)
    return made


def data_parts(size: Size, services: Sequence[str]) -> list[Part]:
    """The stacks of databases."""
    if size.databases == "shared":
        return [Part("data", "data", tuple(services))]
    if size.databases == "own":
        return [Part(f"{service}-data", "data", (service,)) for service in services]
    return []


def data_part(size: Size, service: str) -> str:
    """The part that the service's database is in, where it is one of ours."""
    return "data" if size.databases == "shared" else f"{service}-data"


def stack_name(forum: str, part: str) -> str:
    """What CloudFormation calls it."""
    return f"{forum}-{part}"


def told(part: Part, forum: str, size: Size, outputs: Outputs) -> Told:
    """What the template of `part` is told: outputs of earlier stacks by their own names."""
    offered = {"Name": forum, "Architecture": size.architecture}
    for earlier in ("zones", "network", "platform", "capacity"):
        offered |= outputs.get(earlier, {})
    if part.template == "service":
        (service,) = part.services
        offered["Service"] = service
        offered["DatabaseRange"] = outputs["network"]["VpcRange"]
        offered["ExistingDatabaseSecret"] = size.existing.get(service, "")
    if part.template == "data":
        offered["MigrationExecutionRoleNames"] = _roles(part.services, outputs)
    return Told(offered, size.parameters(part.template))


def references(
    service: str, forum: str, region: str, size: Size, outputs: Outputs
) -> dict[str, str]:
    """The values of `${...}` in the JSON files of a service, save `${image}`."""
    own = size.services[service]
    values = {
        "name": forum,
        "region": region,
        "architecture": size.architecture,
        "cpu": own.cpu,
        "memory": own.memory,
        "minimum": str(own.minimum),
        "maximum": str(own.maximum),
        "base": str(own.base),
        # Of five tasks above the base, four.
        "spot": "4" if own.spot else "0",
    }
    sources = {
        "network": "network",
        "platform": "platform",
        "capacity": "capacity",
        "service": service,
        "data": data_part(size, service),
    }
    for prefix, part in sources.items():
        values |= {f"{prefix}.{key}": value for key, value in outputs.get(part, {}).items()}
    return values


def _roles(services: Iterable[str], outputs: Outputs) -> str:
    return ",".join(outputs[service]["MigrationExecutionRoleName"] for service in services)
