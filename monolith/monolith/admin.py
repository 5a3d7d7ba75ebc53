"""`python -m monolith.admin promote|set-password NAME`: the first admin, a forgotten password."""

import argparse
import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable
from functools import partial

from pydantic import TypeAdapter, ValidationError

from chassis.database import Connection, Row
from monolith import commands
from monolith.users import moderation, schemas, session_store, store
from monolith.users.passwords import Passwords


async def promote(conn: Connection, name: str) -> str:
    """Make this person an admin."""
    await store.lock_admins(conn)
    person = await _person(conn, name)
    if person["role"] == "admin":
        return f"{person['username']} is an admin already."
    await moderation.set_role(conn, None, person, "admin")
    return f"{person['username']} is an admin now. New access tokens say so within 10 minutes."


async def set_password(conn: Connection, name: str, password_hash: str) -> str:
    """Give this person another password; all sessions end."""
    person = await _person(conn, name)
    await store.set_password(conn, person["id"], password_hash)
    await session_store.revoke_all(conn, person["id"])
    await store.write_audit(conn, None, "user.password_set", person["id"], {})
    return f"{person['username']} has a new password, and no session any more."


async def _person(conn: Connection, name: str) -> Row:
    """Locked, and read only then: an erasure may have been on its way."""
    found = await store.find_by_username(conn, name)
    if found is None:
        sys.exit(f"There is no person with the username '{name}'.")
    await store.lock_user(conn, found["id"])
    person = await store.find_user(conn, found["id"])
    if person is None or person["erased_at"] is not None:
        sys.exit(f"The account '{name}' has just been erased.")
    return person


def _read_password() -> str:
    """From a prompt, or a line of standard input: arguments are seen by everyone on a machine."""
    if sys.stdin.isatty():
        password = getpass.getpass("New password: ")
        if getpass.getpass("Again: ") != password:
            sys.exit("The two are not the same.")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    try:
        return TypeAdapter(schemas.NewPassword).validate_python(password)
    except ValidationError as error:
        sys.exit(f"This password cannot be: {error.errors()[0]['msg']}.")


def _work(command: str, name: str) -> Callable[[Connection], Awaitable[str]]:
    if command == "promote":
        return partial(promote, name=name)
    passwords = Passwords()
    password_hash = asyncio.run(passwords.hash(_read_password()))
    passwords.close()
    return partial(set_password, name=name, password_hash=password_hash)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="What an operator does with people.")
    parser.add_argument("command", choices=["promote", "set-password"])
    parser.add_argument("name", help="the username, whatever its case")
    arguments = parser.parse_args()
    commands.run(_work(arguments.command, arguments.name))
