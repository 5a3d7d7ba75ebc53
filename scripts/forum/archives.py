"""A forum archive into and out of a whole forum: each part's own commands, run together."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chassis.archive import MANIFEST, Archive, ArchiveError
from chassis.archive_commands import COMMIT, READY
from forum.errors import ForumError
from forum.folder import DataFolder
from forum.instance import Forum
from forum.places import folder_of

Environments = Mapping[str, Mapping[str, str]]
"""The settings of each part by its name: of the three services, or of the monolith."""

FILES = (
    *("users", "categories", "topics", "messages", "revisions", "reactions"),
    *("audit-users", "audit-topics", "audit-messages", "credentials"),
)
# Who is dumped later knows everyone that a row dumped before refers to: nothing is ever deleted.
DUMP_ORDER = ("messages", "topics", "users", "monolith")


@contextmanager
def parts_of(data: Path, *, monolith: bool) -> Iterator[Environments]:
    """The parts of the forum on a data folder: of the running one, or started for this."""
    if is_running(data):
        facts = json.loads((data / "run" / "forum.json").read_text())
        if monolith and facts["mode"] != "monolith":
            raise ForumError(
                f"The services run on {data}, not the monolith. Stop them, or leave out --monolith."
            )
        yield facts["environments"]
        return
    print(f"No forum runs on {data}: starting its parts for this.", file=sys.stderr)
    with Forum(data, "monolith" if monolith else "services") as forum:
        yield forum.environments


def is_running(data: Path) -> bool:
    """Whether a forum holds the data folder."""
    if not (data / "run" / "forum.json").exists():
        return False
    try:
        # Taking hold of it clears away what a killed forum left.
        with DataFolder(data):
            return False
    except ForumError:
        return True


def load(folder: Path, environments: Environments) -> None:
    """Load an archive into all parts or into none, then rebuild what they keep of each other."""
    load_rows(folder, environments)
    rebuild(environments)


def load_rows(folder: Path, environments: Environments) -> None:
    """The first half of `load`, for which the parts' databases are enough."""
    _check(folder)
    _load_together(folder.resolve(), environments)


def rebuild(environments: Environments) -> None:
    """Make anew what the services keep of each other; they have to run."""
    for part, settings in environments.items():
        if part != "monolith" and _python(part, settings, "rebuild").wait() != 0:
            raise ForumError(
                f"The archive is loaded, but `{part}.rebuild` failed: see above. Cards and counters"
                f" of {part} are not right until it is run again: start scripts/up, then"
                f" scripts/run {part}.rebuild."
            )


def dump(folder: Path, environments: Environments, *, credentials: bool) -> None:
    """Dump all parts into a new folder, which appears when it is whole."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ForumError(f"{folder} exists and is not empty. Give a new folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}-") as made:
        whole = Path(made).resolve() / "archive"
        for part in DUMP_ORDER:
            if part in environments:
                asked = ["--credentials"] if credentials and part in ("users", "monolith") else []
                if _python(part, environments[part], "dump", str(whole), *asked).wait() != 0:
                    raise ForumError(f"{part} could not be dumped: see above. Nothing was written.")
        whole.rename(folder)


def _check(folder: Path) -> None:
    try:
        archive = Archive(folder)
        unknown = sorted(set(archive.files) - {f"{name}.ndjson" for name in FILES})
        if unknown:
            raise ForumError(
                f"{folder / MANIFEST} names {unknown[0]}, which this version does not know."
            )
        archive.verify(FILES)
    except ArchiveError as error:
        raise ForumError(f"{error}\nNothing was changed.") from None


def _load_together(folder: Path, environments: Environments) -> None:
    """Each part loads in a transaction of its own; all commit once all are ready to."""
    loading = {
        part: _python(part, settings, "load", str(folder), "--hold", talks=True)
        for part, settings in environments.items()
    }
    try:
        with ThreadPoolExecutor(len(loading)) as pool:
            lines = {pool.submit(_read_line, one): one for one in loading.values()}
            ready = all(line.result() == READY for line in _until_failure(lines, loading))
        if not ready:
            raise ForumError("The archive was not loaded: see above. Nothing was changed.")
        for one in loading.values():
            one.communicate(f"{COMMIT}\n")
        failed = [part for part, one in loading.items() if one.returncode != 0]
        if failed:
            raise ForumError(
                f"{', '.join(failed)} could not commit: see above. The forum is only partly"
                " loaded: remove its data folder and load again."
            )
    finally:
        for one in loading.values():
            one.terminate()
            one.wait()


def _until_failure(lines: Mapping[Any, Any], loading: Mapping[str, Any]) -> Iterator[Any]:
    for line in as_completed(lines):
        if line.result() != READY:
            for one in loading.values():
                one.terminate()
        yield line


def _read_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None  # noqa: S101 -- it talks
    return process.stdout.readline().strip()


def _python(
    part: str, settings: Mapping[str, str], command: str, *arguments: str, talks: bool = False
) -> "subprocess.Popen[str]":
    pipe = subprocess.PIPE if talks else None
    return subprocess.Popen(
        [sys.executable, "-m", f"{part}.{command}", *arguments],
        cwd=folder_of(part),
        env={**os.environ, **settings},
        stdin=pipe or subprocess.DEVNULL,
        stdout=pipe or sys.stderr,
        text=True,
    )
