"""Command lines of processes that die with their parent."""

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

LEASH = str(Path(__file__).with_name("leash.py"))


def leashed(
    command: Sequence[str],
    *,
    user: str | None = None,
    last_signal: signal.Signals = signal.SIGKILL,
) -> list[str]:
    """The command line that runs `command` until it ends or the thread that started it does."""
    as_user = ["--as-user", user] if user else []
    # -I -S: the leash wants nothing of the environment and starts in a sixtieth of a second.
    return [sys.executable, "-I", "-S", LEASH, *as_user, str(last_signal.value), *command]
