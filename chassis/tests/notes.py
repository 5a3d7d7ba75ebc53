"""The smallest service that uses the whole of the chassis' HTTP: notes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import jwt
from fastapi import Depends, FastAPI, Request
from starlette.responses import Response

from chassis.answers import no_content, page_answer, thing_answer
from chassis.application import new_application
from chassis.body import Body, body_schema, json_body
from chassis.conditional import IfMatch
from chassis.database import Database, Row
from chassis.idempotency import Once, guest_once, once
from chassis.identity import Member, TokenVerifier, Writer
from chassis.pagination import CursorText, Limit, Pages
from chassis.problems import NotFound
from chassis.settings import ServiceSettings
from chassis.testing import Signer
from chassis.text import Input, Line, Text


class NewNote(Input):
    """A note as it is made."""

    title: Annotated[str, Line(1, 10)] = "note"
    text: Annotated[str, Text(1, 20)]
    slow: bool = False


class NoteNotFound(NotFound):
    code, title = "note_not_found", "No such note"


def create_app(settings: ServiceSettings, signer: Signer) -> FastAPI:
    """The notes service; its key set is the signer's one key."""
    db = Database(settings.database_url.get_secret_value(), settings.pool_size)

    async def find_key(kid: str) -> Any:
        return jwt.PyJWK(signer.jwk()).key if kid == signer.kid else None

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await db.open()
        try:
            yield
        finally:
            await db.close()

    tokens = TokenVerifier(find_key, settings.token_issuer, settings.token_audience)
    migrations = Path(__file__).parent / "migrations"
    app = new_application("notes", "Notes", settings, db, tokens, migrations, lifespan)
    _add_routes(app, db)
    return app


async def _note(db: Database, note_id: int) -> Row:
    async with db.connection() as conn:
        cursor = await conn.execute("SELECT * FROM notes WHERE id = %s", (note_id,))
        row = await cursor.fetchone()
    if row is None:
        raise NoteNotFound(f"There is no note {note_id}.")
    return row


def _add_routes(app: FastAPI, db: Database) -> None:
    async def make(body: Body[NewNote], once_only: Once) -> Response:
        async with db.transaction() as conn:
            if kept := await once_only.claim(conn):
                return kept
            new = body.parse()
            if new.slow:
                await asyncio.sleep(0.3)
            statement = "INSERT INTO notes (text) VALUES (%s) RETURNING *"
            row = await (await conn.execute(statement, (new.text,))).fetchone()
            assert row is not None
            return await once_only.keep(conn, row, version=row["version"])

    @app.post("/api/notes", status_code=201, openapi_extra=body_schema(NewNote))
    async def post(
        _: Writer,
        body: Annotated[Body[NewNote], Depends(json_body(NewNote))],
        once_only: Annotated[Once, Depends(once("/api/notes/{id}"))],
    ) -> Response:
        return await make(body, once_only)

    @app.post("/api/notes/guest", status_code=201, openapi_extra=body_schema(NewNote))
    async def post_as_guest(
        body: Annotated[Body[NewNote], Depends(json_body(NewNote))],
        once_only: Annotated[Once, Depends(guest_once("/api/notes/{id}"))],
    ) -> Response:
        return await make(body, once_only)

    @app.get("/api/notes")
    async def get_page(request: Request, limit: Limit = 20, cursor: CursorText = None) -> Response:
        pages = Pages(limit, cursor, scope=("notes",), kinds=(int,))
        (after,) = pages.after or (0,)
        async with db.connection() as conn:
            rows = await (
                await conn.execute(
                    "SELECT * FROM notes WHERE id > %s ORDER BY id LIMIT %s", (after, pages.fetch)
                )
            ).fetchall()
        page = pages.page(rows, key=lambda row: (row["id"],), build=dict)
        return page_answer(request, page)

    @app.get("/api/notes/crash")
    async def crash() -> Response:
        raise RuntimeError("on purpose")

    @app.get("/api/notes/{note_id:id}")
    async def get_one(request: Request, note_id: int) -> Response:
        row = await _note(db, note_id)
        return thing_answer(request, row, row["version"])

    @app.delete("/api/notes/{note_id:id}")
    async def delete(note_id: int, _: Member, if_match: IfMatch) -> Response:
        if_match.check((await _note(db, note_id))["version"])
        async with db.transaction() as conn:
            await conn.execute("DELETE FROM notes WHERE id = %s", (note_id,))
        return no_content()
