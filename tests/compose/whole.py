"""What must be true of a forum once a load has ended, whatever happened under it."""

import time

from drill import found
from drill.load import Load

COUNTERS_SECONDS = 5
# The share of a load that must have been sent, for what a test says of it to mean something. All
# is, on a quiet machine; two cores that had ten times as much to do were seen to send 0.4.
SENT = 0.25


def assert_whole(load: Load) -> None:
    """Everything acknowledged is there once, positions have no gap, counters are right."""
    deadline = time.monotonic() + COUNTERS_SECONDS
    with found.reader(load.url) as http:
        now = found.Found(http, load.ledger)
        while now.miscounted() and time.monotonic() < deadline:
            now = found.Found(http, load.ledger)
    assert (now.lost(), now.doubled(), now.gaps(), now.miscounted()) == ([], [], [], [])
