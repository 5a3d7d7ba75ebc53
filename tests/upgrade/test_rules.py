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
    "ALTER TABLE topics ALTER COLUMN locked DROP DEFAULT": "does not fill",
    "ALTER TABLE topics ADD COLUMN a text NOT NULL": "leaves the column out",
    "ALTER TABLE topics ADD COLUMN a text DEFAULT '', ADD b text NOT NULL": "leaves the column out",
    "CREATE TABLE a (id bigint, b bigint NOT NULL REFERENCES topics)": "may delete",
    "ALTER TABLE topics ADD CONSTRAINT a CHECK (id > 9) NOT VALID": "the constraint refuses",
    "ALTER TABLE topics ADD CONSTRAINT a UNIQUE USING INDEX b": "the constraint refuses",
    "CREATE UNIQUE INDEX CONCURRENTLY a ON topics (slug)": "the index refuses",
}
BLOCKING = {
    "CREATE INDEX a ON topics (slug)": "writes wait",
    "create index a\n on topics using gin (tags) -- CONCURRENTLY": "writes wait",
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS a ON topics (slug)": "somebody else left",
    "CREATE TABLE IF NOT EXISTS topics (id int); ALTER TABLE topics DROP a": "somebody else",
    "REINDEX TABLE topics": "locks a table",
    "LOCK TABLE topics": "locks a table",
    "ALTER TABLE ONLY topics ALTER COLUMN id TYPE text": "another column",
    "ALTER TABLE topics ALTER id SET DATA TYPE numeric(3, 1)": "another column",
    "ALTER TABLE topics ALTER COLUMN last_author_id SET NOT NULL": "a CHECK",
    "ALTER TABLE topics ADD CONSTRAINT a NOT NULL last_author_id": "a CHECK",
    "ALTER TABLE topics ADD COLUMN a text CHECK (a <> 'DEFAULT')": "by itself",
    "ALTER TABLE topics ADD a bigint REFERENCES topics ON DELETE CASCADE": "by itself",
    "ALTER TABLE topics ADD CONSTRAINT a CHECK (id > 9)": "add it NOT VALID",
    "ALTER TABLE topics ADD CONSTRAINT a CHECK (b) NOT VALID, VALIDATE CONSTRAINT a": "its ADD",
    "ALTER TABLE topics ADD COLUMN a bigserial": "rewrites the whole table",
    "ALTER TABLE topics ADD COLUMN a uuid DEFAULT gen_random_uuid()": "rewrites the whole table",
    "ALTER TABLE topics ADD COLUMN a uuid DEFAULT (gen_random_uuid())": "rewrites the whole table",
    "ALTER TABLE topics ADD a uuid DEFAULT pg_catalog.gen_random_uuid()": "rewrites the whole",
    "ALTER TABLE topics ADD a timestamptz DEFAULT now() + random() * '1 d'": "rewrites the whole",
    "ALTER TABLE topics ADD COLUMN a text UNIQUE": "makes an index",
    "UPDATE topics SET slug = 'a WHERE'": "a whole table",
    "UPDATE topics SET slug = '' WHERE true": "a whole table",
    "DELETE FROM inbox": "a whole table",
    "WITH a AS (DELETE FROM inbox) SELECT 1": "a whole table",
    "MERGE INTO topics USING a ON true WHEN MATCHED THEN DELETE": "a whole table",
    "INSERT INTO inbox SELECT * FROM topics": "a whole table",
    "UPDATE topics SET slug = '' WHERE id < 1000": "belongs into an autocommit_block",
    "CREATE INDEX CONCURRENTLY a ON topics (slug)": "belongs into an autocommit_block",
    "DO $$ BEGIN DROP TABLE topics; END $$": "plain statements",
    "SET LOCAL lock_timeout = 0": "waits 3 s",
    "SELECT set_config('lock_timeout', '0', false)": "waits 3 s",
}
UNKNOWN = [
    "ALTER TABLE topics SET SCHEMA a",
    "ALTER TABLE topics OWNER TO a",
    "ALTER TABLE topics SET UNLOGGED",
    "ALTER TABLE topics FORCE ROW LEVEL SECURITY",
    "ALTER TABLE topics ALTER id SET GENERATED ALWAYS",
    "ALTER TABLE topics ALTER slug ADD GENERATED ALWAYS AS IDENTITY",
    "ALTER TABLE topics ADD a text WHATEVER",
    "CREATE TRIGGER a BEFORE INSERT ON topics EXECUTE FUNCTION b()",
    "CREATE TABLE a (b text) INHERITS (topics)",
    "CREATE TABLE a PARTITION OF topics DEFAULT",
    "CREATE OR REPLACE FUNCTION a() RETURNS int RETURN 1",
    "SELECT setval('topics_id_seq', 1)",
]
HARMLESS = [
    "CREATE TABLE a (id bigint PRIMARY KEY, b text NOT NULL UNIQUE); CREATE INDEX c ON a (b)",
    'CREATE TABLE "a" (id bigint); ALTER TABLE a ADD COLUMN b text NOT NULL; DELETE FROM a',
    "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (c int REFERENCES a, d numeric(3, 1))",
    "CREATE TABLE a (b bigint NOT NULL REFERENCES topics (id) ON DELETE CASCADE, c text)",
    "INSERT INTO categories (slug, name) VALUES ('a', 'A')",
    "ALTER TABLE topics ADD COLUMN a text, ADD COLUMN b numeric(3, 1) NOT NULL DEFAULT 1",
    "ALTER TABLE topics ADD COLUMN a timestamptz NOT NULL DEFAULT now()",
    "ALTER TABLE topics ADD a jsonb DEFAULT '{}'::jsonb, ADD b text[] NOT NULL DEFAULT '{}'",
    "ALTER TABLE topics ALTER COLUMN title DROP NOT NULL",
    "ALTER TABLE topics VALIDATE CONSTRAINT a",
    "COMMENT ON TABLE topics IS 'DROP TABLE topics; /* RENAME'",
    "/* DROP TABLE topics; */ COMMENT ON TABLE topics IS '' -- it's RENAME",
]
HARMLESS_BY_THEMSELVES = [
    "CREATE INDEX CONCURRENTLY a ON topics (slug)",
    "DROP INDEX CONCURRENTLY IF EXISTS a; CREATE INDEX CONCURRENTLY a ON topics (slug)",
    "UPDATE topics SET slug = '' WHERE id < 1000",
    "DELETE FROM inbox WHERE id IN (SELECT id FROM inbox LIMIT 1000)",
]
IN_TRANSACTION = "op.execute({sql!r})"
BY_ITSELF = """with op.get_context().autocommit_block():
        op.execute({sql!r})"""


def write(folder: Path, sql: str, more: str = "", body: str = IN_TRANSACTION) -> Path:
    file = folder / "0002_next.py"
    file.write_text(MIGRATION.format(more=more, body=body.format(sql=sql)))
    return file


@pytest.mark.parametrize("file", MIGRATIONS, ids=lambda file: str(file.relative_to(ROOT)))
def test_each_migration_lets_the_release_before_it_run(file: Path) -> None:
    assert problems(file) == []


@pytest.mark.parametrize("sql", BREAKING)
def test_a_migration_that_breaks_says_who_stopped_using_it(tmp_path: Path, sql: str) -> None:
    body = BY_ITSELF if "CONCURRENTLY" in sql else IN_TRANSACTION
    found = problems(write(tmp_path, sql, body=body))
    assert [BREAKING[sql] in problem for problem in found] == [True], found
    assert problems(write(tmp_path, sql, LAST, body)) == []
    vague = problems(write(tmp_path, sql, 'contracts = "nobody uses it"', body))
    assert ["which release" in problem for problem in vague] == [True], vague


@pytest.mark.parametrize("sql", BLOCKING)
def test_a_migration_never_holds_up_requests(tmp_path: Path, sql: str) -> None:
    for more in ("", LAST):
        assert BLOCKING[sql] in " ".join(problems(write(tmp_path, sql, more)))


@pytest.mark.parametrize("sql", UNKNOWN)
def test_what_nobody_has_thought_about_is_refused(tmp_path: Path, sql: str) -> None:
    for more in ("", LAST):
        assert "nobody has looked at it" in " ".join(problems(write(tmp_path, sql, more)))


@pytest.mark.parametrize("sql", [*HARMLESS, *HARMLESS_BY_THEMSELVES])
def test_a_migration_that_expands_is_fine(tmp_path: Path, sql: str) -> None:
    body = BY_ITSELF if sql in HARMLESS_BY_THEMSELVES else IN_TRANSACTION
    assert problems(write(tmp_path, sql, body=body)) == []
    found = problems(write(tmp_path, sql, LAST, body))
    assert ["nothing is taken away" in problem for problem in found] == [True], found


def test_nothing_else_is_in_an_autocommit_block_or_beside_one(tmp_path: Path) -> None:
    [waits] = problems(write(tmp_path, "ALTER TABLE topics ADD a text", body=BY_ITSELF))
    assert "without an end" in waits
    body = 'op.execute("ALTER TABLE topics ADD a text")\n    ' + BY_ITSELF
    index = "CREATE INDEX CONCURRENTLY a ON topics (slug)"
    assert "run again" in " ".join(problems(write(tmp_path, index, body=body)))


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
