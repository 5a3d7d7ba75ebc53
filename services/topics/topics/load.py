"""`python -m topics.load DIR`: this service's part of an archive, into an empty database."""

from chassis.archive_commands import load_command
from topics.archive import PART
from topics.settings import Settings

if __name__ == "__main__":
    load_command(Settings.from_environment().database_url.get_secret_value(), PART)
