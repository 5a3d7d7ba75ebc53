"""Waiting for CloudFormation: for what has not begun yet, and not for ever.

No emulator takes its time, so here answers what AWS would: one status after another.
"""

import http.server
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain, repeat

import pytest

from deployment.forum import Forum
from deployment.problems import DeployError
from deployment.session import Aws
from deployment.steps import stack_events, stacks

from .emulator import REGION

STACK = "forum-network"
LIVE = f"""<Stacks><member>
<StackName>{STACK}</StackName>
<CreationTime>2026-01-01T00:00:00Z</CreationTime>
<Parameters><member><ParameterKey>Egress</ParameterKey></member></Parameters>
<StackStatus>{{status}}</StackStatus>
</member></Stacks>"""
ANSWERS = {
    "DescribeStacks": LIVE,
    "DescribeStackEvents": "<StackEvents/>",
    "DescribeChangeSet": "<Status>{status}</Status>",
    "CreateChangeSet": "<Id>1</Id>",
}
Place = Callable[..., Forum]


@contextmanager
def answering(statuses: Iterator[str]) -> Iterator[str]:
    """An AWS that gives these statuses in turn."""

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
            (action,) = urllib.parse.parse_qs(asked)["Action"]
            form = ANSWERS[action]
            result = form.format(status=next(statuses)) if "{status}" in form else form
            name = f"{action}Result"
            body = f"<{action}Response><{name}>{result}</{name}></{action}Response>".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A forum on such an AWS."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with ExitStack() as opened:

        def make(*first: str, then: str) -> Forum:
            aws = Aws(REGION, opened.enter_context(answering(chain(first, repeat(then)))))
            opened.callback(aws.cloudformation.close)
            return Forum("forum", aws)

        yield make


def test_a_stack_that_has_not_begun_is_not_at_rest(place: Place) -> None:
    waiting = "REVIEW_IN_PROGRESS"
    forum = place(waiting, waiting, "CREATE_IN_PROGRESS", then="CREATE_COMPLETE")
    found = stack_events.wait(forum, [stack_events.Watch(forum, STACK)])
    assert found == {STACK: "CREATE_COMPLETE"}


def test_a_stack_that_never_ends_is_given_up(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_events, "SECONDS", 0.5)
    forum = place(then="DELETE_IN_PROGRESS")
    with pytest.raises(DeployError, match=f"The stack {STACK} is DELETE_IN_PROGRESS for .* h now"):
        stack_events.wait(forum, [stack_events.Watch(forum, STACK)])


def test_a_change_that_is_never_worked_out_is_given_up(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stacks, "SECONDS", 0.5)
    forum = place("UPDATE_COMPLETE", then="CREATE_PENDING")
    with pytest.raises(DeployError, match=f"change of {STACK} .* is CREATE_PENDING"):
        stacks.change_parameters(forum, "network", {"Egress": "nat"})
