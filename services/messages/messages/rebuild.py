"""`python -m messages.rebuild [users|topics]`: make what is kept of other services anew."""

from chassis.rebuild import main
from messages.events import projections
from messages.settings import Settings

if __name__ == "__main__":
    settings = Settings.from_environment()
    main(settings, projections(settings))
