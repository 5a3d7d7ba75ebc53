"""A plan as people read it."""

from collections.abc import Mapping, Sequence
from typing import Any

from deployment.wanted import costs

TITLES = {
    "images": "Images",
    "secrets": "Secrets",
    "rules": "Rules of the load balancer",
    "migrations": "Migrations",
    "task_definitions": "Task definitions",
    "services": "Services",
    "scaling": "Scaling",
}


def costs_side_by_side(
    before: Sequence[costs.Part], after: Sequence[costs.Part]
) -> list[dict[str, Any]]:
    """A row for each part, and one for all together."""
    old = {part.name: part for part in [*before, costs.total(before)]}
    new = {part.name: part for part in [*after, costs.total(after)]}
    nothing = costs.Part("", 0, 0, "")
    names = [*dict.fromkeys([*list(new)[:-1], *list(old)[:-1]]), list(new)[-1]]
    rows = []
    for name in names:
        was, becomes = old.get(name, nothing), new.get(name, nothing)
        rows.append(
            {
                "part": name,
                "before": {"at_rest": round(was.at_rest, 2), "most": round(was.most, 2)},
                "after": {"at_rest": round(becomes.at_rest, 2), "most": round(becomes.most, 2)},
                "counted": becomes.counted or was.counted,
            }
        )
    return rows


def render(
    empty: bool, plan: Mapping[str, Any], prices: Sequence[Mapping[str, Any]], note: str
) -> str:
    """All of it."""
    lines = ["Nothing would change." if empty else "`up` would change:"]
    if plan["stacks"]:
        rows = [
            [row["stack"], row["action"], row["resource"], row["type"]] for row in plan["stacks"]
        ]
        lines += ["", "Stacks", *table(rows)]
    for key, title in TITLES.items():
        if plan[key]:
            rows = [[about, line] for about, found in plan[key].items() for line in found]
            lines += ["", title, *table(rows)]
    lines += ["", "Costs of a month, at rest and at most", *table(_prices(prices)), f"  {note}"]
    return "\n".join(lines)


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines with columns below each other."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  "
        + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _prices(rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    shown = [["", "now", "then", ""]]
    for row in rows:
        amounts = [
            f"{row[when]['at_rest']:.2f} - {row[when]['most']:.2f}" for when in ("before", "after")
        ]
        shown.append([row["part"], *amounts, row["counted"]])
    return shown
