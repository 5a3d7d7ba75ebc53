"""Serving: uvicorn with uvloop and httptools, and a SIGTERM that drains before it stops."""

import asyncio
import contextlib
import os
import signal
import socket
from types import FrameType

import uvicorn
from fastapi import FastAPI

from chassis.settings import ServiceSettings

# Longer than any gateway or load balancer in front keeps an idle connection, so that the server is
# never the one that closes a connection on which a request is already under way.
KEEP_ALIVE_SECONDS = 130
# A connection that was made a moment ago is still to be asked on.
LAST_REQUEST_SECONDS = 0.5
# With the drain before and the relay after it, a stop takes less than 15 s.
FINISH_SECONDS = 5


class DrainingServer(uvicorn.Server):
    """On SIGTERM says so at /readyz, serves on for a while, then ends what is in flight."""

    def __init__(self, app: FastAPI, config: uvicorn.Config, drain_seconds: float) -> None:
        super().__init__(config)
        self._app = app
        self._drain_seconds = drain_seconds

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first SIGTERM drains; anything else, or a second one, stops at once."""
        if sig != signal.SIGTERM or self._app.state.draining or self._drain_seconds <= 0:
            self.should_exit = True
            return
        self._app.state.draining = True
        # A signal handler may not touch the loop directly.
        loop = self._loop
        loop.call_soon_threadsafe(loop.call_later, self._drain_seconds, self._stop)

    def _stop(self) -> None:
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Lose no connection that a client has made, and no request on it; then stop."""
        if self._app.state.draining:
            await self._accept_the_last()
            await asyncio.sleep(LAST_REQUEST_SECONDS)
        await super().shutdown(sockets)

    async def _accept_the_last(self) -> None:
        """Stop listening. What waits to be accepted would be reset: it is accepted first."""
        listening = [
            socket.socket(fileno=os.dup(sock.fileno()))
            for server in self.servers
            for sock in server.sockets
        ]
        for server in self.servers:
            server.close()
        made = []
        for sock in listening:
            with contextlib.suppress(BlockingIOError):
                while True:
                    made.append(sock.accept()[0])
            sock.close()
        for sock in made:
            await self._loop.connect_accepted_socket(self._protocol, sock)

    def _protocol(self) -> asyncio.Protocol:
        """As uvicorn makes one for each connection."""
        return self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    async def serve_draining(self) -> None:
        """Serve until stopped."""
        self._loop = asyncio.get_running_loop()
        await self.serve()


def serve(app: FastAPI, settings: ServiceSettings) -> None:
    """Serve `app` until SIGTERM or SIGINT."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=FINISH_SECONDS,
    )
    server = DrainingServer(app, config, settings.drain_seconds)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(server.serve_draining())
