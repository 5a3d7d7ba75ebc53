"""Bring the database up to date: `python -m messages.migrate`."""

from chassis.migrate import migrate_command
from messages.settings import MIGRATIONS, Settings

if __name__ == "__main__":
    migrate_command(Settings.from_environment(), MIGRATIONS)
