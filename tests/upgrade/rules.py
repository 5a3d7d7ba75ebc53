"""What a migration must not do while the release before it runs, as far as its SQL tells.

A migration breaks the running release when it takes away, renames or narrows what that one uses. It
may do so only where it says which release was the last to use it, a release later:

    contracts = "1.4 was the last release that read users.nickname"

A migration blocks when it holds a lock for as long as a large table takes. None may. Nor may one do
what is on no list here, until somebody has thought about it and added it.
"""

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from .statements import Statement, statements

CONSTRAINT = r"^ADD (CONSTRAINT \S+ )?"
COLUMN = r"^ADD (?!CONSTRAINT\b|CHECK\b|UNIQUE\b|PRIMARY\b|FOREIGN\b|EXCLUDE\b)"
DATA = r"^((UPDATE|DELETE|MERGE|WITH)\b|INSERT\b.*\bSELECT\b)"
TYPE = (
    r"(?!NOT\b|NULL\b|DEFAULT\b)[\w.]+( PRECISION| VARYING| WITH(OUT)? TIME ZONE)?"
    r"( ?\([\d, ]+\))?( ?\[\])*( COLLATE [\w.]+)?"
)
CONSTANT = r"(''|-?[\d.]+|TRUE|FALSE|NULL|NOW ?\(\)|CURRENT_TIMESTAMP)( ?:: ?[\w.]+( ?\[\])*)?"
# In an ALTER TABLE each clause is looked at; everything else is one.
BREAKS = {
    r"^DROP (?!INDEX\b)": "takes away what the running release uses",
    r"^DROP INDEX\b": "the running release may need the index, be it for ON CONFLICT",
    r"^ALTER .*\bDROP (DEFAULT|IDENTITY)\b": "the running release does not fill the column itself",
    r"\bRENAME\b": "the running release knows the old name",
    COLUMN + r"(?!.*\b(DEFAULT|GENERATED)\b).*\bNOT NULL\b": "the running release leaves the column"
    " out: give it a DEFAULT, or let it be NULL",
    CONSTRAINT + r"(CHECK|UNIQUE|PRIMARY|FOREIGN|EXCLUDE)\b": "the running release may write what"
    " the constraint refuses",
    r"^CREATE UNIQUE INDEX\b": "the running release may write what the index refuses",
    r"^CREATE TABLE\b.*\bREFERENCES\b": "the running release may delete what is referred to: say"
    " ON DELETE CASCADE or SET NULL",
    r"^(TRUNCATE|REVOKE)\b": "takes away what the running release uses",
}
BLOCKS = {
    r"^CREATE (UNIQUE )?INDEX (?!CONCURRENTLY\b)": "writes wait until the index is there:"
    " CREATE INDEX CONCURRENTLY in an autocommit_block",
    r"^DROP INDEX (?!CONCURRENTLY\b)": "DROP INDEX CONCURRENTLY in an autocommit_block",
    r"\bIF NOT EXISTS\b": "takes what an interrupted run or somebody else left for what it makes",
    r"^(REINDEX\b(?!.*\bCONCURRENTLY\b)|CLUSTER\b|VACUUM\b.*\bFULL\b|LOCK\b)": "locks a table",
    r"^ALTER (COLUMN )?\S+ (SET DATA )?TYPE\b": "rewrites the whole table under its lock: add"
    " another column",
    r"\bSET NOT NULL\b|" + CONSTRAINT + r"NOT NULL\b": "reads the whole table under its lock: add"
    " a CHECK (... IS NOT NULL) NOT VALID",
    CONSTRAINT + r"(CHECK|FOREIGN)\b(?!.*\bNOT VALID\b)": "reads the whole table under its lock:"
    " add it NOT VALID, and VALIDATE it in another migration",
    CONSTRAINT + r"(UNIQUE|PRIMARY|EXCLUDE)\b(?!.*\bUSING INDEX\b)": "makes an index under a lock:"
    " make it CONCURRENTLY before, and add the constraint USING INDEX",
    COLUMN + r".*\b(UNIQUE|PRIMARY KEY)\b": "makes an index under a lock",
    COLUMN + r".*\b(CHECK|REFERENCES)\b": "reads the whole table under its lock: add the"
    " constraint by itself, NOT VALID",
    COLUMN + r".*\b(GENERATED|(BIG|SMALL)?SERIAL|DEFAULT (?!" + CONSTANT + r"( NOT NULL| NULL)*$))":
    "rewrites the whole table under its lock: a DEFAULT is a constant or now()",
    DATA + r"(?!.*\bWHERE\b.*([<>]|\bBETWEEN\b|\bIN\b|\bLIMIT\b))": "changes a whole table in one"
    " transaction: say how much of it, or leave it to a command that goes by parts",
    r"^DO\b": "cannot be read here: write it as plain statements",
    r"\b(LOCK_TIMEOUT|SET_CONFIG)\b": "a migration waits 3 s for a lock, so that requests do not"
    " wait behind it",
}  # fmt: skip
FINE = (
    rf"^ADD (COLUMN )?\w+ {TYPE}( NOT NULL| NULL| DEFAULT {CONSTANT})*$",
    r"^ALTER (COLUMN )?\w+ (DROP NOT NULL|SET DEFAULT .*|SET STATISTICS \d+)$",
    r"^VALIDATE CONSTRAINT \w+$",
    r"^SET \([\w., =]+\)$",
    r"^CREATE TABLE [\w.]+ ?\((?!.*\bINHERITS\b).*\)$",
    r"^CREATE (SEQUENCE|TYPE|VIEW|FUNCTION|EXTENSION) ",
    r"^ALTER TYPE \w+ ADD VALUE ",
    r"^INSERT INTO [\w.]+ ?(\([^()]*\) )?VALUES\b",
    r"^(COMMENT|GRANT)\b",
)
# They wait for readers or lock a few rows, and nobody queues behind them; or end at once.
BY_THEMSELVES = (
    DATA + r"|^(CREATE (UNIQUE )?|DROP |RE)INDEX\b.*\bCONCURRENTLY\b|^(VACUUM|ANALYZE)\b"
)
RELEASE = re.compile(r"\b\d+\.\d+")


def problems(file: Path) -> list[str]:
    """What is wrong with a migration; nothing for the first, which no release was there before."""
    module = _load(file)
    if module.down_revision is None:
        return []
    contracts = getattr(module, "contracts", "")
    found = list(statements(module))
    breaks = list(_matches(BREAKS, found))
    blocks = [*_matches(BLOCKS, found), *_out_of_place(found), *_unknown(found)]
    if contracts and not RELEASE.search(contracts):
        blocks.append("`contracts` does not say which release was the last to use what goes")
    if contracts and not breaks:
        blocks.append("`contracts`, and yet nothing is taken away")
    return blocks if contracts else [*breaks, *blocks]


def _load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _matches(rules: dict[str, str], found: list[Statement]) -> Iterator[str]:
    for statement in found:
        for pattern, why in rules.items():
            if re.search(pattern, statement.text):
                yield f"{statement.text}: {why}"


def _unknown(found: list[Statement]) -> Iterator[str]:
    known = [*BREAKS, *BLOCKS, *FINE, BY_THEMSELVES]
    for statement in found:
        if not any(re.search(pattern, statement.text) for pattern in known):
            yield f"{statement.text}: nobody has looked at it yet: see tests/upgrade/rules.py"


def _out_of_place(found: list[Statement]) -> Iterator[str]:
    """What would be fine by itself, or elsewhere."""
    added = {words[1] for one in found if (words := re.match(r"^ADD CONSTRAINT (\w+)", one.text))}
    for statement in found:
        alone = bool(re.search(BY_THEMSELVES, statement.text))
        if alone and not statement.autocommit:
            yield f"{statement.text}: belongs into an autocommit_block"
        if statement.autocommit and not alone:
            yield f"{statement.text}: waits for its lock without an end in an autocommit_block"
        checked = re.match(r"^VALIDATE CONSTRAINT (\w+)", statement.text)
        if checked and checked[1] in added:
            yield f"{statement.text}: reads the whole table under the lock of its ADD"
    if len({statement.autocommit for statement in found}) > 1:
        yield "beside an autocommit_block: what was interrupted could not be run again"
