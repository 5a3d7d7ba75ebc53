"""`python -m messages`: serve."""

from chassis.server import serve
from messages.app import create_app
from messages.settings import Settings

if __name__ == "__main__":
    settings = Settings.from_environment()
    serve(create_app(settings), settings)
