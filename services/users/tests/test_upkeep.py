"""What is made anew, and what is thrown away in time."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from pydantic_core import from_json, to_json
from users_harness import Service, settings_for

from chassis import pruning
from chassis.database import Database
from chassis.internal import InternalClient
from chassis.rebuild import rebuild
from users.events import projections
from users.session_store import ENDED_SESSIONS, USED_TOKENS


@asynccontextmanager
async def neighbour(rows: dict[str, list[dict[str, Any]]]) -> AsyncIterator[str]:
    """The address of a service that answers snapshots of these kinds."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        wanted = from_json((await receive())["body"])["of"]
        lines = [{"seq": 5}, *rows[wanted]]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"\n".join(map(to_json, lines)) + b"\n"})

    server = uvicorn.Server(uvicorn.Config(answer, log_config=None, lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(server.serve([listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


@pytest.mark.parametrize("source", ["topics", "messages"])
async def test_a_rebuild_makes_the_counts_of_the_owner(service: Service, source: str) -> None:
    for name in ("ada", "bob"):
        await service.register(name)
    service.rows(
        """
        UPDATE users
        SET topic_count = 7, topic_count_version = 70, message_count = 8,
            message_count_version = 80
        """
    )
    counted = {
        "topic_counts": [{"user_id": 1, "topic_count": 2, "version": 3}],
        "message_counts": [{"user_id": 1, "message_count": 2, "version": 3}],
    }
    async with neighbour(counted) as url:
        settings = settings_for(service.url, topics_url=url, messages_url=url)
        [projection] = [p for p in projections(settings) if p.source == source]
        client, db = InternalClient(url, settings.internal_secrets), Database(service.url, 1)
        await db.open()
        assert await rebuild(db, client, projection) == (1, 5)
        await client.close()
        await db.close()
    rows = service.rows("SELECT topic_count, message_count FROM users ORDER BY id")
    counts = [(row["topic_count"], row["message_count"]) for row in rows]
    assert counts == ([(2, 8), (0, 8)] if source == "topics" else [(7, 2), (7, 0)])


async def test_what_ended_long_ago_is_thrown_away(service: Service) -> None:
    ada = await service.person("ada")
    ended, revoked = await service.logged_in("ada", 1), await service.logged_in("ada", 1)
    await service.refresh(ada.refresh_token)
    months_ago = "now() - interval '31 days'"
    for column, person in (("expires_at", ended), ("revoked_at", revoked)):
        service.rows(
            f"UPDATE sessions SET {column} = {months_ago} WHERE id = %s",  # noqa: S608
            (person.session_id,),
        )
    service.rows(f"UPDATE refresh_tokens SET used_at = {months_ago} WHERE used_at < now()")  # noqa: S608
    db = Database(service.url, 1)
    await db.open()
    # Two sessions and one used token; the tokens of the sessions go with them.
    assert await pruning.prune(db, (ENDED_SESSIONS, USED_TOKENS)) == 3
    await db.close()
    assert [row["id"] for row in service.rows("SELECT id FROM sessions")] == [ada.session_id]
    assert len(service.rows("SELECT hash FROM refresh_tokens")) == 1
