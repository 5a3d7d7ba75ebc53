"""`python -m monolith.migrate`: bring the database to the newest revision."""

from chassis.migrate import migrate_command
from monolith.settings import MIGRATIONS, Settings

if __name__ == "__main__":
    migrate_command(Settings.from_environment(), MIGRATIONS)
