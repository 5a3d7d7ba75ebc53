"""The person's choices: `ecs/sizes/NAME.json`, or a file of one's own of the same shape."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployment.problems import UsageError
from forum.places import ROOT, SERVICES

FOLDER = ROOT / "ecs" / "sizes"
# Groups of parameters, each for the template of that name.
TEMPLATES = ("network", "platform", "capacity", "service", "data")
CHOICES = {
    "architecture": ("X86_64", "ARM64"),
    "launch": ("fargate", "ec2"),
    "databases": ("shared", "own", "existing"),
}
DEPLOYABLE = (*SERVICES, "monolith")


@dataclass(frozen=True)
class ServiceSize:
    """How large one service's tasks are, and how many there may be; `base` are never on Spot."""

    cpu: str
    memory: str
    minimum: int
    maximum: int
    base: int
    spot: bool


@dataclass(frozen=True)
class Size:
    """One such file; `document` is all of it as it was read."""

    file: Path
    document: Mapping[str, Any]
    services: Mapping[str, ServiceSize]

    @property
    def name(self) -> str:
        """What `load` takes to find it again."""
        ours = self.file.parent == FOLDER
        return self.file.stem if ours else str(self.file.resolve())

    @property
    def architecture(self) -> str:
        return str(self.document["architecture"])

    @property
    def launch(self) -> str:
        return str(self.document["launch"])

    @property
    def databases(self) -> str:
        return str(self.document["databases"])

    @property
    def existing(self) -> Mapping[str, str]:
        """The secret of each service's existing database."""
        found: Mapping[str, str] = self.document.get("existing", {})
        return found

    @property
    def base_image(self) -> str:
        """The image that ours are built on, where it is not the Dockerfiles' own."""
        return str(self.document.get("base_image", ""))

    def parameters(self, template: str) -> dict[str, str]:
        """What the file says for the template of that name."""
        group = self.document.get(template, {})
        return {name: _as_parameter(value) for name, value in group.items()}


def load(name: str) -> Size:
    """The size of that name, or in that file."""
    file = Path(name) if name.endswith(".json") else FOLDER / f"{name}.json"
    try:
        document = json.loads(file.read_text())
    except FileNotFoundError:
        known = ", ".join(sorted(each.stem for each in FOLDER.glob("*.json")))
        raise UsageError(f"There is no size {name}. There are {known}, or a .json file.") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from None
    return read(document, file)


def read(document: Any, file: Path) -> Size:
    """The size in `document`; an error names what is wrong in `file`."""
    if not isinstance(document, dict):
        raise UsageError(f"{file} is not a JSON object; see ecs/sizes/hobby.json.")
    for key, values in CHOICES.items():
        if document.get(key) not in values:
            raise UsageError(f"{file}: {key} is {document.get(key)!r}, not {' or '.join(values)}.")
    for key in TEMPLATES:
        if not isinstance(document.get(key, {}), dict):
            raise UsageError(f"{file}: {key} is not an object of parameters.")
    given = document.get("services", {})
    services = {name: _service(given[name], f"{file}: {name}") for name in given}
    if missing := [name for name in SERVICES if name not in services]:
        raise UsageError(f"{file}: services has no {', '.join(missing)}.")
    if document["databases"] == "existing":
        known = document.get("existing", {})
        if lacking := [name for name in services if name in SERVICES and not known.get(name)]:
            raise UsageError(f"{file}: existing names no secret for {', '.join(lacking)}.")
    return Size(file, document, services)


def _service(given: Any, place: str) -> ServiceSize:
    try:
        size = ServiceSize(
            str(given["cpu"]),
            str(given["memory"]),
            int(given["minimum"]),
            int(given["maximum"]),
            int(given["minimum"]),
            bool(given.get("spot", False)),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{place} needs cpu, memory, minimum and maximum ({error}).") from None
    if not 0 < size.minimum <= size.maximum:
        raise UsageError(f"{place}: minimum {size.minimum} and maximum {size.maximum} do not fit.")
    return size


def _as_parameter(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
