"""`python -m users.dump DIR [--credentials]`: write this service's part of a forum archive."""

from chassis.archive_commands import dump_command
from users.archive import PART
from users.settings import Settings

if __name__ == "__main__":
    dump_command(Settings.from_environment().database_url.get_secret_value(), PART)
