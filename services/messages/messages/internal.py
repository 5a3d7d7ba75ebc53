"""What other services may ask and tell: events in, snapshots out."""

from fastapi import APIRouter

from chassis import inbox, snapshot
from messages import projection_store
from messages.events import HANDLERS

router = APIRouter()
router.include_router(inbox.router(HANDLERS))
router.include_router(
    snapshot.router(
        {
            "activity": projection_store.activity,
            "message_counts": projection_store.message_counts,
        }
    )
)
