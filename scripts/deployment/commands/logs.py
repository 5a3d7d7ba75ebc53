"""`deploy logs SERVICE`: what a service has logged, and goes on logging."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from deployment.forum import Forum
from deployment.outcome import Outcome
from deployment.problems import DeployError, UsageError
from deployment.steps import stacks

# How far back, without and with a request to look for.
LATELY = 15 * 60
LONG_AGO = 7 * 24 * 3600
# Logs arrive late, and not in order: look back so far each time.
OVERLAP = 60


def run(forum: Forum, service: str, *, follow: bool, request: str | None, as_json: bool) -> Outcome:
    """The last quarter of an hour; of one request, the last week."""
    if follow and as_json:
        raise UsageError("--follow never ends, and --json prints at the end: take one of them.")
    if request and '"' in request:
        raise UsageError(f"{request} cannot be the id of a request.")
    group = stacks.outputs(forum, service).get("LogGroup")
    if not group:
        raise DeployError(f"{service} is not deployed, so it has no log.")
    start = time.time() - (LONG_AGO if request else LATELY)
    # A quoted pattern is looked for as it is.
    pattern = f'"{request}"' if request else ""
    if follow:
        _follow(forum, group, start, pattern)
    found = [_line(event) for event in _events(forum, group, start, pattern)]
    return Outcome({"service": service, "lines": found}, "\n".join(found))


def _follow(forum: Forum, group: str, start: float, pattern: str) -> None:
    seen: set[str] = set()
    while True:
        asked = time.time()
        for event in _events(forum, group, start, pattern):
            if event["eventId"] not in seen:
                seen.add(event["eventId"])
                print(_line(event), flush=True)
        start = max(start, asked - OVERLAP)
        time.sleep(forum.aws.pause)


def _events(forum: Forum, group: str, start: float, pattern: str) -> Iterator[Any]:
    pages = forum.aws.logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, startTime=int(start * 1000), filterPattern=pattern
    )
    for page in pages:
        yield from page["events"]


def _line(event: Any) -> str:
    """With the start of the task's number in front."""
    task = event.get("logStreamName", "").rpartition("/")[2][:8]
    return f"{task}  {event['message'].rstrip()}"
