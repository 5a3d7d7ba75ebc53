"""`python -m messages.restored`: after its database was restored, before it starts again.

The version of a message is told to nobody but clients, which send it back as `If-Match`.
"""

from chassis.restored import main
from messages.settings import Settings

VERSIONS = {"topics": "activity_version", "authors": "count_version", "messages": "version"}

if __name__ == "__main__":
    main(Settings.from_environment(), VERSIONS)
