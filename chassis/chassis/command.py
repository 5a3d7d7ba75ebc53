"""What an image runs: `serve`, or another command of its service, as the one process in there.

`python -m chassis.command users migrate` is `python -m users.migrate`.
"""

import runpy
import signal
import sys
from pathlib import Path
from types import FrameType


def main() -> None:
    """Become the command that the arguments name; `serve` when they name none."""
    service, *given = sys.argv[1:]
    command, *arguments = given or ["serve"]
    # The first process of a container ignores a signal that it does not handle, and a server
    # handles it only once it has started.
    signal.signal(signal.SIGTERM, _end)
    commands = _commands(service)
    if command not in commands:
        sys.exit(f"There is no command '{command}'. There are: {', '.join(sorted(commands))}.")
    sys.argv[1:] = arguments
    runpy.run_module(commands[command], run_name="__main__", alter_sys=True)


def _commands(service: str) -> dict[str, str]:
    """The module of each command: those of the service that can be run."""
    files = Path(service).glob("*.py")
    runnable = (file.stem for file in files if '__name__ == "__main__"' in file.read_text())
    return {"serve" if name == "__main__" else name: f"{service}.{name}" for name in runnable}


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
