"""Bring the database up to date: `python -m messages.migrate`."""

from chassis.migrate import migrate
from messages.settings import MIGRATIONS, Settings

if __name__ == "__main__":
    migrate(Settings.from_environment().database_url.get_secret_value(), MIGRATIONS)
