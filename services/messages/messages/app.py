"""The messages service as an application: its parts, and what starts and stops with it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from chassis.application import new_application
from chassis.database import Database
from chassis.delivery import Subscriber
from chassis.identity import TokenVerifier
from chassis.internal import InternalClient, new_client
from chassis.keyset import KeySet
from chassis.relay import Relay
from messages import endpoints, internal
from messages.events import MESSAGES_COUNTED, TOPIC_ACTIVITY
from messages.gate import Gate
from messages.settings import MIGRATIONS, Settings

PUBLIC_KEYS = "/api/users/.well-known/jwks.json"


def create_app(settings: Settings) -> FastAPI:
    """The application; its connections open and its relay starts with its lifespan."""
    db = Database(settings.database_url.get_secret_value(), settings.pool_size, "messages")
    client = new_client(settings.users_url)
    keys = KeySet(db, client, PUBLIC_KEYS)
    users = InternalClient(settings.users_url, settings.internal_secrets)
    topics = InternalClient(settings.topics_url, settings.internal_secrets)
    subscribers = [
        Subscriber("topics", topics, [TOPIC_ACTIVITY]),
        Subscriber("users", users, [MESSAGES_COUNTED]),
    ]
    relay = Relay(db, "messages", subscribers)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await db.open()
        refreshing = asyncio.create_task(keys.run())
        relay.start()
        try:
            yield
        finally:
            refreshing.cancel()
            await relay.stop()
            for opened in (users, topics):
                await opened.close()
            await client.aclose()
            await db.close()

    tokens = TokenVerifier(keys.find, settings.token_issuer, settings.token_audience)
    app = new_application("messages", "Forum: messages", settings, db, tokens, MIGRATIONS, lifespan)
    app.state.gate = Gate(db, topics)
    for router in (endpoints.router, internal.events, internal.snapshots):
        app.include_router(router)
    return app
