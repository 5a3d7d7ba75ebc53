"""The rules of messages, and the transaction of each change."""

from typing import NoReturn

from chassis import markdown
from chassis.answers import Answer
from chassis.body import Body
from chassis.conditional import Precondition
from chassis.database import Connection, Database, Row
from chassis.idempotency import Once
from chassis.identity import Identity
from chassis.problems import Invalid, invalid
from messages import projection_store, schemas, store
from messages.errors import (
    AccountErased,
    MessageDeleted,
    MessageNotFound,
    NotYours,
    Suspended,
    TopicDeleted,
    TopicLocked,
    TopicUnheard,
)
from messages.gate import Gate
from messages.schemas import Edit, Message, NewMessage


async def read_message(db: Database, message_id: int) -> Message:
    """The message, or its tombstone."""
    async with db.connection() as conn:
        row = await store.find_message(conn, message_id)
    return schemas.message(readable(row, message_id))


def readable(row: Row | None, message_id: int) -> Row:
    """404 and 410 come before anything else that may be wrong."""
    if row is None:
        raise MessageNotFound(f"There is no message {message_id}.")
    if row["topic_deleted"]:
        raise TopicDeleted(
            f"Topic {row['topic_id']} was deleted, and message {message_id} with it."
        )
    return row


async def post_message(
    db: Database, gate: Gate, caller: Identity, once: Once, body: Body[NewMessage]
) -> Answer:
    """Write a message. A topic that is not known here is asked for, outside any transaction."""
    html = await _rendered(body)
    try:
        return await _post(db, caller, once, body, html)
    except TopicUnheard:
        await gate.ask(body.parse().topic_id)
    return await _post(db, caller, once, body, html)


async def _post(
    db: Database, caller: Identity, once: Once, body: Body[NewMessage], html: str
) -> Answer:
    async with db.transaction() as conn:
        if (kept := await once.claim(conn)) is not None:
            return kept
        new = await _parse(conn, caller, body)
        values = {
            "topic_id": new.topic_id,
            "author_id": caller.user_id,
            "username": caller.username,
            "role": caller.role,
            "body": new.body,
            "body_html": html,
            "reply_to": new.reply_to,
        }
        row = await store.post_message(conn, values)
        if row is None:
            await _refuse(conn, caller, new.topic_id)
        must_exist(row["author_state"])
        must_write(row["author_state"])
        if row["reply_to"] != new.reply_to:
            raise invalid("/reply_to", "not_in_topic", "no message of this topic has that id")
        return await once.keep(conn, schemas.message(row), version=row["version"])


async def _parse(conn: Connection, caller: Identity, body: Body[NewMessage]) -> NewMessage:
    """What is posted. That the caller may not post comes before what is wrong with it."""
    try:
        return body.parse()
    except Invalid:
        state = await projection_store.find_state(conn, caller.user_id)
        must_exist(state)
        must_write(state)
        raise


async def _refuse(conn: Connection, caller: Identity, topic_id: int) -> NoReturn:
    """Say why nobody can post in a topic, or why this person cannot."""
    state = await projection_store.find_state(conn, caller.user_id)
    must_exist(state)
    topic = await projection_store.find_topic(conn, topic_id)
    if topic is None or topic["version"] == 0:
        raise TopicUnheard(f"Topic {topic_id} is not known here yet. Try again.")
    if topic["deleted"]:
        raise TopicDeleted(f"Topic {topic_id} was deleted.")
    must_write(state)
    if topic["locked"]:
        raise TopicLocked(f"Topic {topic_id} is locked: nobody can answer in it.")
    # It was heard of, or unlocked, since the statement that found no place to post.
    raise TopicUnheard(f"Topic {topic_id} has just changed. Try again.")


def must_exist(state: str | None) -> None:
    """401 for someone erased, which comes before 404."""
    if state == "erased":
        raise AccountErased("The account that this token is for was erased.")


def must_write(state: str | None) -> None:
    """403 for someone suspended, which comes after 404 and 410."""
    if state == "suspended":
        raise Suspended("While your account is suspended you can read, and not write.")


async def edit_message(
    db: Database, caller: Identity, message_id: int, precondition: Precondition, body: Body[Edit]
) -> Message:
    """Put another body in place of the one that there is, which stays as a revision."""
    html = await _rendered(body)
    async with db.transaction() as conn:
        row = await _own(conn, message_id, caller)
        precondition.check(row["version"])
        text = body.parse().body
        edited = await store.replace_body(conn, message_id, caller.user_id, text, html)
        await _audit(conn, caller, "message.edited", row)
        return schemas.message({**row, **edited})


async def _rendered(body: Body[NewMessage] | Body[Edit]) -> str:
    """The HTML of the text in the body; of a body that is wrong, nothing."""
    given = body.peek()
    return await markdown.render_beside(given.body) if given else ""


async def delete_message(
    db: Database, caller: Identity, message_id: int, precondition: Precondition
) -> None:
    """Make the message a tombstone, and count it no more."""
    async with db.transaction() as conn:
        await store.lock_topic_of(conn, message_id)
        row = await _own(conn, message_id, caller)
        precondition.check(row["version"])
        await store.delete_message(conn, message_id)
        await store.uncount(conn, row["topic_id"], row["author_id"])
        await _audit(conn, caller, "message.deleted", row)


async def add_reaction(db: Database, caller: Identity, message_id: int, emoji: str) -> None:
    """Let the caller's reaction be there, once."""
    async with db.transaction() as conn:
        await _living(conn, message_id, caller)
        await store.add_reaction(conn, message_id, caller.user_id, _known(emoji))


async def remove_reaction(db: Database, caller: Identity, message_id: int, emoji: str) -> None:
    """Let the caller's reaction not be there."""
    async with db.transaction() as conn:
        await _living(conn, message_id, caller)
        await store.remove_reaction(conn, message_id, caller.user_id, _known(emoji))


def _known(emoji: str) -> str:
    if emoji not in schemas.EMOJI:
        raise invalid("/emoji", "not_offered", f"one of these is needed: {' '.join(schemas.EMOJI)}")
    return emoji


async def _living(conn: Connection, message_id: int, caller: Identity) -> Row:
    """The message, locked for a change by someone who may change things."""
    found = await store.lock_message(conn, message_id, caller.user_id)
    if found is None:
        must_exist(await projection_store.find_state(conn, caller.user_id))
    else:
        must_exist(found["caller_state"])
    row = readable(found, message_id)
    if row["deleted_at"] is not None:
        raise MessageDeleted(f"Message {message_id} was deleted.")
    must_write(row["caller_state"])
    return row


async def _own(conn: Connection, message_id: int, caller: Identity) -> Row:
    """As `_living`, for what the author may do, and a moderator."""
    row = await _living(conn, message_id, caller)
    # The card knows of a promotion or demotion sooner than the token, once there is a card.
    role = row["caller_role"] if row["caller_version"] else caller.role
    if row["author_id"] != caller.user_id and role == "member":
        raise NotYours("Only its author and moderators can change this message.")
    return row


async def _audit(conn: Connection, caller: Identity, action: str, row: Row) -> None:
    if row["author_id"] != caller.user_id:
        detail = {"author_id": row["author_id"], "version": row["version"]}
        await store.write_audit(conn, caller.user_id, action, row["id"], detail)
