"""What is kept of another service is what its owner says, however the events came.

Hypothesis decides what is delivered when: late, twice, in another order, not at all for a while,
and when a rebuild comes in between. Every projection of every service goes through it.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

import messages.events
import messages.projection_store
import messages.settings
import topics.events
import topics.projection_store
import topics.settings
import users.events
import users.projection_store
import users.settings
from chassis import snapshot
from chassis.database import Connection, Database
from chassis.inbox import CloudEvent, Handler, receive
from chassis.internal import InternalClient
from chassis.rebuild import Projection, rebuild
from chassis.settings import InternalSettings
from chassis.testing import SECRET, Databases, listening

Data = dict[str, Any]
SUBJECTS = (1, 2, 3)
CARDS = """
SELECT id, username, display_name, avatar_url, role, state, suspended_until, version
FROM authors
WHERE version > 0
ORDER BY id
"""
ACTIVITY = """
SELECT
    id AS topic_id, message_count, to_json(last_activity_at) #>> '{}' AS last_activity_at,
    last_author_id, activity_version AS version
FROM topics
WHERE activity_version > 0
ORDER BY id
"""
GATES = "SELECT id, title, locked, deleted, version FROM topics WHERE version > 0 ORDER BY id"
TOPIC_COUNTS = """
SELECT id AS user_id, topic_count, topic_count_version AS version
FROM users
WHERE topic_count_version > 0
ORDER BY id
"""
MESSAGE_COUNTS = """
SELECT id AS user_id, message_count, message_count_version AS version
FROM users
WHERE message_count_version > 0
ORDER BY id
"""
SOME_USERS = """
INSERT INTO users (id, username, display_name)
SELECT id, 'name' || id, 'Name'
FROM generate_series(1, 3) AS id
"""
SOME_TOPICS = """
INSERT INTO topics (id, title, slug, body, body_html, excerpt, category, author_id)
SELECT id, 'title', 'title', '', '', '', 'general', 1
FROM generate_series(1, 3) AS id
"""


@dataclass(frozen=True)
class Kept:
    """One projection: who keeps it, of whom, how it is read, and what an event says."""

    source: str
    migrations: Path
    handler: Handler[Any]
    empty: Callable[[Connection], Any]
    read: str
    data: Callable[[int, int], Data]
    owned: str = "SELECT 1"


def card(user_id: int, luck: int) -> Data:
    return {
        "id": user_id,
        "username": f"name{user_id}",
        "display_name": f"Name {luck}",
        "avatar_url": None if luck % 2 else "https://example.org/a.png",
        "role": ("member", "moderator", "admin")[luck % 3],
        "state": ("active", "suspended", "erased")[luck % 3],
        "suspended_until": None,
    }


def gate(topic_id: int, luck: int) -> Data:
    flags = {"locked": luck % 2 == 0, "deleted": luck % 3 == 0}
    return {"id": topic_id, "title": f"Title {luck}", **flags}


def activity(topic_id: int, luck: int) -> Data:
    return {
        "topic_id": topic_id,
        "message_count": luck,
        "last_activity_at": f"2031-01-0{1 + luck % 9}T00:00:00+00:00",
        "last_author_id": luck % 4 or None,
    }


KEPT = {
    "topics: cards": Kept(
        "users", topics.settings.MIGRATIONS, topics.events.ON_USER_UPDATED,
        topics.projection_store.empty_cards, CARDS, card,
    ),
    "topics: activity": Kept(
        "messages", topics.settings.MIGRATIONS, topics.events.ON_TOPIC_ACTIVITY,
        topics.projection_store.empty_activity, ACTIVITY, activity, SOME_TOPICS,
    ),
    "messages: cards": Kept(
        "users", messages.settings.MIGRATIONS, messages.events.ON_USER_UPDATED,
        messages.projection_store.empty_cards, CARDS, card,
    ),
    "messages: gates": Kept(
        "topics", messages.settings.MIGRATIONS, messages.events.ON_TOPIC_UPDATED,
        messages.projection_store.empty_topics, GATES, gate,
    ),
    "users: topic counts": Kept(
        "topics", users.settings.MIGRATIONS, users.events.ON_TOPICS_COUNTED,
        users.projection_store.empty_topic_counts, TOPIC_COUNTS,
        lambda user_id, luck: {"user_id": user_id, "topic_count": luck}, SOME_USERS,
    ),
    "users: message counts": Kept(
        "messages", users.settings.MIGRATIONS, users.events.ON_MESSAGES_COUNTED,
        users.projection_store.empty_message_counts, MESSAGE_COUNTS,
        lambda user_id, luck: {"user_id": user_id, "message_count": luck}, SOME_USERS,
    ),
}  # fmt: skip


@dataclass
class Rig:
    """A projection in its service's database, and an owner that gives snapshots."""

    kept: Kept
    db: Database
    client: InternalClient
    history: list[tuple[int, Data]] = field(default_factory=list)
    events: list[CloudEvent] = field(default_factory=list)
    told: int = 0

    async def begin(self, history: list[tuple[int, int]]) -> None:
        """A new owner, who will have these states of these subjects, one after the other."""
        async with self.db.transaction() as conn:
            await self.kept.empty(conn)
            await conn.execute("DELETE FROM inbox")
        versions = dict.fromkeys(SUBJECTS, 0)
        self.history, self.events, self.told = [], [], 0
        for subject, luck in history:
            versions[subject] += 1
            data = {**self.kept.data(subject, luck), "version": versions[subject]}
            self.history.append((subject, data))
            self.events.append(
                CloudEvent(id=uuid.uuid4(), source=self.kept.source, type="told", data=data)
            )

    def newest(self, moment: int) -> list[Data]:
        """The owner's state after so many changes."""
        found = dict(self.history[:moment])
        return [found[subject] for subject in sorted(found)]

    async def deliver(self, places: list[int]) -> None:
        """Send some of the events as a batch."""
        self.told = max([self.told, *(place + 1 for place in places)])
        handlers = {self.kept.source: {"told": self.kept.handler}}
        assert await receive(self.db, handlers, [self.events[place] for place in places]) == []

    async def rebuild(self, moment: int) -> None:
        """What was ever delivered had happened before the snapshot is taken."""
        self.told = max(self.told, moment)
        handler, empty = self.kept.handler, self.kept.empty
        projection = Projection(self.kept.source, "", "everything", empty, handler)
        await rebuild(self.db, self.client, projection)

    async def read(self, conn: Connection) -> AsyncIterator[Mapping[str, Any]]:
        """The owner's snapshot."""
        for data in self.newest(self.told):
            yield data

    async def found(self) -> list[Data]:
        """What is kept now."""
        async with self.db.connection() as conn:
            return await (await conn.execute(self.kept.read.encode())).fetchall()


@pytest.fixture(params=KEPT)
def rig(
    request: pytest.FixtureRequest, databases: Databases
) -> Iterator[tuple[asyncio.Runner, Rig]]:
    """One for all examples of a projection, with the loop that it lives in."""
    kept = KEPT[request.param]
    url = databases.create(kept.migrations)
    stop = asyncio.Event()
    with asyncio.Runner() as runner:
        ready: asyncio.Future[Rig] = runner.get_loop().create_future()
        serving = runner.get_loop().create_task(serve(kept, url, ready, stop))
        yield runner, runner.run(wait_for(ready))
        stop.set()
        runner.run(wait_for(serving))
    databases.drop(url)


async def wait_for(future: "asyncio.Future[Any]") -> Any:
    return await future


async def serve(kept: Kept, url: str, ready: "asyncio.Future[Rig]", stop: asyncio.Event) -> None:
    db = Database(url, 2)
    await db.open()
    async with db.connection() as conn:
        await conn.execute(kept.owned.encode())
    app = FastAPI()
    app.state.db = db
    app.state.settings = InternalSettings(
        database_url=SecretStr(url),
        idempotency_secret=SecretStr(SECRET),
        internal_secrets=[SecretStr(SECRET)],
    )
    async with listening(app) as address:
        rig = Rig(kept, db, InternalClient(address, app.state.settings.internal_secrets))
        app.include_router(snapshot.router({"everything": rig.read}))
        ready.set_result(rig)
        await stop.wait()
        await rig.client.close()
    await db.close()


histories = st.lists(
    st.tuples(st.sampled_from(SUBJECTS), st.integers(0, 9)), min_size=1, max_size=10
)


@given(history=histories, data=st.data())
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_is_kept_is_what_the_owner_says(
    rig: tuple[asyncio.Runner, Rig], history: list[tuple[int, int]], data: st.DataObject
) -> None:
    runner, world = rig
    everything = range(len(history))
    batch = st.lists(st.sampled_from(everything), max_size=6)
    steps = data.draw(st.lists(batch | st.sampled_from(everything), max_size=4), label="steps")
    last = data.draw(st.permutations(everything), label="delivered last")

    async def play() -> None:
        await world.begin(history)
        for step in steps:
            if isinstance(step, int):
                await world.rebuild(step)
            else:
                await world.deliver(step)
        await world.deliver(last)
        expected = world.newest(len(history))
        assert await world.found() == expected
        await world.rebuild(len(history))
        assert await world.found() == expected

    runner.run(play())
