"""What a migration must not do while the release before it runs, as far as its SQL tells.

A migration breaks the running release when it takes away, renames or narrows what that one uses. It
may do so only where it says which release was the last to use it, a release later:

    contracts = "1.4 was the last release that read users.nickname"

A migration blocks when it holds a lock for as long as a large table takes. None may.
"""

import importlib.util
import io
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

CONSTRAINT = r"^ADD (CONSTRAINT \S+ )?"
COLUMN = r"^ADD (?!CONSTRAINT\b|CHECK\b|UNIQUE\b|PRIMARY\b|FOREIGN\b|EXCLUDE\b)"
# In an ALTER TABLE each clause is looked at; everything else is one.
BREAKS = {
    r"^DROP (?!INDEX\b)": "takes away what the running release uses",
    r"^DROP INDEX\b": "the running release may need the index, be it for ON CONFLICT",
    r"^ALTER .*\bDROP (DEFAULT|IDENTITY)\b": "the running release does not fill the column itself",
    r"\bRENAME\b": "the running release knows the old name",
    r"^ALTER (COLUMN )?\S+ (SET DATA )?TYPE\b": "the running release expects the old type",
    r"\bSET NOT NULL\b": "the running release may write NULL",
    COLUMN + r"(?!.*\b(DEFAULT|GENERATED)\b).*\bNOT NULL\b": "the running release leaves the column"
    " out: give it a DEFAULT, or let it be NULL",
    CONSTRAINT + r"(CHECK|UNIQUE|PRIMARY|FOREIGN|EXCLUDE)\b": "the running release may write what"
    " the constraint refuses",
    r"^CREATE UNIQUE INDEX\b": "the running release may write what the index refuses",
    r"^(TRUNCATE|REVOKE)\b": "takes away what the running release uses",
}
BLOCKS = {
    r"^CREATE (UNIQUE )?INDEX (?!CONCURRENTLY\b)": "writes wait until the index is there:"
    " CREATE INDEX CONCURRENTLY in an autocommit_block",
    r"^DROP INDEX (?!CONCURRENTLY\b)": "DROP INDEX CONCURRENTLY in an autocommit_block",
    r"^(REINDEX\b(?!.*\bCONCURRENTLY\b)|CLUSTER\b|VACUUM\b.*\bFULL\b|LOCK\b)": "locks a table",
    CONSTRAINT + r"(CHECK|FOREIGN)\b(?!.*\bNOT VALID\b)": "reads the whole table under its lock:"
    " add it NOT VALID, and VALIDATE it in another migration",
    CONSTRAINT + r"(UNIQUE|PRIMARY|EXCLUDE)\b(?!.*\bUSING INDEX\b)": "makes an index under a lock:"
    " make it CONCURRENTLY before, and add the constraint USING INDEX",
    COLUMN + r".*\b(UNIQUE|PRIMARY KEY)\b": "makes an index under a lock",
    COLUMN + r".*\b(GENERATED|(BIG|SMALL)?SERIAL|DEFAULT (?!NOW\b)\w+ ?\()": "rewrites the whole"
    " table under its lock",
    r"^(UPDATE|DELETE)\b(?!.*\bWHERE\b)": "changes a whole table in one transaction",
    r"^DO\b": "cannot be read here: write it as plain statements",
    r"\bLOCK_TIMEOUT\b": "a migration waits 3 s for a lock, so that requests do not wait behind it",
}
NOT_SQL = re.compile(r"('(?:[^']|'')*'|\$(\w*)\$.*?\$\2\$)|--[^\n]*|/\*.*?\*/", re.DOTALL)
CREATED = re.compile(r"^CREATE (?:UNLOGGED )?TABLE (?:IF NOT EXISTS )?([\w.]+)")
TABLE = re.compile(r"^(?:ALTER TABLE|CREATE.* INDEX\b.*? ON|UPDATE|DELETE FROM) "
                   r"(?:IF EXISTS )?(?:ONLY )?([\w.]+) ?(.*)")  # fmt: skip
# What an interrupted run left of an index goes before the index is made.
MADE_ANEW = re.compile(r"^DROP INDEX CONCURRENTLY IF EXISTS (\w+)$")
INDEX = re.compile(r"^CREATE INDEX CONCURRENTLY (\w+)")
RELEASE = re.compile(r"\b\d+\.\d+")


def problems(file: Path) -> list[str]:
    """What is wrong with a migration; nothing for the first, which no release was there before."""
    module = _load(file)
    if module.down_revision is None:
        return []
    contracts = getattr(module, "contracts", "")
    clauses = list(_clauses(_sql(module)))
    breaks = list(_matches(BREAKS, clauses))
    found = list(_matches(BLOCKS, clauses))
    if contracts and not RELEASE.search(contracts):
        found.append("`contracts` does not say which release was the last to use what goes")
    if contracts and not breaks:
        found.append("`contracts`, and yet nothing is taken away")
    return found if contracts else [*breaks, *found]


def _load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _sql(module: ModuleType) -> str:
    """What the migration would run, whether it is written as SQL or as Alembic's operations."""
    said = io.StringIO()
    options = {"as_sql": True, "output_buffer": said}
    context = MigrationContext.configure(dialect_name="postgresql", opts=options)
    with Operations.context(context):
        module.upgrade()
    return said.getvalue()


def _clauses(text: str) -> Iterator[str]:
    """Each statement about what was there before this migration, an ALTER TABLE by its clauses."""
    plain = NOT_SQL.sub(lambda found: "''" if found[1] else " ", text).upper().replace('"', "")
    statements = [" ".join(statement.split()) for statement in plain.split(";")]
    created = {found[1] for statement in statements if (found := CREATED.match(statement))}
    indexes = {found[1] for statement in statements if (found := INDEX.match(statement))}
    for statement in statements:
        about, leftover = TABLE.match(statement), MADE_ANEW.match(statement)
        if (about and about[1] in created) or (leftover and leftover[1] in indexes):
            continue
        if about and statement.startswith("ALTER TABLE"):
            yield from _split(about[2])
        else:
            yield statement


def _split(clauses: str) -> Iterator[str]:
    """Split at the commas that are outside of parentheses."""
    depth, start = 0, 0
    for place, character in enumerate(clauses):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            yield clauses[start:place].strip()
            start = place + 1
    yield clauses[start:].strip()


def _matches(rules: dict[str, str], clauses: list[str]) -> Iterator[str]:
    for clause in clauses:
        for pattern, why in rules.items():
            if re.search(pattern, clause):
                yield f"{clause}: {why}"
