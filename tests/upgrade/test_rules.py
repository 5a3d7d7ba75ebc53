"""No migration breaks or blocks the release that runs beside it, and the rules tell which do."""

from pathlib import Path

import pytest

from forum.places import ROOT, SERVICES, folder_of

from .expand import add
from .rules import problems

MIGRATIONS = sorted(
    file
    for part in (*SERVICES, "monolith")
    for file in (folder_of(part) / "migrations" / "versions").glob("[0-9]*.py")
)
MIGRATION = """
from alembic import op

revision, down_revision = "0002", "0001"
{more}

def upgrade() -> None:
    {body}
"""
LAST = 'contracts = "1.4 was the last release that used it"'
BREAKING = {
    "DROP TABLE topics": "takes away",
    "DROP TABLE IF EXISTS topics CASCADE": "takes away",
    "ALTER TABLE topics DROP COLUMN slug": "takes away",
    "ALTER TABLE topics ADD COLUMN a text, DROP slug": "takes away",
    "ALTER TABLE topics DROP CONSTRAINT topics_pkey": "takes away",
    "TRUNCATE inbox": "takes away",
    "REVOKE SELECT ON topics FROM topics": "takes away",
    "DROP INDEX CONCURRENTLY topics_tags": "may need the index",
    "ALTER TABLE topics RENAME COLUMN slug TO name": "the old name",
    "ALTER TABLE topics RENAME TO threads": "the old name",
    "ALTER TABLE ONLY topics ALTER COLUMN id TYPE text": "the old type",
    "ALTER TABLE topics ALTER id SET DATA TYPE numeric(3, 1)": "the old type",
    "ALTER TABLE topics ALTER COLUMN last_author_id SET NOT NULL": "may write NULL",
    "ALTER TABLE topics ALTER COLUMN locked DROP DEFAULT": "does not fill",
    "ALTER TABLE topics ADD COLUMN a text NOT NULL": "leaves the column out",
    "ALTER TABLE topics ADD COLUMN a text DEFAULT '', ADD b text NOT NULL": "leaves the column out",
    "ALTER TABLE topics ADD COLUMN a text NOT NULL CHECK (a <> 'DEFAULT')": "leaves the column out",
    "ALTER TABLE topics ADD CONSTRAINT a CHECK (id > 9) NOT VALID": "the constraint refuses",
    "ALTER TABLE topics ADD CONSTRAINT a UNIQUE USING INDEX b": "the constraint refuses",
    "CREATE UNIQUE INDEX CONCURRENTLY a ON topics (slug)": "the index refuses",
}
BLOCKING = {
    "CREATE INDEX a ON topics (slug)": "writes wait",
    "create index a\n on topics using gin (tags) -- CONCURRENTLY": "writes wait",
    "REINDEX TABLE topics": "locks a table",
    "LOCK TABLE topics": "locks a table",
    "ALTER TABLE topics ADD COLUMN a bigserial": "rewrites the whole table",
    "ALTER TABLE topics ADD COLUMN a uuid DEFAULT gen_random_uuid()": "rewrites the whole table",
    "ALTER TABLE topics ADD COLUMN a text UNIQUE": "makes an index",
    "UPDATE topics SET slug = 'a WHERE'": "a whole table",
    "DELETE FROM inbox": "a whole table",
    "DO $$ BEGIN DROP TABLE topics; END $$": "plain statements",
    "SET LOCAL lock_timeout = 0": "waits 3 s",
}
HARMLESS = [
    "CREATE TABLE a (id bigint PRIMARY KEY, b text NOT NULL UNIQUE); CREATE INDEX c ON a (b)",
    'CREATE TABLE "a" (id bigint); ALTER TABLE a ADD COLUMN b text NOT NULL; DELETE FROM a',
    "ALTER TABLE topics ADD COLUMN a text, ADD COLUMN b numeric(3, 1) NOT NULL DEFAULT 1",
    "ALTER TABLE topics ADD COLUMN a timestamptz NOT NULL DEFAULT now()",
    "ALTER TABLE topics ALTER COLUMN title DROP NOT NULL",
    "ALTER TABLE topics VALIDATE CONSTRAINT a",
    "CREATE INDEX CONCURRENTLY a ON topics (slug)",
    "UPDATE topics SET slug = '' WHERE id < 1000",
    "COMMENT ON TABLE topics IS 'DROP TABLE topics; /* RENAME'",
    "/* DROP TABLE topics; */ SELECT 1 -- it's RENAME",
]


def write(folder: Path, sql: str, more: str = "") -> Path:
    file = folder / "0002_next.py"
    file.write_text(MIGRATION.format(more=more, body=f"op.execute({sql!r})"))
    return file


@pytest.mark.parametrize("file", MIGRATIONS, ids=lambda file: str(file.relative_to(ROOT)))
def test_each_migration_lets_the_release_before_it_run(file: Path) -> None:
    assert problems(file) == []


@pytest.mark.parametrize("sql", BREAKING)
def test_a_migration_that_breaks_says_who_stopped_using_it(tmp_path: Path, sql: str) -> None:
    found = problems(write(tmp_path, sql))
    assert [BREAKING[sql] in problem for problem in found] == [True], found
    assert problems(write(tmp_path, sql, LAST)) == []
    vague = problems(write(tmp_path, sql, 'contracts = "nobody uses it"'))
    assert ["which release" in problem for problem in vague] == [True], vague


@pytest.mark.parametrize("sql", BLOCKING)
def test_a_migration_never_holds_up_requests(tmp_path: Path, sql: str) -> None:
    for more in ("", LAST):
        assert BLOCKING[sql] in " ".join(problems(write(tmp_path, sql, more)))


@pytest.mark.parametrize("sql", HARMLESS)
def test_a_migration_that_expands_is_fine(tmp_path: Path, sql: str) -> None:
    assert problems(write(tmp_path, sql)) == []
    found = problems(write(tmp_path, sql, LAST))
    assert ["nothing is taken away" in problem for problem in found] == [True], found


def test_operations_of_alembic_are_read_too(tmp_path: Path) -> None:
    file = tmp_path / "0002_next.py"
    body = 'op.drop_column("topics", "slug"); op.create_index("a", "topics", ["title"])'
    file.write_text(MIGRATION.format(more="", body=body))
    taken, waiting = problems(file)
    assert "takes away" in taken
    assert "writes wait" in waiting


def test_the_migrations_of_the_next_release_are_as_they_should_be(tmp_path: Path) -> None:
    (tmp_path / "versions").mkdir()
    (tmp_path / "versions" / "0001_initial.py").touch()
    assert [problems(file) for file in add(tmp_path, "topics")] == [[], []]
