"""The monolith as an application: its parts, and what starts and stops with it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse

from chassis import pruning
from chassis.application import new_application
from chassis.database import Database
from chassis.identity import TokenVerifier
from monolith.messages import endpoints as messages
from monolith.settings import MIGRATIONS, Settings
from monolith.topics import endpoints as topics
from monolith.users import endpoints as users
from monolith.users import session_endpoints as sessions
from monolith.users.passwords import Passwords
from monolith.users.session_store import ENDED_SESSIONS, USED_TOKENS
from monolith.users.sessions import Sessions
from monolith.users.signing import KeyRing

PRUNED = (*pruning.REQUESTS, ENDED_SESSIONS, USED_TOKENS)


def create_app(settings: Settings) -> FastAPI:
    """The application; its connections open with its lifespan."""
    db = Database(settings.database_url.get_secret_value(), settings.pool_size, "monolith")
    keys = KeyRing(db, settings.token_issuer, settings.token_audience)
    tokens = TokenVerifier(keys.find, settings.token_issuer, settings.token_audience)
    passwords = Passwords()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await db.open()
        housekeeping = asyncio.create_task(pruning.run(db, PRUNED))
        try:
            yield
        finally:
            housekeeping.cancel()
            passwords.close()
            await db.close()

    app = new_application("monolith", "Forum", settings, db, tokens, MIGRATIONS, lifespan)
    app.state.keys = keys
    app.state.passwords = passwords
    app.state.sessions = Sessions(db, settings, app.state.limiter, keys, passwords)
    for router in (users.router, sessions.router, topics.router, messages.router):
        app.include_router(router)
    _add_pages(app)
    return app


def _add_pages(app: FastAPI) -> None:
    """The API's page and document under each prefix, where the services have theirs."""

    async def read_document() -> dict[str, Any]:
        return app.openapi()

    async def read_page() -> HTMLResponse:
        return get_swagger_ui_html(openapi_url="openapi.json", title=app.title)

    for name in ("users", "topics", "messages"):
        app.add_api_route(f"/api/{name}/openapi.json", read_document, include_in_schema=False)
        app.add_api_route(f"/api/{name}/docs", read_page, include_in_schema=False)
