"""`python -m messages.replay [--event ID]`: offer refused events to their subscribers again."""

from chassis.replay import main
from messages.settings import Settings

if __name__ == "__main__":
    main(Settings.from_environment())
