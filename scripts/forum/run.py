"""`scripts/run`: a part's own command, such as `users.admin`, on the forum that runs."""

import argparse
import json
import os
import sys
from pathlib import Path

from forum.places import ROOT, folder_of


def main() -> None:
    """Become `python -m COMMAND` with the settings that `scripts/up` wrote down."""
    parser = argparse.ArgumentParser(
        prog="scripts/run",
        description="Run a command of a service with the settings of the forum that runs here.",
        epilog="For example: scripts/run users.admin promote NAME",
    )
    parser.add_argument("--data", type=Path, default=ROOT / "var", help="that forum's (var/)")
    parser.add_argument("command", help="PART.COMMAND, e.g. users.admin, topics.rebuild")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="what the command is given")
    options = parser.parse_args()
    facts = options.data / "run" / "forum.json"
    if not facts.exists():
        sys.exit(f"scripts/run: no forum runs on {options.data}. Start it with scripts/up first.")
    environments = json.loads(facts.read_text())["environments"]
    part = options.command.partition(".")[0]
    if part not in environments:
        sys.exit(f"scripts/run: no {part} runs here, but {', '.join(environments)}.")
    os.chdir(folder_of(part))
    python = [sys.executable, "-m", options.command, *options.arguments]
    os.execve(sys.executable, python, {**os.environ, **environments[part]})  # noqa: S606
