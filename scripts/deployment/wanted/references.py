"""References in the JSON files of services: `${service.Secret}` and the like, and their values."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deployment.problems import DeployError
from forum.places import ROOT

REFERENCE = re.compile(r"\$\{([^{}]*)\}")
# What the APIs take as numbers, where such a reference stands alone.
NUMBERS = frozenset({"minimum", "maximum", "base", "spot"})


def load(file: Path, values: Mapping[str, str]) -> Any:
    """The document in `file` with its references resolved."""
    return resolve(json.loads(file.read_text()), values, str(file.relative_to(ROOT)))


def resolve(document: Any, values: Mapping[str, str], place: str = "") -> Any:
    """`document` with each `${name}` replaced by its value.

    A reference that is a whole element of a list stands for a list: what its value names with
    commas, which may be nothing. `place` says where the document is from, for errors.
    """
    if isinstance(document, dict):
        return {key: resolve(value, values, f"{place}/{key}") for key, value in document.items()}
    if isinstance(document, list):
        return _elements(document, values, place)
    return _text(document, values, place) if isinstance(document, str) else document


def names(document: Any) -> set[str]:
    """The names of all references in `document`."""
    if isinstance(document, dict):
        return set().union(*map(names, document.values()))
    if isinstance(document, list):
        return set().union(*map(names, document))
    return set(REFERENCE.findall(document)) if isinstance(document, str) else set()


def _elements(elements: list[Any], values: Mapping[str, str], place: str) -> list[Any]:
    resolved: list[Any] = []
    for index, element in enumerate(elements):
        value = resolve(element, values, f"{place}/{index}")
        if isinstance(element, str) and REFERENCE.fullmatch(element):
            resolved += [part for part in str(value).split(",") if part]
        else:
            resolved.append(value)
    return resolved


def _text(text: str, values: Mapping[str, str], place: str) -> str | int:
    for name in REFERENCE.findall(text):
        if name not in values:
            known = ", ".join(sorted(values))
            raise DeployError(f"{place}: there is no ${{{name}}}. There are: {known}.")
    whole = REFERENCE.fullmatch(text)
    if whole and whole[1] in NUMBERS:
        return int(values[whole[1]])
    return REFERENCE.sub(lambda reference: values[reference[1]], text)
