"""One log of all parts: each line with the name of its part in front, in colour on a terminal."""

import contextlib
import threading
from typing import TextIO

COLOURS = {
    "forum": "1",
    "postgres": "34",
    "gateway": "35",
    "monolith": "32",
    "users": "32",
    "topics": "33",
    "messages": "36",
}


class Log:
    """Writes whole lines, from any thread."""

    def __init__(self, output: TextIO) -> None:
        self._output = output
        self._coloured = output.isatty()
        self._lock = threading.Lock()

    def say(self, part: str, line: str) -> None:
        """Write the line under the part's name."""
        name = f"{part:<8}"
        if self._coloured:
            name = f"\x1b[{COLOURS.get(part, '0')}m{name}\x1b[0m"
        # Where nobody reads any more (`scripts/up | head`) the parts must still be listened to:
        # one that cannot write its log would stand still.
        with self._lock, contextlib.suppress(BrokenPipeError):
            self._output.write(f"{name} | {line}\n")
            self._output.flush()
