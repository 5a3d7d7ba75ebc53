"""The table of docs/outages.md is what `scripts/outages` prints; only its figures are old."""

from drill import table
from drill.kills import Outage
from drill.ledger import Request
from drill.load import Load
from forum.places import ROOT, SERVICES

DOCUMENT = ROOT / "docs" / "outages.md"
KILLED, DOWN, STARTED, BACK, CAUGHT_UP, OVER = 100.0, 100.2, 105.2, 106.0, 106.5, 108.0


def outage(part: str, *failed: Request) -> Outage:
    """One in which each service answers two requests while the part is down, beside the failed."""
    load = Load("", [])
    load.requests += [Request(service, "read", 101, 0.1, 1, 200) for service in SERVICES * 2]
    load.requests += failed
    return Outage(part, load, KILLED, DOWN, STARTED, BACK, CAUGHT_UP, OVER, [])


def structure(text: str) -> list[list[str]]:
    """The head of a Markdown table, and the first cell of each row."""
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in rows[0]], [row[0].strip() for row in rows]]


def test_the_document_has_the_table_that_the_script_prints() -> None:
    parts = [*table.SERVICE_PARTS, *table.MONOLITH_PARTS]
    printed = table.render(outage(part) for part in parts)
    assert structure(DOCUMENT.read_text()) == structure(printed)


def test_a_row_tells_what_was_answered_and_when_all_was_well_again() -> None:
    while_down = Request("users", "read", 101.5, 1.2, 1, 503, "unavailable")
    after_its_start = Request("users", "read", 106.7, 0.1, 1, 503, "unavailable")
    row = table.render([outage("users", while_down, after_its_start)]).splitlines()[-1]
    assert row == "| users | 66 % | 100 % | 100 % | 2 s | 1 s | 0 |"
