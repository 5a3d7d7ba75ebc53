"""`python -m topics.replay`: offer events that were refused to their subscribers again."""

from chassis.replay import main
from topics.settings import Settings

if __name__ == "__main__":
    main(Settings.from_environment())
