"""What a run says while it works: plain lines on stderr with the time spent, and a bill of it."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Progress:
    """Lines such as ` 1:07  users: 1 of 2 tasks run`; `steps` keeps how long each step took."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, float]] = []
        self._started = time.monotonic()

    def say(self, line: str) -> None:
        """One line, with the time since the command began."""
        minutes, seconds = divmod(int(self.seconds), 60)
        print(f"{minutes:>2}:{seconds:02}  {line}", file=sys.stderr, flush=True)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time what is done within under this name."""
        started = time.monotonic()
        self.say(f"{name} …")
        yield
        self.steps.append((name, round(time.monotonic() - started, 1)))

    @property
    def seconds(self) -> float:
        """Since the command began."""
        return time.monotonic() - self._started

    def bill(self) -> str:
        """How long each step took, in one line."""
        return ", ".join(f"{name} {spent:.0f} s" for name, spent in self.steps)
