"""The rules of messages, and the transaction of each change."""

from chassis import markdown
from chassis.answers import Answer
from chassis.body import Body
from chassis.conditional import Precondition
from chassis.database import Connection, Database, Row
from chassis.idempotency import Once
from chassis.identity import Identity
from chassis.problems import Invalid, invalid
from monolith.messages import schemas, store
from monolith.messages.errors import (
    AccountErased,
    MessageDeleted,
    MessageNotFound,
    NotYours,
    Suspended,
    TopicDeleted,
    TopicLocked,
    TopicNotFound,
)
from monolith.messages.schemas import Edit, Message, NewMessage


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
    db: Database, caller: Identity, once: Once, body: Body[NewMessage]
) -> Answer:
    """Write a message at the next position of its topic, and count it."""
    html = await _rendered(body)
    async with db.transaction() as conn:
        if (kept := await once.claim(conn)) is not None:
            return kept
        card = await _card(conn, caller)
        try:
            new = body.parse()
        except Invalid:
            _must_write(card)
            raise
        await _open_topic(conn, new.topic_id, card)
        if not await _fits(conn, new):
            raise invalid("/reply_to", "not_in_topic", "no message of this topic has that id")
        values = {**new.model_dump(), "body_html": html, "author_id": caller.user_id}
        row = await store.insert_message(conn, values)
        if row is None:
            raise _erased()
        return await once.keep(conn, schemas.message({**row, **card}), version=row["version"])


async def _open_topic(conn: Connection, topic_id: int, card: Row) -> None:
    """Lock a topic in which this person may post."""
    topic = await store.lock_topic(conn, topic_id)
    if topic is None:
        raise TopicNotFound(f"There is no topic {topic_id}.")
    if topic["deleted_at"] is not None:
        raise TopicDeleted(f"Topic {topic_id} was deleted.")
    _must_write(card)
    if topic["locked"]:
        raise TopicLocked(f"Topic {topic_id} is locked: nobody can answer in it.")


async def _fits(conn: Connection, new: NewMessage) -> bool:
    return new.reply_to is None or await store.is_in_topic(conn, new.reply_to, new.topic_id)


async def _card(conn: Connection, caller: Identity) -> Row:
    """The caller as he is now; 401 for someone erased, which comes before 404."""
    card = await store.find_person(conn, caller.user_id)
    if card is None or card["author_state"] == "erased":
        raise _erased()
    return card


def _erased() -> AccountErased:
    return AccountErased("The account that this token is for was erased.")


def _must_write(card: Row) -> None:
    """403 for someone suspended, which comes after 404 and 410."""
    if card["author_state"] == "suspended":
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
    """The message, locked for a change by someone who may change things, and his role."""
    card = await _card(conn, caller)
    row = readable(await store.lock_message(conn, message_id), message_id)
    if row["deleted_at"] is not None:
        raise MessageDeleted(f"Message {message_id} was deleted.")
    _must_write(card)
    return {**row, "caller_role": card["role"]}


async def _own(conn: Connection, message_id: int, caller: Identity) -> Row:
    """As `_living`, for what the author may do, and a moderator."""
    row = await _living(conn, message_id, caller)
    if row["author_id"] != caller.user_id and row["caller_role"] == "member":
        raise NotYours("Only its author and moderators can change this message.")
    return row


async def _audit(conn: Connection, caller: Identity, action: str, row: Row) -> None:
    if row["author_id"] != caller.user_id:
        detail = {"author_id": row["author_id"], "version": row["version"]}
        await store.write_audit(conn, caller.user_id, action, row["id"], detail)
