"""Times of a dump, which are in UTC without saying so."""

from datetime import UTC, datetime

from pydantic_core import to_json

from forum.stackexchange.oddities import Oddities
from forum.stackexchange.rows import Row

EPOCH = "1970-01-01T00:00:00Z"


def parse(value: str | None) -> str | None:
    """The time as the archive writes it; None where it is none."""
    try:
        moment = datetime.fromisoformat((value or "").strip())
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return to_json(moment).decode().strip('"')


class Clock:
    """Reads the times of one file. Rows are in the order of time, so a neighbour can lend one."""

    def __init__(self, oddities: Oddities) -> None:
        self._oddities = oddities
        self._last = EPOCH

    def read(self, row: Row, field: str) -> str:
        """The time of the row; where it has none that can be read, that of the row before it."""
        moment = parse(row.values.get(field))
        if moment is None:
            self._oddities.changed(row, f"{field} cannot be read: that of the row before it")
        else:
            self._last = moment
        return self._last
