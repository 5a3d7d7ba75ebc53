"""Every AWS call: recorded, and one of them spoiled where a test asks for it.

`GET /_bridges/calls?account=A` gives what account A called, in order. `POST /_bridges/fault` with
an account and a kind spoils calls that are not spared. `fail`: the first is refused. `throttle`:
the first is throttled, however often it is tried; `full`: so it is, for want of vCPUs. `busy`: the
first meets another run. `kill`: the first is the last of its process, after the call had its effect
and before anybody hears of it. `hiccup`: each is throttled once. With the account alone it takes
the fault back, and tells what was spoiled.
"""

import json
import os
import re
import signal
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

REFUSED = ("AccessDenied", "The test does not allow it")
THROTTLED = ("Throttling", "Rate exceeded")
FULL = ("Throttling", "You've reached the limit on the number of vCPUs you can run concurrently")
BUSY = ("ValidationError", "Stack:theirs is in UPDATE_IN_PROGRESS state and can not be updated.")
ANSWERS = {"fail": REFUSED, "throttle": THROTTLED, "hiccup": THROTTLED, "full": FULL, "busy": BUSY}
# What a call is about, so that the same call on two things is told apart.
SUBJECTS = (
    *("StackName", "Priority", "SecretId", "ResourceId", "PolicyName"),
    *("family", "taskDefinition", "serviceName", "service", "resourceArn"),
)


@dataclass
class Fault:
    """`spared` and `spoiled` are calls on a thing; to spare, the call alone will do."""

    kind: str
    spared: Sequence[str] = ()
    process: int = 0
    spoiled: list[str] = field(default_factory=list)

    def hits(self, call: str, subject: str) -> bool:
        """Whether this call is to be spoiled."""
        what = f"{call} {subject}"
        if what in self.spoiled:
            return self.kind in ("throttle", "full")
        if call in self.spared or what in self.spared or (self.spoiled and self.kind != "hiccup"):
            return False
        self.spoiled.append(what)
        return True


_calls: dict[str, list[str]] = {}
_faults: dict[str, Fault] = {}


def recorded(app: App) -> App:
    """The emulator, with each call written down before it gets there."""

    async def serve(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/_bridges/"):
            await _answer(send, 200, json.dumps(await _control(scope, receive)), "application/json")
            return
        signed = _signed(scope) if scope["type"] == "http" else None
        if signed is None:
            await app(scope, receive, send)
            return
        body = await _body(receive)
        account, service = signed
        call = f"{service}.{_action(scope, body)}"
        _calls.setdefault(account, []).append(call)
        fault = _faults.get(account)
        if fault and fault.hits(call, _subject(body)):
            await _spoil(fault, app, scope, _replay(body), send)
        else:
            await app(scope, _replay(body), send)

    return serve


async def _spoil(fault: Fault, app: App, scope: Message, receive: Receive, send: Send) -> None:
    if fault.kind == "kill":
        await app(scope, receive, _unheard)
        os.kill(fault.process, signal.SIGKILL)
    else:
        await _refuse(scope, send, *ANSWERS[fault.kind])


async def _unheard(_message: Message) -> None:
    """Where an answer goes that nobody hears."""


async def _control(scope: Message, receive: Receive) -> Any:
    asked = parse_qs(scope["query_string"].decode())
    if scope["path"] == "/_bridges/calls":
        return _calls.get(asked["account"][0], [])
    wanted = json.loads(await _body(receive))
    account = wanted.pop("account")
    if wanted:
        _faults[account] = Fault(**wanted)
        return {}
    return {"spoiled": _faults.pop(account).spoiled}


def _signed(scope: Message) -> tuple[str, str] | None:
    """Account and service of a signed request; None for one that is no AWS call."""
    authorization = dict(scope["headers"]).get(b"authorization", b"").decode()
    found = re.search(r"Credential=([^/]+)/\d+/[^/]+/([^/]+)/", authorization)
    return (found[1], found[2]) if found else None


def _action(scope: Message, body: bytes) -> str:
    target: str = dict(scope["headers"]).get(b"x-amz-target", b"").decode()
    if target:
        return target.rsplit(".", 1)[-1]
    if "/operation/" in scope["path"]:
        return str(scope["path"]).rsplit("/", 1)[-1]
    return parse_qs(body.decode("utf-8", "replace")).get("Action", ["?"])[0]


def _subject(body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    given = json.loads(text) if text.startswith("{") else parse_qs(text)
    found = (given[key] for key in SUBJECTS if key in given)
    return " ".join(value[0] if isinstance(value, list) else value for value in found)


async def _body(receive: Receive) -> bytes:
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def _replay(body: bytes) -> Receive:
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive


async def _refuse(scope: Message, send: Send, code: str, why: str) -> None:
    """An error in the protocol of the service that was called."""
    service = (_signed(scope) or ("", ""))[1]
    if dict(scope["headers"]).get(b"x-amz-target"):
        body = json.dumps({"__type": f"{code}Exception", "message": why})
        await _answer(send, 400, body, "application/x-amz-json-1.1")
    elif service == "ec2":
        error = f"<Errors><Error><Code>{code}</Code><Message>{why}</Message></Error></Errors>"
        await _answer(send, 400, f"<Response>{error}</Response>", "text/xml")
    else:
        error = f"<Error><Code>{code}</Code><Message>{why}</Message></Error>"
        await _answer(send, 400, f"<ErrorResponse>{error}</ErrorResponse>", "text/xml")


async def _answer(send: Send, status: int, body: str, kind: str) -> None:
    encoded = body.encode()
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(encoded)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": encoded})
