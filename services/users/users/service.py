"""The rules of accounts, and the transaction of each change."""

from collections.abc import Sequence

from chassis.answers import Answer
from chassis.body import Body
from chassis.conditional import Precondition
from chassis.database import Connection, Database, Row
from chassis.idempotency import Once
from chassis.identity import Identity
from chassis.pagination import Page, Pages
from users import erasure_store, events, moderation, schemas, session_store, store
from users.errors import EmailTaken, LastAdmin, Suspended, UsernameTaken, UserNotFound
from users.passwords import Passwords
from users.sessions import Sessions, confirm_unchanged, present


async def register(
    db: Database, passwords: Passwords, once: Once, body: Body[schemas.Registration]
) -> Answer:
    """A new member, answered as everyone sees him."""
    new = body.parse()
    # Before the transaction: waiting for a thread must not hold a connection.
    password_hash = await passwords.hash(new.password)
    async with db.transaction() as conn:
        if kept := await once.claim(conn):
            return kept
        user_id = await store.insert_user(
            conn, new.username, new.email, password_hash, new.display_name or new.username
        )
        if user_id is None and await store.find_by_username(conn, new.username) is None:
            raise EmailTaken("An account has this e-mail address. Log in with it.")
        if user_id is None or await erasure_store.is_retired(conn, new.username):
            raise UsernameTaken(f"The username '{new.username}' is taken. Choose another.")
        row = await store.find_user(conn, user_id)
        assert row is not None  # noqa: S101 -- it was just written
        await events.tell_user(conn, row)
        return await once.keep(conn, schemas.user(row), version=row["version"], user_id=user_id)


async def read_user(db: Database, user_id: int) -> Row:
    """One person; of an erased one there is a card left."""
    async with db.connection() as conn:
        row = await store.find_user(conn, user_id)
    if row is None:
        raise UserNotFound(f"There is no person {user_id}.")
    return row


async def list_users(db: Database, pages: Pages) -> Page:
    """Everyone who is not erased, in order of id."""
    async with db.connection() as conn:
        rows = await store.list_by_id(conn, pages.after[0] if pages.after else 0, pages.fetch)
    return pages.page(rows, key=lambda row: (row["id"],), build=schemas.user)


async def search_users(db: Database, prefix: str, pages: Pages) -> Page:
    """People whose username begins so, in order of it."""
    async with db.connection() as conn:
        after = pages.after[0] if pages.after else ""
        rows = await store.list_by_name(conn, prefix, after, pages.fetch)
    return pages.page(rows, key=lambda row: (row["name_key"],), build=schemas.user)


async def read_users(db: Database, ids: Sequence[int]) -> Page:
    """These people in one page; who does not exist is left out."""
    async with db.connection() as conn:
        rows = await store.list_by_ids(conn, ids)
    return Page([schemas.user(row) for row in rows], None)


async def read_me(db: Database, caller: Identity) -> Row:
    """The caller; 401 where the account was erased."""
    async with db.connection() as conn:
        return await present(conn, caller)


async def update_me(
    db: Database, caller: Identity, precondition: Precondition, body: Body[schemas.Profile]
) -> Row:
    """Change what the body names of the caller's profile."""
    async with db.transaction() as conn:
        await store.lock_user(conn, caller.user_id)
        row = await present(conn, caller)
        if schemas.state(row) == "suspended":
            raise Suspended("You are suspended, and so cannot change your profile.")
        precondition.check(row["version"])
        change = body.parse().model_dump(exclude_unset=True)
        if not await store.update_profile(conn, caller.user_id, {**row, **change}):
            raise EmailTaken("Another account has this e-mail address.")
        row = await present(conn, caller)
        await events.tell_user(conn, row)
    return row


async def erase_me(
    db: Database,
    sessions: Sessions,
    caller: Identity,
    body: Body[schemas.Erasure],
    address: str,
) -> None:
    """Erase the caller for good. What he wrote stays, under the card `deleted-<id>`."""
    async with db.connection() as conn:
        row = await present(conn, caller)
    await sessions.check_password(row, body.parse().password, address)
    async with db.transaction() as conn:
        admins = await store.lock_admins(conn)
        await store.lock_user(conn, caller.user_id)
        await confirm_unchanged(conn, caller, row)
        if moderation.is_last_admin(admins, caller.user_id):
            raise LastAdmin("No other admin is left who can act. Make someone else one first.")
        await _erase(conn, caller.user_id)


async def erase_again(conn: Connection, ids: Sequence[int]) -> int:
    """Erase those of these people whom a backup brought back; how many.

    The last admin as well: that there was another one by then is what the backup does not know.
    """
    back = [row for row in await store.list_by_ids(conn, ids) if row["erased_at"] is None]
    for row in back:
        await _erase(conn, row["id"])
    return len(back)


async def _erase(conn: Connection, user_id: int) -> None:
    await erasure_store.erase(conn, user_id)
    await session_store.delete_all(conn, user_id)
    await erasure_store.forget_answers(conn, user_id)
    await erasure_store.forget_reasons(conn, user_id)
    erased = await store.find_user(conn, user_id)
    assert erased is not None  # noqa: S101 -- the row was just changed
    await erasure_store.scrub_events(conn, user_id, events.USER_UPDATED, events.card(erased))
    await events.tell_user(conn, erased)
