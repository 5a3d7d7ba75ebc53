"""Two questions: is the process alive (asks nobody), and may it get traffic (asks the database)."""

import psycopg
from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from chassis.metrics import metrics
from chassis.revisions import FOUND_REVISION

router = APIRouter(include_in_schema=False)
router.add_api_route("/metrics", metrics)


@router.get("/livez")
async def livez() -> Response:
    """200 while the process serves. A load balancer asks this one: a database's blip must not
    make it replace every task."""
    return PlainTextResponse("ok\n")


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """503 while draining, without a database, or before its migrations. A database that is ahead of
    the code is fine: migrations expand first and contract a release later."""
    state = request.app.state
    if state.draining:
        return PlainTextResponse("draining\n", 503)
    try:
        async with state.db.connection() as conn:
            row = await (await conn.execute(FOUND_REVISION)).fetchone()
    except psycopg.Error as error:
        return PlainTextResponse(f"database: {type(error).__name__}\n", 503)
    found = row["version_num"] if row else "none"
    if found < state.needed_revision:
        return PlainTextResponse(f"migrations: {found}, needed {state.needed_revision}\n", 503)
    return PlainTextResponse("ok\n")
