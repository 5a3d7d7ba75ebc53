"""`python -m users.migrate`: bring the database to the newest revision."""

from chassis.migrate import migrate
from users.app import MIGRATIONS
from users.settings import Settings

if __name__ == "__main__":
    migrate(Settings().database_url.get_secret_value(), MIGRATIONS)
