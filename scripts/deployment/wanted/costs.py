"""What a forum costs in a month, by part: from its size and the list prices in `ecs/prices.json`.

Each part has two amounts: at rest, with the fewest tasks and the least database, and the most that
the size's limits allow, if everything worked at its limit all month. Traffic is not limited by a
size, so that file says how much of it is counted. Nothing here asks AWS.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import Any

from deployment.wanted.sizes import Size
from forum.places import ROOT, SERVICES

FILE = ROOT / "ecs" / "prices.json"
# What the templates make; tests/deploy/test_costs.py compares these with them.
ZONES = 2
INTERFACE_ENDPOINTS = 5
ALARMS_OF_A_SERVICE = 6
# Each rule of target tracking keeps an alarm for more tasks and one for fewer.
ALARMS_OF_SCALING = 4
IMAGES_KEPT = 30
DEFAULTS = {
    "Egress": "public-ip",
    "ExistingVpc": "",
    "MinimumCapacity": "0.5",
    "MaximumCapacity": "2",
    "Standby": "false",
    "LogRetentionDays": "30",
    "InstanceType": "m7i.large",
    "MinimumInstances": "0",
    "MaximumInstances": "6",
}
# Above the base, four of five tasks are asked of Spot where the size says so.
SPOT_SHARE = 0.8
REQUESTS_OF_A_LOAD_BALANCER_UNIT = 25


@dataclass(frozen=True)
class Part:
    """What one part costs in a month, and how that was counted."""

    name: str
    at_rest: float
    most: float
    counted: str


@dataclass(frozen=True)
class PriceList:
    """The prices of a region; of the nearest that is listed, where it is not itself."""

    asked: str
    region: str
    document: Mapping[str, Any]

    @property
    def prices(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.document["regions"][self.region]
        return found

    @property
    def load(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.document["load"]
        return found

    @property
    def hours(self) -> float:
        return float(self.document["hours_in_a_month"])

    @property
    def note(self) -> str:
        """From when and for where the prices are, in a line for whoever reads the amounts."""
        currency, date = self.document["currency"], self.document["as_of"]
        where = self.region
        if self.region != self.asked:
            where = f"{self.region}, for want of {self.asked}, whose own may be higher"
        return f"{currency} a month, list prices of {date} in {where}, without tax: check them."


def price_list(region: str) -> PriceList:
    """The prices for what runs in `region`."""
    document = json.loads(FILE.read_text())
    if region in document["regions"]:
        return PriceList(region, region, document)
    nearest = next(
        listed for start, listed in document["nearest"].items() if region.startswith(start)
    )
    return PriceList(region, nearest, document)


def estimate(size: Size, region: str, services: Sequence[str] = SERVICES) -> list[Part]:
    """What `services` of that size cost in a month, each part for itself."""
    forum = _Forum(size, price_list(region), services)
    if size.launch == "ec2":
        running = [_instances(forum)]
    else:
        running = [_tasks(forum, name) for name in services]
    return [
        *running,
        _load_balancer(forum),
        _databases(forum),
        _egress(forum),
        _addresses(forum),
        _traffic(forum),
        _logs(forum),
        _keeping(forum),
    ]


def total(parts: Sequence[Part]) -> Part:
    """All parts together."""
    at_rest, most = sum(part.at_rest for part in parts), sum(part.most for part in parts)
    return Part("together", at_rest, most, "")


@dataclass(frozen=True)
class _Forum:
    """A size, the prices for it and what follows from both."""

    size: Size
    list: PriceList
    services: Sequence[str]

    def chosen(self, template: str, name: str) -> str:
        return self.size.parameters(template).get(name, DEFAULTS[name])

    def month(self, price: str) -> float:
        """What is paid by the hour, for a month."""
        return float(self.list.prices[price]) * self.list.hours

    @cached_property
    def tasks(self) -> tuple[int, int]:
        """The fewest and the most that run."""
        sizes = [self.size.services[name] for name in self.services]
        return sum(each.minimum for each in sizes), sum(each.maximum for each in sizes)

    @cached_property
    def clusters(self) -> int:
        one_for_each = len(self.services)
        return {"existing": 0, "shared": 1, "own": one_for_each}[self.size.databases]

    @cached_property
    def requests(self) -> tuple[float, float]:
        """How many a second are counted, at rest and at most."""
        load = self.list.load
        sizes = [self.size.services[name] for name in self.services]
        processors = sum(each.maximum * int(each.cpu) / 1024 for each in sizes)
        most = processors * load["requests_a_second_of_a_vcpu_at_most"]
        return load["requests_a_second_at_rest"], most

    def each(self, kilobytes: float) -> tuple[float, float]:
        """Gigabytes in a month of what each request has so much of."""
        seconds = self.list.hours * 3600
        at_rest, most = (requests * seconds * kilobytes / 1e6 for requests in self.requests)
        return at_rest, most


def _tasks(forum: _Forum, name: str) -> Part:
    each = forum.size.services[name]
    rates = forum.list.prices["fargate"][forum.size.architecture]
    processors, gigabytes = int(each.cpu) / 1024, int(each.memory) / 1024
    hour = processors * rates["vcpu_hour"] + gigabytes * rates["gigabyte_hour"]
    month = hour * forum.list.hours
    saved = 1 - forum.list.document["spot"]["share_of_the_price"]
    discount = SPOT_SHARE * saved if each.spot else 0
    at_rest, most = (
        month * (min(count, each.base) + max(0, count - each.base) * (1 - discount))
        for count in (each.minimum, each.maximum)
    )
    counted = (
        f"{each.minimum} to {each.maximum} tasks of {processors:g} vCPU and {gigabytes:g} GB"
        f" on Fargate ({forum.size.architecture})"
    )
    if discount:
        counted += f"; above {each.base} four of five on Spot, {saved:.0%} off"
    return Part(f"tasks: {name}", at_rest, most, counted)


def _instances(forum: _Forum) -> Part:
    kind = forum.chosen("capacity", "InstanceType")
    hour = forum.list.prices["instance_hour"].get(kind)
    if hour is None:
        return Part("instances", 0, 0, f"NOT counted: ecs/prices.json has no price for {kind}")
    load = forum.list.load
    disk = load["gigabytes_of_an_instance_disk"]
    month = hour * forum.list.hours + disk * forum.list.prices["disk_gigabyte_month"]
    most = int(forum.chosen("capacity", "MaximumInstances"))
    needed = ceil(forum.tasks[0] / load["tasks_of_an_instance"])
    fewest = min(max(needed, int(forum.chosen("capacity", "MinimumInstances"))), most)
    counted = (
        f"{fewest} to {most} {kind} with {disk} GB of disk,"
        f" {load['tasks_of_an_instance']} tasks on each"
    )
    return Part("instances", fewest * month, most * month, counted)


def _load_balancer(forum: _Forum) -> Part:
    unit = forum.month("load_balancer_unit_hour") / REQUESTS_OF_A_LOAD_BALANCER_UNIT
    at_rest, most = forum.requests
    month = forum.month("load_balancer_hour")
    counted = f"one, and {at_rest:g} to {most:g} new connections a second"
    return Part("load balancer", month + at_rest * unit, month + most * unit, counted)


def _databases(forum: _Forum) -> Part:
    if not forum.clusters:
        return Part("databases", 0, 0, "existing ones, not counted here")
    prices, load = forum.list.prices, forum.list.load
    instances = 2 if forum.chosen("data", "Standby") == "true" else 1
    units = [float(forum.chosen("data", f"{end}Capacity")) for end in ("Minimum", "Maximum")]
    gigabytes = [load["gigabytes_of_a_database"][end] for end in ("at_rest", "most")]
    touches = load["database_reads_and_writes_of_a_request"] * forum.list.hours * 3600 / 1e6
    amounts = [
        forum.clusters * instances * unit * forum.month("aurora_unit_hour")
        + forum.clusters * gigabyte * prices["aurora_gigabyte_month"]
        + requests * touches * prices["aurora_million_reads_and_writes"]
        for unit, gigabyte, requests in zip(units, gigabytes, forum.requests, strict=True)
    ]
    counted = (
        f"{forum.clusters} x Aurora with {instances} instance{'s' * (instances > 1)} of"
        f" {units[0]:g} to {units[1]:g} units (ACU), {gigabytes[0]:g} to {gigabytes[1]:g} GB each"
    )
    return Part("databases", amounts[0], amounts[1], counted)


def _egress(forum: _Forum) -> Part:
    """What tasks in private subnets reach AWS through."""
    egress = forum.chosen("network", "Egress")
    if forum.chosen("network", "ExistingVpc"):
        return Part("NAT or endpoints", 0, 0, "that of the existing VPC, not counted here")
    if egress == "public-ip":
        return Part("NAT or endpoints", 0, 0, "none: tasks have addresses of their own")
    logs = forum.each(forum.list.load["kilobytes_of_its_log"])
    if egress == "nat":
        number, kind, counted = ZONES, "nat_gateway", f"{ZONES} NAT gateways"
    else:
        number, kind = INTERFACE_ENDPOINTS * ZONES, "endpoint"
        counted = f"{INTERFACE_ENDPOINTS} endpoints in {ZONES} zones"
    month = number * forum.month(f"{kind}_hour")
    at_rest, most = (month + size * forum.list.prices[f"{kind}_gigabyte"] for size in logs)
    return Part("NAT or endpoints", at_rest, most, f"{counted}, and the logs through them")


def _addresses(forum: _Forum) -> Part:
    egress = forum.chosen("network", "Egress")
    fewest = most = ZONES
    counted = f"{ZONES} of the load balancer"
    if egress == "nat" and not forum.chosen("network", "ExistingVpc"):
        fewest, most = fewest + ZONES, most + ZONES
        counted += f", {ZONES} of the NAT gateways"
    if egress == "public-ip":
        fewest, most = fewest + forum.tasks[0], most + forum.tasks[1]
        counted += f", {forum.tasks[0]} to {forum.tasks[1]} of tasks"
    month = forum.month("public_address_hour")
    return Part("public IPv4 addresses", fewest * month, most * month, counted)


def _traffic(forum: _Forum) -> Part:
    answer = forum.list.load["kilobytes_of_an_answer"]
    at_rest, most = forum.each(answer)
    price = forum.list.prices["traffic_out_gigabyte"]
    requests = forum.requests
    counted = (
        f"{at_rest:,.0f} to {most:,.0f} GB: {requests[0]:g} to {requests[1]:g} requests a second"
        f" of {answer:g} KB"
    )
    return Part("traffic to the world", at_rest * price, most * price, counted)


def _logs(forum: _Forum) -> Part:
    days = int(forum.chosen("service", "LogRetentionDays"))
    price = forum.list.prices["log_gigabyte"]
    price += forum.list.prices["log_gigabyte_month"] * days / 30
    at_rest, most = forum.each(forum.list.load["kilobytes_of_its_log"])
    counted = f"{at_rest:,.0f} to {most:,.0f} GB, kept for {days} days"
    return Part("logs", at_rest * price, most * price, counted)


def _keeping(forum: _Forum) -> Part:
    prices = forum.list.prices
    services = len(forum.services)
    secrets = services + forum.clusters
    alarms = services * (ALARMS_OF_A_SERVICE + ALARMS_OF_SCALING)
    month = secrets * prices["secret_month"] + alarms * prices["alarm_month"]
    image = services * forum.list.load["gigabytes_of_an_image"] * prices["image_gigabyte_month"]
    counted = (
        f"{secrets} secrets, {alarms} alarms, 1 to {IMAGES_KEPT} images of {services} services"
    )
    return Part("secrets, alarms, images", month + image, month + IMAGES_KEPT * image, counted)
