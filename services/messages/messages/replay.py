"""Offer events that were refused to their subscribers again: `python -m messages.replay`."""

from chassis.replay import main
from messages.settings import Settings

if __name__ == "__main__":
    main(Settings.from_environment())
