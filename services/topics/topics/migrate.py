"""`python -m topics.migrate`: bring the database up to date."""

from chassis.migrate import migrate_command
from topics.settings import MIGRATIONS, Settings

if __name__ == "__main__":
    migrate_command(Settings.from_environment(), MIGRATIONS)
