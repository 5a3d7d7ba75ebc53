"""The virtual environment that all scripts run in. Standard library alone: it comes first.

`.venv/stamps/` says which lock files are installed, by their hash, so that a script whose lock is
there starts at once. All locks pin the same versions: one environment serves every script.
"""

import fcntl
import hashlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE_FOLDERS = (
    "chassis", "monolith", "services/users", "services/topics", "services/messages", "scripts",
)  # fmt: skip
VENV = ROOT / ".venv"
BIN = VENV / "bin"
STAMPS = VENV / "stamps"
BOOTSTRAP = "requirements-bootstrap.lock"
LOCAL = "requirements-local.lock"
DEPLOY = "requirements-deploy.lock"
# A development environment holds everything that the others ask for.
DEVELOPMENT = "requirements-dev.lock"


def run_with(lock: str) -> None:
    """Make the environment hold what `lock` pins, and go on in it."""
    if not _stamped(lock):
        with _one_at_a_time():
            _install(lock)
    if Path(sys.prefix).resolve() != VENV.resolve():
        python = str(BIN / "python")
        os.execv(python, [python, *sys.argv])  # noqa: S606 - no shell is wanted


def ensure_uv() -> None:
    """Make the environment with `uv` in it, if it is not there."""
    with _one_at_a_time():
        _bootstrap()


def _install(lock: str) -> None:
    if _stamped(lock):
        return
    _bootstrap()
    print(f"Installing what {lock} names into .venv (only when it changes) …", flush=True)
    uv = [str(BIN / "uv"), "pip", "install", "--quiet", "--python", str(BIN / "python")]
    _call([*uv, "--require-hashes", "--compile-bytecode", "-r", str(ROOT / lock)])
    for packages in VENV.glob("lib/python*/site-packages"):
        (packages / "forum.pth").write_text(
            "".join(f"{ROOT / folder}\n" for folder in PACKAGE_FOLDERS)
        )
    for held in (LOCAL, DEPLOY, DEVELOPMENT) if lock == DEVELOPMENT else (lock,):
        _stamp(held)


def _bootstrap() -> None:
    if _stamped(BOOTSTRAP):
        return
    print("Making .venv …", flush=True)
    _call([sys.executable, "-m", "venv", "--clear", "--without-pip", str(VENV)])
    python = str(BIN / "python")
    pip = [sys.executable, "-m", "pip", "--python", python]
    if importlib.util.find_spec("pip") is None:
        # Takes seconds, so only where this Python has none to lend.
        _call([python, "-m", "ensurepip"])
        pip = [python, "-m", "pip"]
    quietly = ["--quiet", "--disable-pip-version-check", "--no-compile"]
    _call([*pip, "install", *quietly, "--require-hashes", "-r", str(ROOT / BOOTSTRAP)])
    _stamp(BOOTSTRAP)


def _call(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(
            f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}\n"
            "The first run needs a network, and Python's venv module (python3-venv on Debian)."
        )


def _fingerprint(lock: str) -> str:
    return hashlib.sha256((ROOT / lock).read_bytes()).hexdigest()


def _stamped(lock: str) -> bool:
    stamp = STAMPS / lock
    # The interpreter that made the environment may have been removed since.
    if not (stamp.exists() and (BIN / "python").exists()):
        return False
    return stamp.read_text() == _fingerprint(lock)


def _stamp(lock: str) -> None:
    STAMPS.mkdir(exist_ok=True)
    (STAMPS / lock).write_text(_fingerprint(lock))


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    handle = os.open(ROOT / "scripts", os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
