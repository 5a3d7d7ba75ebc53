"""Whether the choices of a size fit each other: what AWS would say only after minutes of `up`."""

import string
from collections.abc import Iterator

from deployment.checks.findings import Finding
from deployment.wanted.sizes import Size
from forum.places import SERVICES

# What Fargate takes: for each size in CPU units, the memory in MiB.
MEMORY = {
    256: (512, 1024, 2048),
    512: range(1024, 4096 + 1, 1024),
    1024: range(2048, 8192 + 1, 1024),
    2048: range(4096, 16384 + 1, 1024),
    4096: range(8192, 30720 + 1, 1024),
    8192: range(16384, 61440 + 1, 4096),
    16384: range(32768, 122880 + 1, 8192),
}
# What AWS recommends for the proxy that ECS puts into each task, beside 64 MiB of memory.
PROXY = 256
# By the choice that they matter for: template, name after Minimum and Maximum, the usual values.
CAPACITY = [("data", "Capacity", ("0.5", "2"))]
LIMITS = {
    "fargate": [],
    "ec2": [("capacity", "Instances", ("0", "6"))],
    "existing": [],
    "shared": CAPACITY,
    "own": CAPACITY,
}


def look(size: Size) -> Iterator[Finding]:
    """A finding for each choice that does not fit, or one that says that all do."""
    problems = [*_tasks(size), *_instances(size), *_limits(size)]
    for found, do in problems:
        yield Finding("stops", "size", f"{size.file.name}: {found}", do)
    if not problems:
        yield from _cramped(size)
        services = ", ".join(size.services)
        yield Finding("ok", "size", f"{size.file.name} is whole, for {services}.")


def _cramped(size: Size) -> Iterator[Finding]:
    for name in SERVICES:
        cpu = size.services[name].cpu
        if cpu.isdecimal() and int(cpu) < 2 * PROXY:
            found = (
                f"{size.file.name}: {name} has cpu {cpu}, of which the proxy of Service Connect"
                f" wants {PROXY}."
            )
            yield Finding("warning", "size", found, f"Give it {2 * PROXY}.")


def _tasks(size: Size) -> Iterator[tuple[str, str]]:
    if size.launch == "ec2":
        return
    for name, each in size.services.items():
        memory = MEMORY.get(int(each.cpu)) if each.cpu.isdecimal() else None
        if memory is None:
            sizes = ", ".join(map(str, MEMORY))
            yield f"{name} has cpu {each.cpu}, which Fargate has not.", f"Give one of {sizes}."
        elif not (each.memory.isdecimal() and int(each.memory) in memory):
            found = f"{name} has cpu {each.cpu} with memory {each.memory}, which Fargate has not."
            yield found, f"Give {memory[0]}, {memory[1]} … {memory[-1]}."


def _instances(size: Size) -> Iterator[tuple[str, str]]:
    if size.launch != "ec2":
        return
    network = size.parameters("network")
    egress = network.get("Egress", "public-ip")
    if egress == "public-ip":
        found = "tasks on instances have no public address, and Egress is public-ip."
        yield found, 'Say "Egress": "nat" in network.'
    if egress == "endpoints" and not network.get("ExistingVpc"):
        found = "none of our endpoints leads the agent on instances to ECS."
        yield found, 'Say "Egress": "nat" in network.'
    kind = size.parameters("capacity").get("InstanceType", "m7i.large")
    # The family of Graviton processors has a g after its number: m7g, t4g, c8gn.
    graviton = "g" in kind.partition(".")[0].lstrip(string.ascii_lowercase)
    if graviton != (size.architecture == "ARM64"):
        found = f"InstanceType {kind} does not run {size.architecture}."
        yield found, "Change the one or the other."


def _limits(size: Size) -> Iterator[tuple[str, str]]:
    """What has a least and a most."""
    for template, name, usual in LIMITS[size.launch] + LIMITS[size.databases]:
        chosen = size.parameters(template)
        least, most = (
            chosen.get(f"{end}{name}", number)
            for end, number in zip(("Minimum", "Maximum"), usual, strict=True)
        )
        try:
            fits = 0 <= float(least) <= float(most)
        except ValueError:
            fits = False
        if not fits:
            found = f"Minimum{name} {least} and Maximum{name} {most} do not fit each other."
            yield found, f"Change them in {template}."
