"""`scripts/outages`: kill each part of a forum in containers under load; print what stopped."""

import argparse
import sys
import time
from collections.abc import Sequence

from drill import kills, people, table
from drill.load import RATE, Load
from forum import compose
from forum.compose import Compose
from forum.errors import ForumError

WARM_SECONDS = 5


def main() -> None:
    """Run the whole comparison; status 1 where something was lost."""
    argparse.ArgumentParser(
        prog="scripts/outages",
        description="Start the services and the monolith in fresh containers, kill each part and"
        f" each database under {RATE} requests a second, and print, as Markdown, which requests"
        " were answered meanwhile. Takes about four minutes and removes what it started.",
    ).parse_args()
    if not compose.engine_answers():
        sys.exit("scripts/outages: no Docker engine answers. Is Docker running?")
    try:
        outages = _run()
    except ForumError as error:
        sys.exit(f"scripts/outages: {error}")
    except KeyboardInterrupt:
        sys.exit("scripts/outages: interrupted. What it started is removed.")
    print(table.render(outages))
    sys.exit(1 if any(outage.lost for outage in outages) else 0)


def _run() -> list[kills.Outage]:
    _say("building the images")
    compose.build()
    _say("starting the containers")
    with Compose(monolith=True) as forum:
        services = _kill_each(forum, forum.url, table.SERVICE_PARTS)
        return services + _kill_each(forum, forum.monolith_url, table.MONOLITH_PARTS)


def _kill_each(forum: Compose, url: str, parts: Sequence[str]) -> list[kills.Outage]:
    outages = []
    with Load(url, people.register(url)) as load:
        time.sleep(WARM_SECONDS)
        for part in parts:
            _say(f"killing {part}")
            outages.append(kills.kill(forum, load, part))
    return outages


def _say(words: str) -> None:
    print(f"{words} …", file=sys.stderr, flush=True)
