"""A part of an archive into and out of a database, by COPY, in constant memory.

What is one part's is said by its Part; the commands are in chassis.archive_commands.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import groupby
from operator import attrgetter, or_
from pathlib import Path
from typing import Annotated, Any, LiteralString

import psycopg
from psycopg.rows import dict_row
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from chassis.archive import Archive, ArchiveError, ArchiveWriter, Numbers, Progress, Record

Connection = psycopg.Connection[dict[str, Any]]
Lines = Iterator[tuple[int, Any]]

_COPIED_LINE = re.compile(r"COPY \w+, line (\d+)")
_COLUMNS = re.compile(r"\(([^)]*)\)")
_MISSING_KEY = re.compile(r"\((\w+)\)=\((-?\w+)\)")


class Identified(BaseModel):
    """What is read of a file that another part owns."""

    model_config = ConfigDict(strict=True)
    id: int


@dataclass(frozen=True)
class Table:
    """The rows of one model: `copy` takes a record's columns, `select` gives rows.

    `key` is unique, and the order of the file. Several tables of one file are told apart by a
    field `kind`, and follow each other. `references` names, for a field, the file that has
    to hold its value as an id. `record` makes the archive's line of a selected row.
    """

    model: type[Record]
    copy: LiteralString
    select: LiteralString
    key: Callable[[Any], Any] = attrgetter("id")
    references: Mapping[str, str] = field(default_factory=dict)
    record: Callable[[dict[str, Any]], Mapping[str, Any]] = lambda row: row


@dataclass(frozen=True)
class File:
    """One file: mostly of one table. `after` are statements to run when its rows are in."""

    name: str
    tables: Sequence[Table]
    before: Sequence[LiteralString] = ()
    after: Sequence[LiteralString] = ()
    private: bool = False


@dataclass(frozen=True)
class Check:
    """`select` finds a row of `file` that must not be, by its fields; `problem` says why not."""

    file: str
    select: LiteralString
    problem: str


@dataclass(frozen=True)
class Part:
    """What one service owns of an archive.

    `occupied` selects one row, `found`: whether the database has content of its own already.
    """

    name: str
    files: Sequence[File]
    lock: LiteralString
    occupied: LiteralString
    required: Sequence[str]
    checks: Sequence[Check] = ()
    after: Sequence[LiteralString] = ()

    @property
    def borrowed(self) -> set[str]:
        """The files of other parts that this one refers to."""
        own = {file.name for file in self.files}
        tables = [table for file in self.files for table in file.tables]
        return {name for table in tables for name in table.references.values()} - own


class Loader:
    """Loads a part; `run` inside a transaction."""

    def __init__(self, conn: Connection, archive: Archive, part: Part) -> None:
        self._conn = conn
        self._archive = archive
        self._part = part
        self._ids: dict[str, Numbers | set[Any]] = {}

    def run(self) -> None:
        """Copy every file, check the whole, derive what an archive does not carry."""
        self._open()
        for file in self._part.files:
            if file.name in self._archive:
                self._load(file)
        for check in self._part.checks:
            self._check(check)
        for statement in self._part.after:
            self._conn.execute(statement)

    def _open(self) -> None:
        part, archive = self._part, self._archive
        archive.verify([*(file.name for file in part.files), *part.borrowed])
        for name in part.required:
            if name not in archive:
                raise ArchiveError(f"The archive has no {name}.ndjson, which {part.name} needs.")
        self._conn.execute(part.lock)
        [row] = self._conn.execute(part.occupied).fetchall()
        if row["found"]:
            raise ArchiveError(
                f"The database of {part.name} is not empty. An archive makes a forum whole: load it"
                " into a new one (another --data folder, or an empty database)."
            )
        for name in part.borrowed:
            if name in archive:
                ids = Numbers()
                for _, one in archive.read(name, TypeAdapter(Identified)):
                    ids.add(one.id)
                self._ids[name] = ids

    def _load(self, file: File) -> None:
        for statement in file.before:
            self._conn.execute(statement)
        models = [table.model for table in file.tables]
        lines = self._ordered(file, models, self._read(file))
        progress = Progress(f"{file.name}.ndjson", self._archive.files[f"{file.name}.ndjson"].rows)
        for model, group in groupby(lines, key=lambda line: type(line[1])):
            self._copy(file, file.tables[models.index(model)], group, progress)
        progress.end()
        for statement in file.after:
            self._conn.execute(statement)

    def _read(self, file: File) -> Lines:
        return self._archive.read(file.name, _adapter(file), private=file.private)

    def _ordered(self, file: File, models: Sequence[type[Record]], lines: Lines) -> Lines:
        """The lines as they are, seen to rise by key and to refer to what there is."""
        last: tuple[int, Any] | None = None
        seen: Numbers | set[Any] = Numbers()
        self._ids[file.name] = seen
        for number, record in lines:
            at = models.index(type(record))
            table = file.tables[at]
            key = (at, table.key(record))
            if last is not None and key <= last:
                fault = "is there twice" if key == last else f"comes after {_said(last[1], file)}"
                raise ArchiveError(
                    f"{file.name}.ndjson, line {number}: {_said(key[1], file)} {fault}. Each line"
                    " has a key of its own, and they rise."
                )
            if last is None and isinstance(key[1], str):
                seen = self._ids[file.name] = set()
            last = key
            self._refer(file, table, number, record)
            # Rows with a key of several fields are not referred to.
            if len(models) == 1 and not isinstance(key[1], tuple):
                seen.add(key[1])
            yield number, record

    def _refer(self, file: File, table: Table, number: int, record: Record) -> None:
        for name, target in table.references.items():
            value = getattr(record, name)
            if value is not None and target in self._ids and value not in self._ids[target]:
                raise ArchiveError(
                    f"{file.name}.ndjson, line {number}: {name} is {_said(value, file)}, and"
                    f" {target}.ndjson has no such row. Add the row, or repair the line."
                )

    def _copy(self, file: File, table: Table, lines: Lines, progress: Progress) -> None:
        first = number = 0
        try:
            with self._conn.cursor().copy(table.copy) as copy:
                for number, record in lines:
                    first = first or number
                    copy.write_row(record.columns())
                    progress.count(number)
        except psycopg.errors.ForeignKeyViolation as error:
            self._blame_reference(file, table, error)
        except (psycopg.errors.IntegrityError, psycopg.DataError) as error:
            found = _COPIED_LINE.search(error.diag.context or "")
            line = f", line {first + int(found[1]) - 1}" if found else ""
            raise ArchiveError(f"{file.name}.ndjson{line}: {_fault(error, file)}") from None

    def _blame_reference(self, file: File, table: Table, error: psycopg.Error) -> None:
        """The database says which value has no row, but not on which line."""
        detail = error.diag.message_detail or str(error)
        if found := _MISSING_KEY.search(detail):
            name, value = found.groups()
            columns = _COLUMNS.search(table.copy)
            at = [column.strip() for column in (columns[1] if columns else "").split(",")].index(
                name
            )
            for number, record in self._read(file):
                if isinstance(record, table.model) and str(record.columns()[at]) == value:
                    raise ArchiveError(
                        f"{file.name}.ndjson, line {number}: {name} is {value}, and there is no"
                        " such row. Add the row, or repair the line."
                    ) from None
        raise ArchiveError(f"{file.name}.ndjson: {_fault(error, file)}") from None

    def _check(self, check: Check) -> None:
        if check.file not in self._archive:
            return
        row = self._conn.execute(check.select).fetchone()
        if row is None:
            return
        [file] = [file for file in self._part.files if file.name == check.file]
        [table] = file.tables
        wanted = {name: row[name] for name in row if name in table.model.model_fields}
        for number, record in self._read(file):
            if all(getattr(record, name) == value for name, value in wanted.items()):
                where = f", line {number}"
                break
        else:
            where = ""
        raise ArchiveError(f"{file.name}.ndjson{where}: {check.problem.format_map(row)}")


def _adapter(file: File) -> TypeAdapter[Any]:
    models: Any = reduce(or_, [table.model for table in file.tables])
    if len(file.tables) == 1:
        return TypeAdapter(models)
    return TypeAdapter(Annotated[models, Field(discriminator="kind")])


def _said(key: Any, file: File) -> str:
    # Numbers are ids; a text of a private file may be a secret.
    if isinstance(key, str):
        return "the key" if file.private else repr(key)
    return str(key)


def _fault(error: psycopg.Error, file: File) -> str:
    """The database's words; they quote the row, so of a private file only which rule it broke."""
    if not file.private:
        return error.diag.message_detail or str(error)
    rule = error.diag.constraint_name or error.diag.column_name or type(error).__name__
    fault = "already exists" if error.sqlstate == "23505" else "is not allowed"
    return f"a value {fault} ({rule}). Repair the line, or dump the archive again."


def load(conn: Connection, folder: Path, part: Part) -> None:
    """Load a part in the caller's transaction; ArchiveError where it cannot be."""
    Loader(conn, Archive(folder), part).run()


def dump(conn: Connection, folder: Path, part: Part, *, private: bool) -> None:
    """Write a part as it is at one moment, the private file too if asked for."""
    files = [file for file in part.files if private or not file.private]
    with conn.transaction(), ArchiveWriter(folder, [file.name for file in files]) as writer:
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        for file in files:
            rows = (row for table in file.tables for row in _selected(conn, table))
            writer.write(file.name, rows, private=file.private)


def _selected(conn: Connection, table: Table) -> Iterator[Mapping[str, Any]]:
    described = conn.execute(f"{table.select} LIMIT 0").description or []
    names = [column.name for column in described]
    with conn.cursor().copy(f"COPY ({table.select}) TO STDOUT") as copy:
        copy.set_types([column.type_code for column in described])
        for row in copy.rows():
            yield table.record(dict(zip(names, row, strict=True)))


def connect(url: str) -> Connection:
    """A connection for one long transaction."""
    return psycopg.connect(
        url, autocommit=True, row_factory=dict_row, options="-c timezone=UTC -c jit=off"
    )
