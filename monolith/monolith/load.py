"""`python -m monolith.load DIR`: a whole forum archive into an empty database."""

from chassis.archive_commands import load_command
from monolith.archive import PART
from monolith.settings import Settings

if __name__ == "__main__":
    load_command(Settings.from_environment().database_url.get_secret_value(), PART)
