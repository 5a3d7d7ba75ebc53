"""One part of a forum as a process that is kept running: started, watched, named when it dies."""

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from forum.leashed import leashed

Say = Callable[[str, str], None]
"""Takes the name of a part and a line of its log."""
SETTLED_SECONDS = 10.0


@dataclass(frozen=True)
class Program:
    """What to run, and how to end it; `last_signal` is for when the supervisor itself is gone."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    cwd: Path
    url: str = ""
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    last_signal: signal.Signals = signal.SIGKILL


class Part:
    """A process and the thread that watches it.

    The thread starts the process too, and lives as long: the kernel ends a leashed process with
    the *thread* that started it.
    """

    def __init__(self, program: Program, say: Say, on_crash: Callable[[str, str], None]) -> None:
        self.name = program.name
        self.url = program.url
        self._program = program
        self._say = say
        self._on_crash = on_crash
        self._wanted = False
        self._process: subprocess.Popen[str] | None = None
        self._thread: threading.Thread | None = None
        self._change = threading.Condition()

    @property
    def pid(self) -> int:
        """The process's number; another one after a restart."""
        if self._process is None:
            raise RuntimeError(f"{self.name} is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether there is a process; it may not answer yet."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and keep it running; nothing when it is meant to run already."""
        if self._wanted:
            return
        if self._thread is not None:
            self._thread.join()
        self._wanted = True
        self._thread = threading.Thread(target=self._keep_running, name=self.name, daemon=True)
        with self._change:
            self._thread.start()
            self._change.wait_for(lambda: self._process is not None or not self._wanted, 10)

    def want_no_more(self) -> None:
        """Leave it as it is, but start it no more when it ends."""
        with self._change:
            self._wanted = False
            self._change.notify_all()

    def end(self, how: signal.Signals | None = None) -> None:
        """Send it the signal to stop, or the one given, and start it no more; `wait` follows."""
        self.want_no_more()
        if process := self._process:
            process.send_signal(how or self._program.stop_signal)

    def wait(self, seconds: float) -> None:
        """Wait until it has ended, and end it the hard way after so many seconds."""
        if self._thread is None:
            return
        self._thread.join(seconds)
        if self._thread.is_alive():
            self._say(self.name, f"did not stop within {seconds:.0f} s and is killed")
            self.end(signal.SIGKILL)
            self._thread.join()

    def _keep_running(self) -> None:
        crashes = 0
        while self._wanted:
            started = time.monotonic()
            status = self._run_once()
            if not self._wanted:
                return
            crashes = 1 if time.monotonic() - started > SETTLED_SECONDS else crashes + 1
            self._on_crash(self.name, _described(status))
            with self._change:
                # At once the first time, then slower: what it needs may still be coming up.
                self._change.wait_for(lambda: not self._wanted, min(0.5 * (crashes - 1), 5))

    def _run_once(self) -> int:
        program = self._program
        with subprocess.Popen(
            leashed(program.command, user=program.user, last_signal=program.last_signal),
            env=program.environment,
            cwd=program.cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # Its own group: Ctrl-C reaches the supervisor alone, which stops all in order.
            process_group=0,
        ) as process:
            with self._change:
                self._process = process
                self._change.notify_all()
            if not self._wanted:
                process.send_signal(self._program.stop_signal)
            for line in process.stdout or ():
                self._say(self.name, line.rstrip("\n"))
        with self._change:
            self._process = None
        return process.returncode


def _described(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
