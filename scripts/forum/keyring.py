"""The secrets of a local forum: made once, kept in files that only their owner can read."""

import os
import secrets
from pathlib import Path


class Keyring:
    """A folder of secrets by name."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder

    def __contains__(self, name: str) -> bool:
        return (self._folder / name).exists()

    def get(self, name: str) -> str:
        """The secret of that name, made now if it is the first time."""
        path = self._folder / name
        if name not in self:
            # Renamed when whole: an interrupted run leaves no half of a secret.
            scratch = path.with_suffix(".new")
            scratch.unlink(missing_ok=True)
            handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_hex(32))
            scratch.rename(path)
        return path.read_text()
