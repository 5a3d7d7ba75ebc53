"""Our own checks of ecs/: what cfn-lint and the AWS APIs let pass, or say too late.

For developers and CI alone (it reads YAML): `scripts/test tests/deploy/test_templates.py`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cfnlint.decode import decode

from deployment.wanted.sizes import DEPLOYABLE
from forum import routes
from forum.places import ROOT
from forum.routes import Route

from . import lint_rules, lint_services, lint_templates
from .lint_templates import Found

FOLDER = ROOT / "ecs"
DOCUMENTS = ("task-definition", "service", "scaling")


@dataclass(frozen=True)
class Files:
    """What is in ecs/, parsed: templates by name, documents by service and name, and the routes."""

    templates: Mapping[str, Any]
    services: Mapping[str, Mapping[str, Any]]
    routes: Sequence[Route]


@dataclass(frozen=True)
class Defect:
    """What is wrong where, and what to do."""

    file: str
    place: str
    wrong: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}: {self.place} {self.wrong}. {self.remedy}."


def load() -> Files:
    """The files of this checkout."""
    templates = {file.stem: decode(str(file))[0] for file in sorted(FOLDER.glob("*.yml"))}
    services = {
        service: {
            name: json.loads((FOLDER / "services" / service / f"{name}.json").read_text())
            for name in DOCUMENTS
        }
        for service in DEPLOYABLE
    }
    return Files(templates, services, routes.load())


def defects(files: Files) -> list[Defect]:
    """All that is wrong; nothing, if all is well."""
    outputs = {name: list(each["Outputs"]) for name, each in files.templates.items()}
    found: list[tuple[str, Found]] = [
        *(
            (f"{name}.yml", one)
            for name, each in files.templates.items()
            for one in _template(each)
        ),
        *(
            (f"services/{service}/{name}.json", one)
            for service, documents in files.services.items()
            for name, one in lint_services.look(service, documents, outputs)
        ),
        *(("routes.json", one) for one in lint_rules.look(files.routes)),
    ]
    return [Defect(f"ecs/{file}", *one) for file, one in found]


def _template(template: Any) -> list[Found]:
    return [found for check in lint_templates.CHECKS for found in check(template)]
