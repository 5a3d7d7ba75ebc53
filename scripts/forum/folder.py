"""The folder in which a forum keeps everything: `postgres/`, `secrets/`, `run/`."""

import fcntl
import os
from pathlib import Path
from typing import Self

from forum.errors import ForumError
from forum.keyring import Keyring


class DataFolder:
    """A data folder, held by one forum at a time.

    The hold is a file lock: the kernel lets go of it when the process ends, however it ends.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.postgres = self.path / "postgres"
        self.run = self.path / "run"
        self.run.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.run / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise ForumError(
                f"A forum is running on {self.path} already. Stop it, or give this one a folder"
                " of its own with --data."
            ) from None
        self.keyring = Keyring(self.path / "secrets")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        (self.run / "forum.json").unlink(missing_ok=True)
        os.close(self._lock)
