"""The rows of a dump's XML files, one at a time in constant memory."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.parsers import expat

from chassis.archive import Progress
from forum.errors import ForumError

CHUNK_BYTES = 1 << 16


@dataclass(frozen=True)
class Row:
    """The attributes of a `<row>`, and where it stands."""

    file: str
    line: int
    values: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}, Id {self.values.get('Id', '(none)')}"


class _Reader:
    """What expat calls. Entities are refused: they can be bombs, and no dump has any."""

    def __init__(self, path: Path, root: str) -> None:
        self.rows: list[Row] = []
        self._path = path
        self._root = root
        self._depth = 0
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.EntityDeclHandler = self._refuse_entity
        # A DOCTYPE may name a file of declarations: it is not read.
        self.parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 1 and name != self._root:
            raise ForumError(
                f"{self._path} begins with <{name}>, not with <{self._root}>: is it another file"
                " of the dump?"
            )
        if self._depth == 2:
            line = self.parser.CurrentLineNumber
            self.rows.append(Row(self._path.name, line, attributes if name == "row" else {}))

    def _end(self, _: str) -> None:
        self._depth -= 1

    def _refuse_entity(self, name: str, *_: object) -> None:
        raise ForumError(
            f"{self._path}, line {self.parser.CurrentLineNumber}: the file declares an entity"
            f" ('{name}'). No Stack Exchange dump does: this file is refused."
        )


def read_rows(path: Path, root: str) -> Iterator[Row]:
    """Each row in the order of the file; an element that is no row is one without values."""
    reader, progress, count = _Reader(path, root), Progress(path.name), 0
    with path.open("rb") as file:
        while True:
            chunk = file.read(CHUNK_BYTES)
            try:
                reader.parser.Parse(chunk, not chunk)
            except expat.ExpatError as error:
                raise ForumError(
                    f"{path}, line {error.lineno}, column {error.offset}: not well-formed XML"
                    f" ({expat.ErrorString(error.code)}). Unpack the dump again, or repair the"
                    " line."
                ) from None
            yield from reader.rows
            count += len(reader.rows)
            progress.count(count)
            reader.rows.clear()
            if not chunk:
                progress.end()
                return


def find(dump: Path, name: str) -> Path | None:
    """A file of the dump, whatever the case of its name."""
    return next((path for path in sorted(dump.iterdir()) if path.name.lower() == name), None)
