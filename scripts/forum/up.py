"""`scripts/up`: a whole forum in the foreground, until Ctrl-C."""

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

from forum.errors import ForumError
from forum.instance import Forum
from forum.places import ROOT
from forum.sample import load_sample

VAR = ROOT / "var"
API_PAGES = ("/api/users/docs", "/api/topics/docs", "/api/messages/docs")


class StopRequested(BaseException):
    """Someone asked for the end: Ctrl-C, SIGTERM, or the terminal was closed."""


def main() -> None:
    """Run until told to stop; status 1 when the forum cannot start or go on."""
    arguments = _arguments()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Under nohup a closed terminal is to be ignored.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop)
    forum = Forum(
        data=arguments.data,
        mode="monolith" if arguments.monolith else "services",
        port=arguments.port,
        output=sys.stdout,
    )
    try:
        with forum:
            if arguments.sample and not load_sample(forum):
                print("The forum is not empty: --sample changes nothing.", flush=True)
            _announce(forum, arguments.data)
            forum.wait()
    except StopRequested:
        print("Stopped.")
    except (ForumError, OSError) as error:
        sys.exit(f"scripts/up: {error}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/up", description="Run a whole forum on this machine, until Ctrl-C."
    )
    parser.add_argument("--port", type=_port, default=8000, help="of the forum (8000)")
    parser.add_argument(
        "--data", type=Path, default=VAR, help="the folder to keep everything in (var/)"
    )
    parser.add_argument(
        "--monolith", action="store_true", help="the monolith in place of the three services"
    )
    parser.add_argument(
        "--sample", action="store_true", help="load a small made-up forum if there is none"
    )
    return parser.parse_args()


def _port(text: str) -> int:
    if not (text.isdecimal() and 0 < int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1 to 65535")
    return int(text)


def _stop(number: int, frame: FrameType | None) -> None:
    # Once is enough: the parts are being stopped, and a second Ctrl-C must not leave one behind.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise StopRequested


def _announce(forum: Forum, data: Path) -> None:
    pages = "\n".join(f"    {forum.url}{page}" for page in API_PAGES)
    given = "" if data == VAR else f" --data {data}"
    part = next(iter(forum.services))
    print(
        f"\n  The forum answers at {forum.url}/api/topics\n"
        f"  Its API, to read and to try:\n{pages}\n"
        f"  The first admin, once NAME is registered:\n"
        f"    scripts/run{given} {part}.admin promote NAME\n"
        "  Ctrl-C stops it.\n",
        flush=True,
    )
