"""What other services call: `POST /internal/events` and `POST /internal/snapshot`."""

from chassis import inbox, snapshot
from users.events import HANDLERS, read_users

events = inbox.router(HANDLERS)
snapshots = snapshot.router({"users": read_users})
