"""The migrations of a next release that there is not yet, as CONTRIBUTING.md asks for them."""

from pathlib import Path

ADD = '''"""What the next release needs, beside what this one uses."""

from alembic import op

revision = "{revision}"
down_revision = "{down_revision}"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE {table}
            ADD COLUMN note text,
            ADD COLUMN checked boolean NOT NULL DEFAULT false
    """)
    op.execute("""
        CREATE TABLE notes (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            of_id bigint NOT NULL REFERENCES {table} ON DELETE CASCADE,
            body text NOT NULL
        )
    """)
    op.execute("CREATE INDEX notes_of_id ON notes (of_id)")
'''
INDEX = '''"""An index on a table that is written meanwhile."""

from alembic import op

revision = "{revision}"
down_revision = "{down_revision}"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS {table}_checked")
        op.execute("CREATE INDEX CONCURRENTLY {table}_checked ON {table} (checked, id)")
'''


def add(migrations: Path, table: str) -> list[Path]:
    """Write two migrations behind the newest of the folder, about a table that it has."""
    versions = migrations / "versions"
    newest = int(max(file.name[:4] for file in versions.glob("[0-9]*.py")))
    written = []
    for number, (name, text) in enumerate({"add": ADD, "index": INDEX}.items(), newest + 1):
        file = versions / f"{number:04}_{name}.py"
        revisions = {"revision": f"{number:04}", "down_revision": f"{number - 1:04}"}
        file.write_text(text.format(table=table, **revisions))
        written.append(file)
    return written
