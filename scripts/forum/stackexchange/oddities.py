"""What is odd in a dump: each row counted and listed with the reason, none dropped in silence."""

from collections import Counter
from pathlib import Path
from typing import TextIO

from forum.stackexchange import texts
from forum.stackexchange.rows import Row

EXAMPLES = 3


class Oddities:
    """Keeps the counts, and writes the list to a file as it grows."""

    def __init__(self, listing: TextIO) -> None:
        self._listing = listing
        self._left_out: Counter[str] = Counter()
        self._changed: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {}

    def left_out(self, row: Row, reason: str) -> None:
        """The row is not in the archive."""
        self._note(self._left_out, "left out", str(row), reason)

    def changed(self, row: Row, reason: str) -> None:
        """The row is in the archive, but not as it was."""
        self._note(self._changed, "changed", str(row), reason)

    def left_out_later(self, place: str, reason: str) -> None:
        """As `left_out`, of a row that was read before."""
        self._note(self._left_out, "left out", place, reason)

    def see_controls(self, row: Row, *fields: str) -> None:
        """Note it where these have characters that no text of the forum has."""
        if any(texts.CONTROLS.search(texts.unix(row.values.get(field, ""))) for field in fields):
            self.changed(row, "control characters left out")

    def summary(self) -> str:
        """The counts by reason, with the first rows of each."""
        parts = []
        for title, counts in (("Left out", self._left_out), ("Changed", self._changed)):
            rows = f"{counts.total():,} rows" if counts else "nothing"
            parts.append(f"{title}: {rows}\n")
            for reason, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
                parts.append(f"  {count:>9,}  {reason}\n")
                parts += [f"             {example}\n" for example in self._examples[reason]]
        return "".join(parts)

    def _note(self, counts: Counter[str], fate: str, place: str, reason: str) -> None:
        counts[reason] += 1
        examples = self._examples.setdefault(reason, [])
        if len(examples) < EXAMPLES:
            examples.append(place)
        self._listing.write(f"{place}\t{fate}\t{reason}\n")


def write_report(path: Path, head: str, listing: Path) -> None:
    """The report: the summary, then every odd row in the order in which it was met."""
    with path.open("w", encoding="utf-8") as report, listing.open(encoding="utf-8") as rows:
        report.write(f"{head}\nEvery row of these, in the order of reading:\n")
        for row in rows:
            report.write(row)
    listing.unlink()
