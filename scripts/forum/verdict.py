"""What a comparison found, as a table."""

from dataclasses import dataclass, field

MOST_DIFFERENCES = 20


@dataclass
class Verdict:
    """Lines of the table, and the first differences in words."""

    lines: list[tuple[str, str, str, bool]] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return all(same for *_, same in self.lines)

    def add(self, what: str, monolith: str, services: str, *, same: bool) -> None:
        """A line of the table."""
        self.lines.append((what, monolith, services, same))

    def explain(self, difference: str) -> None:
        """Say more of a difference; a line tells that there is one."""
        self.differences.append(difference)

    def table(self) -> str:
        """All of it for the screen."""
        head = ("", "monolith", "services", "")
        rows = [head, *((*line[:3], "same" if line[3] else "DIFFERENT") for line in self.lines)]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        text = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        more = len(self.differences) - MOST_DIFFERENCES
        text += ["", *self.differences[:MOST_DIFFERENCES]] if self.differences else []
        if more > 0:
            text.append(f"... and {more} more")
        text.append("Everything is the same." if self.same else "They are NOT the same.")
        return "\n".join(text)
