"""However events come, the projection ends as the one that is made from the owner's snapshot."""

from typing import Any

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from messages_harness import Service, cloud_event, topic_updated, user_updated
from psycopg.rows import dict_row

from chassis.database import Database
from chassis.internal import InternalClient
from chassis.rebuild import rebuild
from messages.events import projections

IDS = st.integers(1, 4)
# What happens at the owner, in order: whose state changes, and to what.
HISTORY = st.lists(
    st.tuples(st.sampled_from(["users", "topics"]), IDS, st.booleans(), st.booleans()),
    min_size=1,
    max_size=20,
)
STATE = """
SELECT json_build_object(
    'authors', (SELECT json_agg(to_json(a) ORDER BY id) FROM authors AS a),
    'topics', (SELECT json_agg(to_json(t) ORDER BY id) FROM topics AS t)
) AS state
"""


def _events(history: list[tuple[str, int, bool, bool]]) -> list[dict[str, Any]]:
    """The event of each change, with the version that its row has by then."""
    versions: dict[tuple[str, int], int] = {}
    events = []
    for source, number, first, second in history:
        version = versions[source, number] = versions.get((source, number), 0) + 1
        if source == "users":
            state = "suspended" if first else "active"
            name = f"Name at {version}"
            data = user_updated(number, version, state=state, display_name=name)
        else:
            data = topic_updated(number, version, locked=first, deleted=second)
        events.append(cloud_event(source, data))
    return events


def _snapshot(events: list[dict[str, Any]], source: str) -> list[dict[str, Any]]:
    """What the owner has after all of its events."""
    newest = {event["data"]["id"]: event["data"] for event in events if event["source"] == source}
    return list(newest.values())


def _state(url: str) -> Any:
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as conn:
        [row] = conn.execute(STATE).fetchall()
    return row["state"]


def _empty(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("TRUNCATE topics, authors, inbox CASCADE")


async def _rebuild(service: Service, events: list[dict[str, Any]]) -> None:
    db = Database(service.url, 1)
    await db.open()
    for projection in projections(service.settings):
        service.topics.snapshot = _snapshot(events, projection.source)
        client = InternalClient(projection.url, service.settings.internal_secrets)
        await rebuild(db, client, projection)
        await client.close()
    await db.close()


async def _told(service: Service, *batches: list[dict[str, Any]]) -> Any:
    """The state after these batches came to an empty service."""
    _empty(service.url)
    for batch in batches:
        assert await service.deliver(*batch) == []
    return _state(service.url)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=HISTORY, data=st.data())
async def test_rebuilt_equals_live(
    service: Service, history: list[tuple[str, int, bool, bool]], data: st.DataObject
) -> None:
    events = _events(history)
    in_order = await _told(service, *([event] for event in events))

    # Some come twice, in any order, in batches.
    doubled = data.draw(st.lists(st.sampled_from(events)))
    mixed = data.draw(st.permutations([*events, *doubled]))
    cut = data.draw(st.integers(0, len(mixed)))
    assert await _told(service, mixed[cut:], mixed[:cut], mixed[: cut // 2]) == in_order

    # Some are lost until the rebuild, and come after it, with others that it made old.
    lost = data.draw(st.lists(st.sampled_from(events), max_size=3))
    await _told(service, [event for event in mixed if event not in lost])
    await _rebuild(service, events)
    assert _state(service.url) == in_order
    assert await service.deliver(*lost, *mixed[:cut]) == []
    assert _state(service.url) == in_order
