"""`python -m topics.migrate`: bring the database up to date."""

from chassis.migrate import migrate
from topics.settings import MIGRATIONS, Settings

if __name__ == "__main__":
    migrate(Settings.from_environment().database_url.get_secret_value(), MIGRATIONS)
