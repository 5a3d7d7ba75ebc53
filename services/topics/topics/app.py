"""The topics service as an application: its parts, and what starts and stops with it."""

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
from topics import endpoints, internal
from topics.events import TOPIC_UPDATED, TOPICS_COUNTED
from topics.settings import MIGRATIONS, Settings

PUBLIC_KEYS = "/api/users/.well-known/jwks.json"


def create_app(settings: Settings) -> FastAPI:
    """The application; its connections open and its relay starts with its lifespan."""
    db = Database(settings.database_url.get_secret_value(), settings.pool_size, "topics")
    client = new_client(settings.users_url)
    keys = KeySet(db, client, PUBLIC_KEYS)
    users = InternalClient(settings.users_url, settings.internal_secrets)
    messages = InternalClient(settings.messages_url, settings.internal_secrets)
    subscribers = [
        Subscriber("messages", messages, [TOPIC_UPDATED]),
        Subscriber("users", users, [TOPICS_COUNTED]),
    ]
    relay = Relay(db, "topics", subscribers)

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
            for opened in (users, messages):
                await opened.close()
            await client.aclose()
            await db.close()

    tokens = TokenVerifier(keys.find, settings.token_issuer, settings.token_audience)
    app = new_application("topics", "Forum: topics", settings, db, tokens, MIGRATIONS, lifespan)
    for router in (endpoints.router, internal.events, internal.snapshots, internal.lookups):
        app.include_router(router)
    return app
