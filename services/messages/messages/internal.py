"""What other services call: events and snapshots."""

from chassis import inbox, snapshot
from messages import projection_store
from messages.events import HANDLERS

events = inbox.router(HANDLERS)
snapshots = snapshot.router(
    {
        "activity": projection_store.read_activity,
        "message_counts": projection_store.read_message_counts,
        "erased": projection_store.read_erased,
    }
)
