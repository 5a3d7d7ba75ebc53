"""`python -m monolith.restored`: after its database was restored, before it starts again.

Sessions end: some that the backup has were revoked since, and most have used up their token.
"""

from chassis.restored import main
from monolith.restored_store import NEWEST
from monolith.settings import Settings
from monolith.users.session_store import end_all

VERSIONS = {"users": "version", "topics": "version", "messages": "version"}

if __name__ == "__main__":
    main(Settings.from_environment(), VERSIONS, NEWEST, end_all)
