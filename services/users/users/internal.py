"""What other services call: events and snapshots."""

from chassis import inbox, snapshot
from users.events import HANDLERS, read_users

events = inbox.router(HANDLERS)
snapshots = snapshot.router({"users": read_users})
