"""What is wanted beside what is live: as lines such as `cpu: 256 → 512`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# Elements of lists are told apart by the first of these that they have.
NAMES = ("name", "key", "portName", "sourceVolume", "capacityProvider", "dnsName")
# Lists of which AWS keeps no order.
SETS = ("subnets", "securityGroups", "requiresCompatibilities")
NOTHING: tuple[Any, ...] = (None, "", 0, False, [], {})


def between(wanted: Any, live: Any, place: str = "") -> list[str]:
    """The differences of all that `wanted` says; what AWS adds of its own is none."""
    return list(_between(wanted, live, place))


def _between(wanted: Any, live: Any, place: str) -> Iterator[str]:
    if wanted in NOTHING and live in NOTHING:
        return
    if isinstance(wanted, Mapping) and isinstance(live, Mapping):
        for key, value in wanted.items():
            yield from _between(value, live.get(key), f"{place}.{key}".lstrip("."))
    elif isinstance(wanted, Sequence) and isinstance(live, Sequence) and not _text(wanted, live):
        yield from _lists(wanted, live, place)
    elif wanted != live:
        yield f"{place}: {_shown(live)} → {_shown(wanted)}"


def _lists(wanted: Sequence[Any], live: Sequence[Any], place: str) -> Iterator[str]:
    name = next((each for each in NAMES if _all_have(each, wanted) and _all_have(each, live)), "")
    if name:
        before = {element[name]: element for element in live}
        after = {element[name]: element for element in wanted}
        for key in sorted(before.keys() | after.keys()):
            if key not in after:
                yield f"{place}.{key}: taken out"
            else:
                yield from _between(after[key], before.get(key), f"{place}.{key}")
    elif place.rpartition(".")[2] in SETS:
        if sorted(wanted) != sorted(live):
            yield f"{place}: {_shown(sorted(live))} → {_shown(sorted(wanted))}"
    elif len(wanted) != len(live):
        yield f"{place}: {_shown(live)} → {_shown(wanted)}"
    else:
        for index, (after_one, before_one) in enumerate(zip(wanted, live, strict=True)):
            yield from _between(after_one, before_one, f"{place}.{index}")


def _all_have(name: str, elements: Sequence[Any]) -> bool:
    return all(isinstance(element, Mapping) and name in element for element in elements)


def _text(*values: Any) -> bool:
    return any(isinstance(value, str) for value in values)


def _shown(value: Any) -> str:
    if value in NOTHING:
        return "nothing"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_shown(each)}" for key, each in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " ".join(_shown(each) for each in value)
    return str(value)
