"""`python -m users.restored`: after its database was restored, before it starts again.

Sessions end: some that the backup has were revoked since, and most have used up their token.
"""

from chassis.restored import main
from users.session_store import END_ALL
from users.settings import Settings

if __name__ == "__main__":
    main(Settings.from_environment(), {"users": "version"}, also=[END_ALL])
