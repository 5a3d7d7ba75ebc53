"""The code of this release on the schema of the next one, as it is while an upgrade goes on.

The next one's migrations are made up, since there is no release yet that a real one could
follow. Once there is, the code of its tag belongs here, on the migrations of the checkout.
"""

import shutil
from pathlib import Path

import httpx
import psycopg
import pytest

from chassis.migrate import migrate
from forum import contract
from forum.instance import Forum, Mode
from forum.people import make_admin
from forum.places import folder_of

from .expand import add

# What writes most; people register and log in for it, too.
FILES = ("test_topics.py", "test_messages.py")
TABLES = {"users": "users", "topics": "topics", "messages": "messages", "monolith": "messages"}
NEWEST = "SELECT version_num FROM alembic_version"


@pytest.mark.parametrize("mode", ["services", "monolith"])
def test_the_running_release_keeps_the_contract_on_the_schema_of_the_next(
    mode: Mode, tmp_path: Path
) -> None:
    with Forum(mode=mode, environment="production") as forum:
        make_admin(forum, contract.ADMIN, contract.PASSWORD)
        for part, running in forum.services.items():
            migrations = shutil.copytree(folder_of(part) / "migrations", tmp_path / part)
            last = add(migrations, TABLES[part])[-1]
            migrate(forum.database_url(part), migrations)
            with psycopg.connect(forum.database_url(part)) as conn:
                assert conn.execute(NEWEST).fetchall() == [(last.name[:4],)]
            assert httpx.get(f"{running.url}/readyz").status_code == 200
            # After a way back this release's own migration finds a later one's schema.
            assert "it stays there" in forum.run(part, "migrate")
        passed, report = contract.run(forum.url, *FILES)
        assert passed, report
