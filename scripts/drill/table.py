"""What stops when one part fails, as a Markdown table."""

import math
from collections.abc import Iterable

from drill.kills import Outage
from forum.places import SERVICES

SERVICE_PARTS = ("users", "users-db", "topics", "topics-db", "messages", "messages-db")
MONOLITH_PARTS = ("monolith", "monolith-db")
HEAD = (
    "killed",
    *(f"/api/{service}" for service in SERVICES),
    "all answered again after",
    "counters right after",
    "acknowledged writes lost",
)


def render(outages: Iterable[Outage]) -> str:
    """A row for each killed part; shares are of the requests sent while it was down."""
    rows = [HEAD, ("---",) * len(HEAD), *(_row(outage) for outage in outages)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(outage: Outage) -> tuple[str, ...]:
    # Rounded down: 100 % is every request.
    shares = (f"{math.floor(outage.answered(service) * 100)} %" for service in SERVICES)
    healed, caught_up = _seconds(outage.healing_seconds), _seconds(outage.behind_seconds)
    return (outage.part, *shares, healed, caught_up, str(len(outage.lost)))


def _seconds(seconds: float) -> str:
    return f"{math.ceil(seconds)} s"
