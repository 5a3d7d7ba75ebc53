"""What a migration would run, statement by statement, as its text tells."""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

NOT_SQL = re.compile(r"('(?:[^']|'')*'|\$(\w*)\$.*?\$\2\$)|--[^\n]*|/\*.*?\*/", re.DOTALL)
CREATED = re.compile(r"^CREATE TABLE ([\w.]+) ?\((?!.*\bINHERITS\b)(.*)\)$")
TABLE = re.compile(r"^(?:ALTER TABLE|CREATE.* INDEX\b.*? ON|UPDATE|DELETE FROM) "
                   r"(?:IF EXISTS )?(?:ONLY )?([\w.]+) ?(.*)")  # fmt: skip
REFERS = re.compile(r"\bREFERENCES ([\w.]+)(?!.*\bON DELETE (?:CASCADE|SET NULL)\b)")
# What an interrupted run left of an index goes before the index is made.
MADE_ANEW = re.compile(r"^DROP INDEX CONCURRENTLY IF EXISTS (\w+)$")
INDEX = re.compile(r"^CREATE (?:UNIQUE )?INDEX CONCURRENTLY (\w+)")


@dataclass(frozen=True, slots=True)
class Statement:
    """In capitals, without its strings; of an ALTER TABLE one clause."""

    text: str
    # Outside of the migration's transaction, by itself.
    autocommit: bool


def statements(module: ModuleType) -> Iterator[Statement]:
    """Each statement about what was there before this migration, an ALTER TABLE by its clauses."""
    plain = NOT_SQL.sub(lambda found: "''" if found[1] else " ", _sql(module))
    texts = [" ".join(text.split()) for text in plain.upper().replace('"', "").split(";")]
    created = {found[1] for text in texts if (found := CREATED.match(text))}
    indexes = {found[1] for text in texts if (found := INDEX.match(text))}
    autocommit = False
    for text in filter(None, texts):
        if text in ("COMMIT", "BEGIN"):
            autocommit = text == "COMMIT"
            continue
        leftover = MADE_ANEW.match(text)
        if not (leftover and leftover[1] in indexes):
            for clause in _clauses(text, created):
                yield Statement(clause, autocommit)


def _sql(module: ModuleType) -> str:
    """What the migration would run, whether it is written as SQL or as Alembic's operations.

    An autocommit_block is between a COMMIT and a BEGIN.
    """
    said = io.StringIO()
    options = {"as_sql": True, "output_buffer": said}
    context = MigrationContext.configure(dialect_name="postgresql", opts=options)
    with Operations.context(context):
        module.upgrade()
    return said.getvalue()


def _clauses(text: str, created: set[str]) -> Iterator[str]:
    new, about = CREATED.match(text), TABLE.match(text)
    if new:
        columns = split(new[2])
        old = [one for one in columns if (to := REFERS.search(one)) and to[1] not in created]
        # Without what is harmless in it.
        yield f"CREATE TABLE {new[1]} ({', '.join(old)})"
    elif about and about[1] in created:
        return
    elif about and text.startswith("ALTER TABLE"):
        yield from split(about[2])
    else:
        yield text


def split(clauses: str) -> list[str]:
    """Split at the commas that are outside of parentheses."""
    depth, start, found = 0, 0, []
    for place, character in enumerate(clauses):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            found.append(clauses[start:place].strip())
            start = place + 1
    return [*found, clauses[start:].strip()]
