"""`python -m topics.rebuild [users|messages]`: make what is kept of other services anew."""

from chassis.rebuild import main
from topics.events import projections
from topics.settings import Settings

if __name__ == "__main__":
    settings = Settings.from_environment()
    main(settings, projections(settings))
