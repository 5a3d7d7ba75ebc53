"""What the network's stack is told beyond the size: zones, decided once, and no lost way out."""

from collections.abc import Iterator, Mapping

from deployment.checks.findings import Finding
from deployment.forum import Forum
from deployment.problems import DeployError
from deployment.steps import services, stack_events
from deployment.wanted import layout
from deployment.wanted.sizes import DEPLOYABLE

ZONES = ("ZoneA", "ZoneB")
# Where Fargate is not in all zones: the ids of those that it is in ("Supported Regions for Amazon
# ECS on AWS Fargate"). Which name a zone has differs from account to account.
FARGATE = {
    "ap-northeast-1": ("apne1-az1", "apne1-az2", "apne1-az4"),
    "cn-north-1": ("cnn1-az1", "cnn1-az2"),
    "us-west-1": ("usw1-az1", "usw1-az3"),
}
PUBLIC = "public-ip"


def offered(forum: Forum) -> dict[str, str]:
    """The zones of its subnets: those that it has, or the first two that will do.

    An error where the size would take the way out from services that run.
    """
    choices = forum.size.parameters("network")
    live = _told(forum)
    _refuse_no_way_out(forum, live.get("Egress", PUBLIC), choices.get("Egress", PUBLIC))
    if choices.get("ExistingVpc"):
        return {}
    if all(live.get(zone) for zone in ZONES):
        return {zone: live[zone] for zone in ZONES}
    usable = _usable(forum)
    if len(usable) < len(ZONES):
        raise DeployError(
            f"Two zones are needed, and in {forum.region} there is {', '.join(usable) or 'none'}"
            " for this account and size. Choose another region."
        )
    return dict(zip(ZONES, usable, strict=False))


def look(forum: Forum) -> Iterator[Finding]:
    """The zones will do; an existing VPC is as the size says."""
    choices = forum.size.parameters("network")
    chosen = {**offered(forum), **choices}
    vpc = choices.get("ExistingVpc")
    yield from _existing(forum, vpc, choices) if vpc else _zones(forum, chosen)


def _told(forum: Forum) -> dict[str, str]:
    """What its stack was told the last time."""
    stack = stack_events.look(forum, layout.stack_name(forum.name, "network"))
    given = stack.get("Parameters", []) if stack else []
    return {each["ParameterKey"]: each.get("ParameterValue", "") for each in given}


def _refuse_no_way_out(forum: Forum, live: str, wanted: str) -> None:
    """The stack comes before the services, and would remove what their tasks still need."""
    if live in (PUBLIC, wanted) or not services.find(forum, forum.name, DEPLOYABLE):
        return
    raise DeployError(
        f"Egress is {live}, and {forum.size.file.name} says {wanted}: the way out would go while"
        " services still run behind it. Take them down first (scripts/deploy down keeps the data),"
        f' then `up`; or say "Egress": "{live}" in network.'
    )


def _usable(forum: Forum) -> list[str]:
    """The names of the zones that tasks can be in, in order."""
    found = forum.aws.ec2.describe_availability_zones(
        Filters=[
            {"Name": "zone-type", "Values": ["availability-zone"]},
            {"Name": "state", "Values": ["available"]},
        ]
    )["AvailabilityZones"]
    with_fargate = FARGATE.get(forum.region) if forum.size.launch == "fargate" else None
    return sorted(
        each["ZoneName"] for each in found if not with_fargate or each["ZoneId"] in with_fargate
    )


def _zones(forum: Forum, chosen: Mapping[str, str]) -> Iterator[Finding]:
    pair, usable = [chosen[zone] for zone in ZONES], _usable(forum)
    strange = [zone for zone in pair if zone not in usable]
    if strange or len(set(pair)) < len(pair):
        found = f"zones {' and '.join(pair)} are not two of those that tasks can be in."
        yield Finding("stops", "network", found, f"Name two of {', '.join(usable)}.")
    else:
        yield Finding("ok", "network", f"its subnets are in {' and '.join(pair)}.")


def _existing(forum: Forum, vpc: str, choices: Mapping[str, str]) -> Iterator[Finding]:
    ec2 = forum.aws.ec2
    (live,) = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]
    given, real = choices.get("VpcRange", "10.0.0.0/16"), live["CidrBlock"]
    if given != real:
        found = (
            f"VpcRange is {given}, but {vpc} is {real}: services would not believe the balancer."
        )
        yield Finding("stops", "network", found, f'Say "VpcRange": "{real}" in {forum.size.file}.')
    public, private = "ExistingPublicSubnets", "ExistingPrivateSubnets"
    of_tasks = public if choices.get("Egress", PUBLIC) == PUBLIC else private
    for kind in (public, private):
        ids = [each for each in choices.get(kind, "").split(",") if each]
        subnets = ec2.describe_subnets(SubnetIds=ids)["Subnets"] if ids else []
        strange = [each["SubnetId"] for each in subnets if each["VpcId"] != vpc]
        zones = {each["AvailabilityZone"] for each in subnets}
        if strange:
            found = f"{kind} names {', '.join(strange)}, which is not in {vpc}."
            yield Finding("stops", "network", found, "Name subnets of that VPC.")
        elif len(zones) < 2:
            found = f"{kind} is in {len(zones)} zone(s), and two are needed."
            yield Finding("stops", "network", found, "Name subnets in two zones, with commas.")
        elif kind == of_tasks and (without := sorted(zones - set(_usable(forum)))):
            found = f"{kind} is in {', '.join(without)}, where Fargate is not."
            yield Finding("stops", "network", found, "Name subnets in other zones.")
        else:
            yield Finding("ok", "network", f"{kind} is in {', '.join(sorted(zones))} of {vpc}.")
