"""docs/runbooks/upgrade.md: to a release with migrations, and back, while people use the forum."""

from collections.abc import Callable

import pytest
from tests.upgrade import expand

from forum.places import SERVICES

from .operated import Operated, assert_nothing_lost, blocks
from .someone import Someone, assert_events_arrive

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("compose")]

FAILS = '''"""Finds something that it did not expect."""

from alembic import op

revision = "9999"
down_revision = "{before}"


def upgrade() -> None:
    op.execute("SELECT 1 / 0")
'''
REVISION = "SELECT version_num FROM alembic_version"


def images(forum: Operated, release: str) -> set[str]:
    return {f"forum/{service}:{release}" for service in SERVICES}


def test_an_upgrade_with_migrations_and_the_way_back_lose_nothing(
    operated: Operated, someone: Callable[[], Someone]
) -> None:
    upgrade, back, _ = blocks("upgrade.md")
    first, following = operated.first_release, f"{operated.project}-next"
    added = {
        service: expand.add(operated.folder / "services" / service / "migrations", service)[-1]
        for service in SERVICES
    }
    operated.release(following)
    with operated.load() as load:
        operated.follow(upgrade)
        assert operated.images() == images(operated, following)
        for service, file in added.items():
            assert operated.query(service, REVISION) == file.name[:4]
        assert_events_arrive(someone())
        operated.release(first)
        operated.follow(back)
        assert operated.images() == images(operated, first)
        assert_events_arrive(someone())
    assert_nothing_lost(load)
    # What starts the forum runs the migrations again, now those of the release before.
    operated.up()


def test_a_migration_that_fails_leaves_the_release_that_runs(
    operated: Operated, someone: Callable[[], Someone]
) -> None:
    upgrade, *_ = blocks("upgrade.md")
    before, running = operated.query("topics", REVISION), operated.all_containers()
    versions = operated.folder / "services" / "topics" / "migrations" / "versions"
    file = versions / "9999_fails.py"
    newest = max(each.name[:4] for each in versions.glob("[0-9]*.py"))
    file.write_text(FAILS.format(before=newest))
    operated.release(f"{operated.project}-fails")
    status, said = operated.paste(upgrade)
    file.unlink()
    operated.release(operated.first_release)
    assert (status != 0, "division by zero" in said) == (True, True), said
    assert set(operated.all_containers()) == set(running)
    assert operated.query("topics", REVISION) == before
    assert_events_arrive(someone())
