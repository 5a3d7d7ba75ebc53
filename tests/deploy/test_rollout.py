"""New versions on real containers: rolled out, taken back, and refused, while people are there."""

from dataclasses import replace
from pathlib import Path

import pytest

from .deploying import Deployment
from .visitors import Visitors

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("deploy")]

TITLE = '"Forum: users"'


@pytest.fixture
def changed(deployed: Deployment, tmp_path: Path) -> Deployment:
    """The same forum, deployed from a checkout of its own."""
    return replace(deployed, checkout=deployed.checkout.copy(tmp_path / "checkout"))


def test_a_new_version_rolls_out_and_back_and_no_request_is_lost(
    deployed: Deployment, changed: Deployment
) -> None:
    before = deployed.title("users")
    changed.checkout.replace("services/users/users/app.py", TITLE, '"Forum: people"')
    with Visitors(deployed.url) as visitors:
        changed.ok("up", "users")
        assert deployed.title("users") == "Forum: people"
        deployed.ok("rollback", "users")
        assert deployed.title("users") == before
    assert visitors.failures == []
    assert visitors.answered > 100
    assert visitors.kept == visitors.posted > 1


def test_a_version_that_crashes_is_taken_back_with_its_last_words(
    deployed: Deployment, changed: Deployment
) -> None:
    before = deployed.title("users")
    changed.checkout.replace("services/users/users/app.py", TITLE, '"Forum: never seen"')
    changed.checkout.replace(
        "services/users/users/__main__.py",
        "    serve(",
        '    raise SystemExit("Out of words.")\n    (',
    )
    with Visitors(deployed.url) as visitors:
        done = changed.run("up", "users")
    assert done.status == 1
    reasons = ("stopped reason: Essential container", "exit code: 1", "Out of words.")
    for words in (*reasons, " serves on."):
        assert words in done.err
    assert "Traceback" not in done.err
    assert visitors.failures == []
    assert deployed.title("users") == before


def test_a_version_that_does_not_start_never_serves(
    deployed: Deployment, changed: Deployment
) -> None:
    before = deployed.title("users")
    changed.checkout.replace(
        "services/users/Dockerfile", 'ENTRYPOINT ["python"', 'ENTRYPOINT ["snake"'
    )
    done = changed.run("up", "users")
    assert done.status == 1
    assert "stopped reason: " in done.err
    assert "exec snake failed" in done.err
    assert "Traceback" not in done.err
    assert deployed.title("users") == before


def test_a_scaled_service_has_so_many_tasks_behind_the_load_balancer(deployed: Deployment) -> None:
    balancing = deployed.client("elbv2")

    def healthy() -> int:
        groups = balancing.describe_target_groups()["TargetGroups"]
        (group,) = [each for each in groups if each["TargetGroupName"].startswith("forum-topics")]
        health = balancing.describe_target_health(TargetGroupArn=group["TargetGroupArn"])
        states = [each["TargetHealth"]["State"] for each in health["TargetHealthDescriptions"]]
        return states.count("healthy")

    with Visitors(deployed.url) as visitors:
        deployed.ok("scale", "topics", "2", "3")
        assert healthy() == 2
        deployed.ok("scale", "topics", "1", "1")
        assert healthy() == 1
        deployed.ok("scale", "topics", "1", "4")
    assert visitors.failures == []
