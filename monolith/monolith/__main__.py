"""`python -m monolith`: serve."""

from chassis.server import serve
from monolith.app import create_app
from monolith.settings import Settings

if __name__ == "__main__":
    settings = Settings.from_environment()
    serve(create_app(settings), settings)
