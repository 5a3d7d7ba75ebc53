"""Kill the parts of a forum under a load, one after the other, and see what each takes down."""

import time
from dataclasses import dataclass

import httpx

from drill import found
from drill.ledger import Ledger, Request
from drill.load import Load
from forum.compose import Compose, docker
from forum.errors import ForumError

DOWN_SECONDS = 5
# Until then a request that was sent while the part was down had time to be answered.
ANSWER_SECONDS = 2
PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Outage:
    """One part that was killed, and was started again some seconds later.

    The times are those of `time.monotonic`. Its requests are complete once the load has ended.
    """

    part: str
    load: Load
    killed: float
    down: float
    started: float
    back: float
    caught_up: float
    over: float
    lost: list[str]

    @property
    def requests(self) -> list[Request]:
        """All that ended between the kill and the moment from which all was well."""
        return [
            request for request in self.load.requests if self.killed < request.ended < self.over
        ]

    @property
    def failed(self) -> list[Request]:
        """Those of them that got something else than what they asked for, or nothing."""
        return [request for request in self.requests if request.failed]

    @property
    def healing_seconds(self) -> float:
        """From the start of the part until everything that is asked is answered."""
        return max([0.0, *(request.sent - self.started for request in self.failed)])

    @property
    def behind_seconds(self) -> float:
        """From the part's being healthy until all counters had what was acknowledged up to then."""
        return self.caught_up - self.back

    def answered(self, service: str) -> float:
        """The share of requests to a prefix that were answered while the part was down."""
        asked = [
            request.failed or request.ended > self.started
            for request in self.load.requests
            if (request.service, request.attempt) == (service, 1)
            and self.down < request.sent < self.started - ANSWER_SECONDS
        ]
        return asked.count(False) / len(asked)


def kill(forum: Compose, load: Load, part: str) -> Outage:
    """Kill a part, start it again after a while, and come back when all is well."""
    containers = forum.containers(part)
    killed = time.monotonic()
    docker("kill", "--signal=KILL", *containers)
    down = time.monotonic()
    time.sleep(DOWN_SECONDS)
    started = time.monotonic()
    # By id: by its name compose would first run again whatever the part waits for.
    docker("start", *containers)
    forum.await_healthy(part)
    back = time.monotonic()
    caught_up = await_counters(load.url, load.ledger.copy())
    await_answers(load, back)
    over = time.monotonic()
    with found.reader(load.url) as http:
        lost = found.Found(http, load.ledger.copy()).lost()
    return Outage(part, load, killed, down, started, back, caught_up, over, lost)


def await_counters(url: str, ledger: Ledger) -> float:
    """Wait until no counter is behind `ledger`; when that was."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with found.reader(url) as http:
        while True:
            try:
                late = found.behind(http, ledger)
            except httpx.HTTPError as error:
                late = [repr(error)]
            if not late:
                return time.monotonic()
            if time.monotonic() > deadline:
                raise ForumError(f"after {PATIENCE_SECONDS} s behind: {'; '.join(late)}")
            time.sleep(0.1)


def await_answers(load: Load, since: float) -> None:
    """Wait until whatever is asked, from `since` on, is answered."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not load.all_is_well(since):
        if time.monotonic() > deadline:
            raise ForumError(f"after {PATIENCE_SECONDS} s requests still fail")
        time.sleep(0.1)
