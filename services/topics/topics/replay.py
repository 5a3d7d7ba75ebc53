"""`python -m topics.replay [--event ID]`: offer refused events to their subscribers again."""

from chassis.replay import main
from topics.settings import Settings

if __name__ == "__main__":
    main(Settings.from_environment())
