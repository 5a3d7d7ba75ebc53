"""`python -m topics.restored`: after its database was restored, before it starts again."""

from chassis.restored import main
from topics.settings import Settings

if __name__ == "__main__":
    main(Settings.from_environment(), {"topics": "version", "authors": "count_version"})
