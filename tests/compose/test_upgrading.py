"""docs/runbooks/upgrade.md: to a release with migrations, and back, while people use the forum."""

from collections.abc import Callable

import pytest
from tests.upgrade import expand

from forum.places import SERVICES

from .operated import Operated, assert_nothing_lost, blocks
from .someone import Someone, assert_events_arrive

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("compose")]

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
