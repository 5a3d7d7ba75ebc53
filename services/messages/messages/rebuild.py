"""Make anew what is kept of other services: `python -m messages.rebuild [users|topics]`."""

from chassis.rebuild import Projection, main
from messages import events, projection_store
from messages.settings import Settings


def projections(settings: Settings) -> list[Projection]:
    """What is kept here of whom."""
    return [
        Projection(
            "users", settings.users_url, "users", projection_store.empty_authors, events.USERS
        ),
        Projection(
            "topics", settings.topics_url, "topics", projection_store.empty_topics, events.TOPICS
        ),
    ]


if __name__ == "__main__":
    settings = Settings.from_environment()
    main(settings, projections(settings))
