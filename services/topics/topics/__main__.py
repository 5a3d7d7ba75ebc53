"""`python -m topics`: serve."""

from chassis.server import serve
from topics.app import create_app
from topics.settings import Settings

if __name__ == "__main__":
    settings = Settings.from_environment()
    serve(create_app(settings), settings)
