"""`python -m users.rebuild [topics|messages]`: make what is kept of other services anew."""

from chassis.rebuild import main
from users.events import projections
from users.settings import Settings

if __name__ == "__main__":
    settings = Settings.from_environment()
    main(settings, projections(settings))
