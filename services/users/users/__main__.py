"""`python -m users`: serve."""

from chassis.server import serve
from users.app import create_app
from users.settings import Settings

if __name__ == "__main__":
    settings = Settings.from_environment()
    serve(create_app(settings), settings)
