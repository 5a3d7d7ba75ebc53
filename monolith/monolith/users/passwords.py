"""Argon2id, off the event loop: a hash takes as long as hundreds of other requests."""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor

from pwdlib.hashers.argon2 import Argon2Hasher

# OWASP's least: 19 MiB, two passes, one lane.
_HASHER = Argon2Hasher(memory_cost=19 * 1024, time_cost=2, parallelism=1)
# Bounds the memory and leaves processors to everything else; argon2 runs without the GIL.
THREADS = 2


class Passwords:
    """Hashes and checks passwords in a bounded pool of threads."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords")
        # Nobody knows this password: what is compared with it fails, after the usual time.
        self._nobody = _HASHER.hash(secrets.token_hex(32))

    async def hash(self, password: str) -> str:
        """The hash to keep."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, _HASHER.hash, password)

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether it is the password. Without a hash it takes the same time and is not."""
        known = password_hash or self._nobody
        right = await asyncio.get_running_loop().run_in_executor(
            self._pool, _HASHER.verify, password, known
        )
        return right and password_hash is not None

    def close(self) -> None:
        """End the threads once their work is done."""
        self._pool.shutdown(wait=False)
