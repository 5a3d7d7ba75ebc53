"""`python -m monolith.dump DIR [--credentials]`: write a whole forum archive."""

from chassis.archive_commands import dump_command
from monolith.archive import PART
from monolith.settings import Settings

if __name__ == "__main__":
    dump_command(Settings.from_environment().database_url.get_secret_value(), PART)
