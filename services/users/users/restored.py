"""`python -m users.restored`: after its database was restored, before it starts again.

Sessions end: some that the backup has were revoked since, and most have used up their token. Those
who erased the account since are erased again: topics and messages know them by their cards, until
these are rebuilt from what is here.
"""

import json
import sys
from functools import partial

import httpx
from pydantic_core import to_json

from chassis.database import Connection
from chassis.internal import InternalClient
from chassis.restored import main
from users import service, session_store
from users.settings import Settings

# The transaction waits meanwhile; see SERVER_SETTINGS of chassis.database.
TIMEOUT_SECONDS = 10


async def take_back(settings: Settings, conn: Connection) -> None:
    """End the sessions, and erase again, that a backup brought back."""
    erased = {
        *await _erased("topics", settings.topics_url, settings),
        *await _erased("messages", settings.messages_url, settings),
    }
    count = await service.erase_again(conn, sorted(erased))
    sys.stdout.write(f"Accounts that were erased since the backup, and are again: {count}\n")
    await session_store.end_all(conn)


async def _erased(name: str, url: str, settings: Settings) -> list[int]:
    """Whom a service knows as erased; ends the command where it does not say."""
    client = InternalClient(url, settings.internal_secrets)
    request = to_json({"operation": "snapshot", "of": "erased"})
    try:
        answer = await client.post("/internal/snapshot", request, timeout=TIMEOUT_SECONDS)
        _, *lines = answer.raise_for_status().content.splitlines()
    except httpx.HTTPError as error:
        sys.exit(
            f"Nothing was changed: {name} has to say who erased the account since the backup, and"
            f" does not: {type(error).__name__}: {error}\nStart it, then run this again."
        )
    finally:
        await client.close()
    return [json.loads(line)["id"] for line in lines]


if __name__ == "__main__":
    settings = Settings.from_environment()
    main(settings, {"users": "version"}, also=partial(take_back, settings))
