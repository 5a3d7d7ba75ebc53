"""The files of a forum archive: NDJSON, and a manifest with counts and checksums.

The format is described in docs/archive.md. Reading and writing take constant memory: a line at
a time, and of the ids that were seen only the runs without a gap.
"""

import hashlib
import json
import os
import sys
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Literal, Self, TypeVar

from psycopg.types.json import Jsonb
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import PydanticCustomError, to_json

from chassis.text import LARGEST_ID, Line, Text

FORMAT: Literal["forum-archive-1"] = "forum-archive-1"
MANIFEST = "manifest.json"
PROGRESS_SECONDS = 2.0
CHUNK_BYTES = 1 << 20
Model = TypeVar("Model")
# What is said of a line of a private file in place of a message that may quote it.
_VALUELESS = {
    "missing": "Field required",
    "extra_forbidden": "a field that is not allowed here",
    "json_invalid": "Invalid JSON",
    "union_tag_invalid": "the field 'kind' names no kind of line there is",
    "union_tag_not_found": "the field 'kind' is missing",
}


class ArchiveError(Exception):
    """What is wrong with an archive or its target, in words for the person who runs the command."""


class Record(BaseModel):
    """One line of a file: JSON's own types, every field, and no other."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    def columns(self) -> Sequence[Any]:
        """What COPY takes of it: the fields in their order, unless a model says otherwise."""
        return [
            Jsonb(value) if isinstance(value, dict) else value
            for name in type(self).model_fields
            for value in (getattr(self, name),)
            if name != "kind"
        ]


def as_kept(kind: Line | Text) -> AfterValidator:
    """A text that the API would keep just so; one that it would change is refused."""

    def check(value: str) -> str:
        if kind.check(value) != value:
            raise PydanticCustomError(
                "not_as_kept", "the text has to be in NFC, with LF, a line without outer space"
            )
        return value

    return AfterValidator(check)


Id = Annotated[int, Field(ge=1, le=LARGEST_ID - 1)]
Version = Annotated[int, Field(ge=1, le=LARGEST_ID - 1)]
Moment = Annotated[AwareDatetime, AfterValidator(lambda moment: moment.astimezone(UTC))]


class FileFacts(BaseModel):
    """What the manifest says of a file."""

    rows: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Manifest(BaseModel):
    """`manifest.json`."""

    format: Literal["forum-archive-1"]
    files: dict[Annotated[str, Field(pattern=r"^[a-z-]+\.ndjson$")], FileFacts]


class Numbers:
    """A set of integers that are added in rising order, kept as runs without a gap."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def add(self, number: int) -> None:
        """`number` is greater than all before."""
        if self._ends and number == self._ends[-1] + 1:
            self._ends[-1] = number
        else:
            self._starts.append(number)
            self._ends.append(number)

    def __contains__(self, number: object) -> bool:
        if not isinstance(number, int):
            return False
        at = bisect_right(self._starts, number) - 1
        return at >= 0 and number <= self._ends[at]


class Progress:
    """Says on stderr now and then how far a file is, and once how long it took."""

    def __init__(self, what: str, total: int | None = None) -> None:
        self._what = what
        self._of = f" of {total:,}" if total is not None else ""
        self._began = self._said = time.monotonic()
        self._rows = 0

    def count(self, rows: int) -> None:
        """That many rows are done by now."""
        self._rows = rows
        if time.monotonic() - self._said >= PROGRESS_SECONDS:
            self._said = time.monotonic()
            self._say("")

    def end(self) -> None:
        """All rows are done."""
        self._say(", done")

    def _say(self, tail: str) -> None:
        seconds = time.monotonic() - self._began
        sys.stderr.write(f"{self._what}: {self._rows:,}{self._of} rows, {seconds:.0f} s{tail}\n")
        sys.stderr.flush()


class Archive:
    """An archive to read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / MANIFEST
        try:
            manifest = Manifest.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            raise ArchiveError(
                f"{path} does not exist. Give the folder of an archive: one that scripts/dump or"
                " scripts/convert-stackexchange wrote."
            ) from None
        except (OSError, ValidationError) as error:
            raise ArchiveError(f"{path} cannot be read: {explain(error)}.") from None
        self.files = manifest.files

    def __contains__(self, name: str) -> bool:
        return f"{name}.ndjson" in self.files

    def verify(self, names: Iterable[str]) -> None:
        """Check that these files, as far as the manifest has them, are what it says."""
        for name in names:
            path = self.folder / f"{name}.ndjson"
            if name in self:
                self._verify(path, self.files[path.name])
            elif path.exists():
                raise ArchiveError(
                    f"{path} is not in {MANIFEST}. Remove the file, or dump the archive again."
                )

    def read(
        self, name: str, adapter: TypeAdapter[Model], *, private: bool = False
    ) -> Iterator[tuple[int, Model]]:
        """Each record of a file with the number of its line.

        `private`: what is wrong is said without the value, for it may be a secret.
        """
        with (self.folder / f"{name}.ndjson").open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield number, adapter.validate_json(line)
                except ValidationError as error:
                    fault = explain(error, private=private)
                    raise ArchiveError(
                        f"{name}.ndjson, line {number}: {fault}. Repair the line, and"
                        f" the file's sha256 in {MANIFEST}; docs/archive.md tells what is allowed."
                    ) from None

    def _verify(self, path: Path, facts: FileFacts) -> None:
        digest, rows, last = hashlib.sha256(), 0, b"\n"
        try:
            with path.open("rb") as file:
                while chunk := file.read(CHUNK_BYTES):
                    digest.update(chunk)
                    rows += chunk.count(b"\n")
                    last = chunk[-1:]
        except OSError as error:
            raise ArchiveError(
                f"{path} is in {MANIFEST} but cannot be read ({error.strerror}). Copy or dump the"
                " archive again."
            ) from None
        if digest.hexdigest() != facts.sha256:
            raise ArchiveError(
                f"{path} was changed or cut: its sha256 is {digest.hexdigest()}, {MANIFEST} says"
                f" {facts.sha256}. Copy or dump the archive again."
            )
        if last != b"\n" or rows != facts.rows:
            raise ArchiveError(
                f"{path} has {rows} lines that end with LF, {MANIFEST} says {facts.rows}. Copy or"
                " dump the archive again."
            )


def explain(error: Exception, *, private: bool = False) -> str:
    """The first thing that is wrong: where, what, and the value unless it is private."""
    if not isinstance(error, ValidationError):
        return str(error)
    [first, *_] = error.errors(include_url=False)
    loc = first["loc"]
    if private:
        # After the kind of line and the field come the file's own names, as an unknown field's is.
        loc = loc[: 1 if first["type"] == "extra_forbidden" else 2]
    where = ".".join(str(part) for part in loc)
    if private:
        said = _VALUELESS.get(first["type"], f"not what it has to be ({first['type']})")
        return f"{where}: {said}" if where else said
    value = "" if first["type"] in ("json_invalid", "missing") else f" ({_short(first['input'])})"
    return f"{where}{value}: {first['msg']}" if where else f"{first['msg']}{value}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:79]}…"


class ArchiveWriter:
    """Writes files of an archive; they and the manifest appear when the block ends without error.

    What the folder holds of other parts stays, so that each service adds its own.
    """

    def __init__(self, folder: Path, names: Iterable[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._written: dict[str, FileFacts] = {}
        for name in names:
            if (folder / f"{name}.ndjson").exists():
                raise ArchiveError(
                    f"{folder / name}.ndjson exists. Give a new folder: a dump overwrites nothing."
                )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._finish()
        for name in self._written:
            with suppress(FileNotFoundError):
                self._partial(name).unlink()

    def write(self, name: str, rows: Iterable[Mapping[str, Any]], *, private: bool = False) -> int:
        """Write a file; each row's keys are in the order of docs/archive.md. The number of rows.

        `private`: for the eyes of its owner alone.
        """
        name = f"{name}.ndjson"
        self._written[name] = FileFacts(rows=0, sha256="0" * 64)
        progress, digest, count = Progress(name), hashlib.sha256(), 0
        with open(self._partial(name), "wb", opener=_opener(private)) as file:
            for count, row in enumerate(rows, 1):
                line = to_json(row) + b"\n"
                digest.update(line)
                file.write(line)
                progress.count(count)
            file.flush()
            os.fsync(file.fileno())
        progress.end()
        self._written[name] = FileFacts(rows=count, sha256=digest.hexdigest())
        return count

    def _finish(self) -> None:
        manifest = self._folder / MANIFEST
        files = Archive(self._folder).files if manifest.exists() else {}
        files = dict(sorted({**files, **self._written}.items()))
        whole = {"format": FORMAT, "files": {name: dict(facts) for name, facts in files.items()}}
        for name in self._written:
            self._partial(name).rename(self._folder / name)
        scratch = self._partial(MANIFEST)
        scratch.write_text(json.dumps(whole, indent=2) + "\n")
        scratch.rename(manifest)

    def _partial(self, name: str) -> Path:
        return self._folder / f"{name}.partial"


def _opener(private: bool) -> Callable[[str, int], int]:
    def opened(path: str, flags: int) -> int:
        # A file of that name that an interrupted dump left may have other rights.
        with suppress(FileNotFoundError):
            Path(path).unlink()
        return os.open(path, flags | os.O_EXCL, 0o600 if private else 0o644)

    return opened
