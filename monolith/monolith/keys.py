"""`python -m monolith.keys list|rotate`: the keys that sign access tokens."""

import argparse
from datetime import UTC, datetime

from chassis.database import Connection
from monolith import commands
from monolith.users import signing


async def list_keys(conn: Connection) -> str:
    """A line for each key."""
    now = datetime.now(UTC)
    lines = [
        f"{key.kid}  {_phase(key, now):9}  signs from {key.signs_from:%Y-%m-%d %H:%M:%S} UTC"
        for key in await signing.read_keys(conn)
    ]
    return "\n".join(lines) or "There is no key yet: the service makes one when it needs it."


async def rotate(conn: Connection) -> str:
    """Make the next key."""
    kid, signs_from = await signing.rotate(conn)
    return f"{kid} is published now and signs from {signs_from:%Y-%m-%d %H:%M:%S} UTC."


def _phase(key: signing.SigningKey, now: datetime) -> str:
    if key.signs(now):
        return "signs"
    if now < key.signs_from:
        return "next"
    return "published" if key.is_published(now) else "outdated"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Keys that sign access tokens.")
    parser.add_argument("command", choices=["list", "rotate"])
    commands.run({"list": list_keys, "rotate": rotate}[parser.parse_args().command])
