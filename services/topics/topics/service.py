"""The rules of topics, and the transaction of each change."""

import re
from typing import Any

from chassis import markdown
from chassis.answers import Answer
from chassis.body import Body
from chassis.conditional import Precondition
from chassis.database import Connection, Database, Row
from chassis.idempotency import Once
from chassis.identity import Identity
from chassis.problems import Invalid, invalid
from topics import projection_store, store
from topics.errors import AccountErased, TopicDeleted, TopicNotFound
from topics.events import count_topic, tell_topic
from topics.rights import Rights, rights_of
from topics.schemas import NewTopic, Topic, TopicChanges, topic

LONGEST_SLUG = 80
_NOT_A_WORD = re.compile(r"\W+")


async def read_topic(db: Database, topic_id: int) -> Topic:
    """The topic as anyone sees it."""
    async with db.connection() as conn:
        return topic(_living(topic_id, await store.find_topic(conn, topic_id)))


async def create_topic(db: Database, caller: Identity, once: Once, body: Body[NewTopic]) -> Answer:
    """Open a topic; the author's card and both counters move with it."""
    html = await _rendered(body)
    async with db.transaction() as conn:
        if kept := await once.claim(conn):
            return kept
        (await rights_of(conn, caller)).must_write()
        new = body.parse()
        values = _written({**new.model_dump(), "body_html": html, "author_id": caller.user_id})
        if not await store.count_in_category(conn, new.category, 1):
            raise _no_category(new.category)
        topic_id = await store.insert_topic(conn, values)
        await projection_store.make_card(conn, caller.user_id, caller.username, caller.role)
        await tell_topic(conn, topic_id)
        await count_topic(conn, caller.user_id, 1)
        made = topic(_living(topic_id, await store.find_topic(conn, topic_id)))
        # The count holds the author's row: an erasure was either before it and is seen here, or is
        # after this transaction and finds what `once` keeps.
        if made["author"]["state"] == "erased":
            raise AccountErased("The account of this access token was erased.")
        return await once.keep(conn, made, version=made["version"])


async def change_topic(
    db: Database,
    caller: Identity,
    topic_id: int,
    precondition: Precondition,
    body: Body[TopicChanges],
) -> Topic:
    """Change what is given. What changes nothing makes no new version."""
    html = await _rendered(body)
    async with db.transaction() as conn:
        rights = await rights_of(conn, caller)
        row = _living(topic_id, await store.lock_topic(conn, topic_id))
        rights.must_own(row["author_id"])
        precondition.check(row["version"])
        given = body.parse().model_dump(exclude_unset=True)
        changes = {name: value for name, value in given.items() if row[name] != value}
        if changes:
            await _move(conn, row["category"], {**row, **changes}["category"])
            derived = {"body_html": html} if "body" in changes else {}
            await store.update_topic(conn, topic_id, _written({**row, **changes, **derived}))
            await tell_topic(conn, topic_id)
            before = {name: row[name] for name in changes}
            await _audit(conn, rights, "topic.change", row, {"before": before})
        return topic(_living(topic_id, await store.find_topic(conn, topic_id)))


async def delete_topic(
    db: Database, caller: Identity, topic_id: int, precondition: Precondition
) -> None:
    """Delete it for everyone; both counters move with it."""
    async with db.transaction() as conn:
        rights = await rights_of(conn, caller)
        row = _living(topic_id, await store.lock_topic(conn, topic_id))
        rights.must_own(row["author_id"])
        precondition.check(row["version"])
        await store.delete_topic(conn, topic_id)
        await store.count_in_category(conn, row["category"], -1)
        await tell_topic(conn, topic_id)
        await count_topic(conn, row["author_id"], -1)
        await _audit(conn, rights, "topic.delete", row, {})


async def lock_topic(db: Database, caller: Identity, topic_id: int, *, locked: bool) -> None:
    """Close a topic to new messages, or open it again. Done already is done."""
    async with db.transaction() as conn:
        rights, row = await _moderated(conn, caller, topic_id)
        if row["locked"] != locked:
            await store.set_locked(conn, topic_id, locked=locked)
            await tell_topic(conn, topic_id)
            action = "topic.lock" if locked else "topic.unlock"
            await store.write_audit(conn, rights.user_id, action, topic_id, {})


async def pin_topic(db: Database, caller: Identity, topic_id: int, *, pinned: bool) -> None:
    """Keep a topic on top of the list, or no longer. Done already is done."""
    async with db.transaction() as conn:
        rights, row = await _moderated(conn, caller, topic_id)
        if row["pinned"] != pinned:
            await store.set_pinned(conn, topic_id, pinned=pinned)
            await tell_topic(conn, topic_id)
            action = "topic.pin" if pinned else "topic.unpin"
            await store.write_audit(conn, rights.user_id, action, topic_id, {})


async def _moderated(conn: Connection, caller: Identity, topic_id: int) -> tuple[Rights, Row]:
    rights = await rights_of(conn, caller)
    row = _living(topic_id, await store.lock_topic(conn, topic_id))
    rights.must_be("moderator")
    return rights, row


async def _move(conn: Connection, old: str, new: str) -> None:
    if old == new:
        return
    # In the order of the slugs: two moves between the same two must not wait for each other.
    for slug, by in sorted([(old, -1), (new, 1)]):
        if not await store.count_in_category(conn, slug, by):
            raise _no_category(slug)


async def _audit(
    conn: Connection, rights: Rights, action: str, row: Row, detail: dict[str, Any]
) -> None:
    if rights.user_id != row["author_id"]:
        await store.write_audit(conn, rights.user_id, action, row["id"], detail)


def _living(topic_id: int, row: Row | None) -> Row:
    if row is None:
        raise TopicNotFound(f"There is no topic {topic_id}.")
    if row["deleted_at"] is not None:
        raise TopicDeleted(f"Topic {topic_id} was deleted.")
    return row


async def _rendered(body: Body[NewTopic] | Body[TopicChanges]) -> str | None:
    """The HTML of the text in the body, if there is one."""
    given = body.peek()
    return await markdown.render_beside(given.body) if given and given.body else None


def _written(values: dict[str, Any]) -> dict[str, Any]:
    """The other columns that follow from what the author wrote."""
    slug = _NOT_A_WORD.sub("-", values["title"].lower()).strip("-")[:LONGEST_SLUG].strip("-")
    return {
        **values,
        "slug": slug or "topic",
        "excerpt": markdown.excerpt(values["body"]),
    }


def _no_category(slug: str) -> Invalid:
    return invalid(
        "/category",
        "category_unknown",
        f"There is no category '{slug}'; see /api/topics/categories.",
    )
