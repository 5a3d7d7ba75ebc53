"""Every AWS call: recorded, and one of them spoiled where a test asks for it.

`GET /_bridges/calls?account=A` gives what account A called, in order. `POST /_bridges/fault` with
an account, a call (`ecs.CreateService`) and which of them (1 is the next one) makes it fail, be
throttled each time, or kill the process that called, before or after the call had its effect.
"""

import json
import os
import re
import signal
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

KINDS = ("fail", "throttle", "kill before", "kill after")
ERRORS = {
    "fail": (400, "AccessDenied", "not allowed by the test"),
    "throttle": (400, "Throttling", "Rate exceeded"),
}


@dataclass
class Fault:
    """What to do to which call of an account; `occurrence` counts down to 1."""

    call: str
    occurrence: int
    kind: str
    process: int | None = None
    happened: bool = False


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
        call = f"{signed[1]}.{_action(scope, body)}"
        _calls.setdefault(signed[0], []).append(call)
        await _spoiled(app, scope, _replay(body), send, signed[0], call)

    return serve


async def _spoiled(
    app: App, scope: Message, receive: Receive, send: Send, account: str, call: str
) -> None:
    fault = _faults.get(account)
    kind = _kind(fault, call) if fault else None
    if kind in ERRORS:
        await _refuse(scope, send, *ERRORS[kind])
    elif fault and kind == "kill before":
        _kill(fault)
    elif fault and kind == "kill after":
        await app(scope, receive, _unheard)
        _kill(fault)
    else:
        await app(scope, receive, send)


def _kind(fault: Fault, call: str) -> str | None:
    """What happens to this call; a throttled one is throttled as often as it is tried again."""
    if call != fault.call:
        return None
    if fault.happened:
        return "throttle" if fault.kind == "throttle" else None
    fault.occurrence -= 1
    fault.happened = fault.occurrence == 0
    return fault.kind if fault.happened else None


async def _unheard(_message: Message) -> None:
    return


def _kill(fault: Fault) -> None:
    if fault.process:
        os.kill(fault.process, signal.SIGKILL)


async def _control(scope: Message, receive: Receive) -> Any:
    asked = parse_qs(scope["query_string"].decode())
    if scope["path"] == "/_bridges/calls":
        return _calls.get(asked["account"][0], [])
    wanted = json.loads(await _body(receive))
    account = wanted.pop("account")
    if wanted:
        _faults[account] = Fault(**wanted)
        return {}
    return {"happened": _faults.pop(account).happened}


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


async def _refuse(scope: Message, send: Send, status: int, code: str, why: str) -> None:
    """An error in the protocol of the service that was called."""
    service = (_signed(scope) or ("", ""))[1]
    if dict(scope["headers"]).get(b"x-amz-target"):
        body = json.dumps({"__type": f"{code}Exception", "message": why})
        await _answer(send, status, body, "application/x-amz-json-1.1")
    elif service == "ec2":
        error = f"<Errors><Error><Code>{code}</Code><Message>{why}</Message></Error></Errors>"
        await _answer(send, status, f"<Response>{error}</Response>", "text/xml")
    else:
        error = f"<Error><Code>{code}</Code><Message>{why}</Message></Error>"
        await _answer(send, status, f"<ErrorResponse>{error}</ErrorResponse>", "text/xml")


async def _answer(send: Send, status: int, body: str, kind: str) -> None:
    encoded = body.encode()
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(encoded)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": encoded})
