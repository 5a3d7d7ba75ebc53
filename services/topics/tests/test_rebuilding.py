"""What is kept of other services, made anew from their snapshots, equals what was kept live."""

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pydantic_core import from_json, to_json
from topics_harness import Service, activity, cloud_event, settings, user

from chassis.database import Database
from chassis.internal import InternalClient
from chassis.rebuild import rebuild
from chassis.testing import listening
from topics.events import projections

PEOPLE, TOPICS = range(1, 5), range(1, 5)
CARDS = "SELECT * FROM authors WHERE version > 0 ORDER BY id"
ACTIVITY = """
SELECT id, message_count, last_activity_at, last_author_id, activity_version
FROM topics
ORDER BY id
"""

# The history of a person or a topic is a list of states; its place in it is its version.
names = st.sampled_from(["Ada", "Bob", "Cy"])
states = st.sampled_from(["active", "suspended", "erased"])
roles = st.sampled_from(["member", "moderator", "admin"])
person = st.fixed_dictionaries({"display_name": names, "state": states, "role": roles})
traffic = st.fixed_dictionaries(
    {
        "message_count": st.integers(0, 5),
        "last_author_id": st.none() | st.sampled_from(PEOPLE),
        "last_activity_at": st.none() | st.sampled_from(["2031-01-01T00:00:00Z"]),
    }
)
histories = st.fixed_dictionaries(
    {
        "users": st.fixed_dictionaries(
            {number: st.lists(person, min_size=1, max_size=4) for number in PEOPLE}
        ),
        "messages": st.fixed_dictionaries(
            {number: st.lists(traffic, max_size=4) for number in TOPICS}
        ),
    }
)


def told(source: str, history: dict[int, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The data of all events that tell of a history."""
    tell = user if source == "users" else activity
    return [
        tell(number, version, **state)
        for number, versions in history.items()
        for version, state in enumerate(versions, 1)
    ]


@dataclass
class Owners:
    """Stands where users and messages stand, and gives their snapshots."""

    snapshots: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def remember(self, source: str, history: dict[int, list[dict[str, Any]]]) -> None:
        """The newest state of everything is the snapshot."""
        of = {"users": "users", "messages": "activity"}[source]
        newest = {each.get("topic_id") or each["id"]: each for each in told(source, history)}
        self.snapshots[of] = list(newest.values())

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI application: it answers /internal/snapshot."""
        wanted = from_json((await receive())["body"])["of"]
        lines = [{"seq": 1}, *self.snapshots[wanted]]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"\n".join(map(to_json, lines)) + b"\n"})


@dataclass
class Pair:
    """The service, and those that it can ask for snapshots."""

    service: Service
    owners: Owners
    url: str

    async def rebuild(self) -> None:
        """As the command does it."""
        chosen = settings(self.service.url, self.url)
        async with opened(self.service.url) as db:
            for projection in projections(chosen):
                client = InternalClient(projection.url, chosen.internal_secrets)
                await rebuild(db, client, projection)
                await client.close()

    def kept(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """All that is kept of other services."""
        return self.service.rows(CARDS), self.service.rows(ACTIVITY)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    db = Database(url, 1)
    await db.open()
    yield db
    await db.close()


@pytest.fixture
async def pair(service: Service) -> AsyncIterator[Pair]:
    """The service with four topics, and owners that know nothing yet."""
    owners = Owners()
    async with listening(owners) as url:
        for number in TOPICS:
            await service.open(user_id=number)
        yield Pair(service, owners, url)


@given(histories=histories, seed=st.integers(0, 2**32))
@examples(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_rebuilt_equals_kept_live_whatever_became_of_the_events(
    pair: Pair, histories: dict[str, Any], seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 -- which events are lost and which come twice
    pair.service.rows("TRUNCATE authors, inbox")
    pair.service.rows(
        "UPDATE topics SET activity_version = 0, message_count = 0, last_author_id = NULL,"
        " last_activity_at = created_at"
    )
    events = [
        cloud_event(source, data)
        for source, history in histories.items()
        for data in told(source, history)
    ]
    for source, history in histories.items():
        pair.owners.remember(source, history)
    lost = chance.sample(events, chance.randint(0, len(events)))
    arrived = [event for event in events if event not in lost] * 2
    chance.shuffle(arrived)
    await pair.service.deliver(*arrived)
    if chance.random() < 0.5:
        await pair.rebuild()
    chance.shuffle(lost)
    await pair.service.deliver(*lost)
    live = pair.kept()
    await pair.rebuild()
    assert pair.kept() == live


async def test_a_rebuild_heals_what_was_never_told_and_what_is_wrong(pair: Pair) -> None:
    pair.owners.remember("users", {1: [{"display_name": "Ada"}] * 3})
    pair.owners.remember("messages", {1: [{"message_count": 5}] * 2})
    await pair.service.hear("users", user(1, version=99), user(9, version=1))
    await pair.service.hear("messages", activity(2, version=59))
    await pair.rebuild()
    cards, topics = pair.kept()
    assert [(card["id"], card["display_name"], card["version"]) for card in cards] == [
        (1, "Ada", 3)
    ]
    assert [topic["message_count"] for topic in topics] == [5, 0, 0, 0]


async def test_a_rebuild_leaves_the_counts_of_topics_alone(pair: Pair) -> None:
    pair.owners.remember("users", {1: [{"display_name": "Ada"}]})
    pair.owners.remember("messages", {})
    await pair.rebuild()
    await pair.service.open(user_id=1)
    assert pair.service.told("topics.counted")[-1] == {
        "user_id": 1, "topic_count": 2, "version": 2,
    }  # fmt: skip


async def test_the_command_rebuilds_and_says_so(pair: Pair) -> None:
    pair.owners.remember("users", {1: [{"display_name": "Ada"}]})
    pair.owners.remember("messages", {1: [{"message_count": 5}]})
    environment = settings(pair.service.url, pair.url)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "topics.rebuild",
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {
            "ENVIRONMENT": "development",
            "DATABASE_URL": pair.service.url,
            "IDEMPOTENCY_SECRET": environment.idempotency_secret.get_secret_value(),
            "INTERNAL_SECRETS": environment.internal_secrets[0].get_secret_value(),
            "USERS_URL": pair.url,
            "MESSAGES_URL": pair.url,
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == 0
    assert b"users: 1 rows" in said
    assert b"messages: 1 rows" in said
    assert [topic["message_count"] for topic in pair.kept()[1]] == [5, 0, 0, 0]
