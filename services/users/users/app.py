"""The users service as an application: its parts, and what starts and stops with it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from chassis import pruning
from chassis.application import new_application
from chassis.database import Database
from chassis.delivery import Subscriber
from chassis.identity import TokenVerifier
from chassis.internal import InternalClient
from chassis.relay import Relay
from users import endpoints, internal, session_endpoints
from users.events import USER_UPDATED
from users.passwords import Passwords
from users.session_store import ENDED_SESSIONS, USED_TOKENS
from users.sessions import Sessions
from users.settings import MIGRATIONS, Settings
from users.signing import KeyRing


def create_app(settings: Settings) -> FastAPI:
    """The application; its connections open and its relay starts with its lifespan."""
    db = Database(settings.database_url.get_secret_value(), settings.pool_size, "users")
    keys = KeyRing(db, settings.token_issuer, settings.token_audience)
    tokens = TokenVerifier(keys.find, settings.token_issuer, settings.token_audience)
    passwords = Passwords()
    clients = {
        "topics": InternalClient(settings.topics_url, settings.internal_secrets),
        "messages": InternalClient(settings.messages_url, settings.internal_secrets),
    }
    subscribers = [Subscriber(name, client, [USER_UPDATED]) for name, client in clients.items()]
    relay = Relay(db, "users", subscribers)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await db.open()
        relay.start()
        housekeeping = asyncio.create_task(pruning.run(db, (ENDED_SESSIONS, USED_TOKENS)))
        try:
            yield
        finally:
            housekeeping.cancel()
            await relay.stop()
            for client in clients.values():
                await client.close()
            passwords.close()
            await db.close()

    app = new_application("users", "Forum: users", settings, db, tokens, MIGRATIONS, lifespan)
    app.state.keys = keys
    app.state.passwords = passwords
    app.state.sessions = Sessions(db, settings, app.state.limiter, keys, passwords)
    for router in (
        endpoints.router, session_endpoints.router, internal.events, internal.snapshots,
    ):  # fmt: skip
        app.include_router(router)
    return app
