"""`python -m users.migrate`: bring the database to the newest revision."""

from chassis.migrate import migrate
from users.settings import MIGRATIONS, Settings

if __name__ == "__main__":
    migrate(Settings.from_environment().database_url.get_secret_value(), MIGRATIONS)
