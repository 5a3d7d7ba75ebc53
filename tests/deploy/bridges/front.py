"""The load balancer `forum` at an address of its own, as on AWS.

The emulator balances below `/_alb/forum`. A service behind it never sees that prefix, and so cannot
tell its clients the path that they asked for.
"""

from .calls import App, Message, Receive, Send

PREFIX = "/_alb/forum"


def opened(port: int, app: App) -> App:
    """The emulator, where what comes by this port is for the load balancer."""

    async def serve(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["server"][1] == port:
            raw = PREFIX.encode() + scope["raw_path"]
            scope = {**scope, "path": PREFIX + scope["path"], "raw_path": raw}
        await app(scope, receive, send)

    return serve
