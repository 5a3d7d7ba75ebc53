"""After its database was restored, before the service starts again: `python -m messages.restored`.

The version of a message is told to nobody but clients, which send it back as `If-Match`.
"""

from chassis.restored import main
from messages.settings import Settings

VERSIONS = {"topics": "activity_version", "authors": "count_version", "messages": "version"}

if __name__ == "__main__":
    main(Settings.from_environment(), VERSIONS)
