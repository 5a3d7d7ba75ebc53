"""What `up` does in which order, and how it goes on from what is not as it should be."""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from .deploying import Checkout, Deployment, with_stub_docker, write_size
from .emulator import Emulator

NUMBERS = count(4001)


@pytest.fixture(scope="module")
def pattern(
    records: Emulator, checkout: Checkout, tmp_path_factory: pytest.TempPathFactory
) -> Deployment:
    """What each test has a forum like, in an account of its own."""
    folder = tmp_path_factory.mktemp("up")
    authority = folder / "authority.pem"
    authority.write_bytes(records.get("/_ministack/rds/ca.pem"))
    size = write_size(folder / "size.json", authority)
    return Deployment(records, checkout, size, "rising", "", with_stub_docker(folder))


@pytest.fixture
def forum(pattern: Deployment) -> Deployment:
    """A name of its own, too: the emulator finds a load balancer by its name alone."""
    number = next(NUMBERS)
    return replace(pattern, name=f"rising-{number}", account=f"{number:012}")


@pytest.fixture
def changed(forum: Deployment, tmp_path: Path) -> Deployment:
    """The same, from a checkout that the test may change."""
    return replace(forum, checkout=forum.checkout.copy(tmp_path / "checkout"))


def positions(calls: Sequence[str], call: str) -> list[int]:
    return [index for index, each in enumerate(calls) if each.endswith(f".{call}")]


def test_each_step_comes_before_what_needs_it(forum: Deployment) -> None:
    forum.ok("up")
    calls = forum.emulator.calls(forum.account)
    made, scaled = (positions(calls, name) for name in ("CreateService", "UpdateService"))
    migrated, ruled = positions(calls, "RunTask"), positions(calls, "CreateRule")
    filled = positions(calls, "PutSecretValue")
    assert len(made) == len(migrated) == len(ruled) == len(filled) == 3
    assert max(filled) < min(migrated)
    assert max(ruled) < min(made)
    assert max(migrated) < min(made)
    assert max(made) < min(scaled)


def test_a_service_that_comes_later_is_made_known_to_those_that_run(forum: Deployment) -> None:
    forum.ok("up", "users")
    assert "started anew" not in forum.ok("up", "users").err
    done = forum.ok("up", "topics")
    assert "users: started anew, to know services that came later" in done.err
    # All know each other now.
    for service in ("users", "topics"):
        assert forum.ok("up", service, "--json").document["changed"] == []


def test_the_services_share_one_secret_and_keep_their_own(forum: Deployment) -> None:
    forum.ok("up", "users")
    before = forum.secret(f"{forum.name}/users")
    forum.ok("up", "topics", "monolith")
    users, topics = forum.secret(f"{forum.name}/users"), forum.secret(f"{forum.name}/topics")
    assert users == before
    assert users["INTERNAL_SECRETS"] == topics["INTERNAL_SECRETS"]
    assert users["IDEMPOTENCY_SECRET"] != topics["IDEMPOTENCY_SECRET"]
    assert users["DATABASE_URL"].startswith("postgresql://users:")
    assert users["DATABASE_URL"].endswith("/users?sslmode=verify-full")
    assert set(forum.secret(f"{forum.name}/monolith")) == set(users) - {"INTERNAL_SECRETS"}


def test_the_monolith_comes_below_the_services(forum: Deployment) -> None:
    forum.ok("up", "users")
    forum.ok("up", "monolith")
    balancing = forum.client("elbv2")
    (balancer,) = balancing.describe_load_balancers(Names=[forum.name])["LoadBalancers"]
    arn = balancer["LoadBalancerArn"]
    (listener,) = balancing.describe_listeners(LoadBalancerArn=arn)["Listeners"]
    rules = balancing.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
    assert {rule["Priority"] for rule in rules} == {"100", "1100", "1200", "1300", "default"}


def test_what_a_failed_creation_left_is_removed_and_made_anew(changed: Deployment) -> None:
    good = "Roles: !Ref MigrationExecutionRoleNames"
    changed.checkout.replace("ecs/data.yml", good, "Roles: [nobody]")
    done = changed.run("up", "users")
    assert done.status == 1
    last = done.err.splitlines()[-1]
    assert last.startswith(
        f"scripts/deploy: The stack {changed.name}-data failed and was put back: "
    )
    assert "MigrationsReadMasterSecret cannot be made: The role with name nobody" in last
    changed.checkout.replace("ecs/data.yml", "Roles: [nobody]", good)
    plan = changed.ok("plan", "users", "--json").document["stacks"]
    assert {(row["stack"], row["action"]) for row in plan} == {(f"{changed.name}-data", "remove")}
    done = changed.ok("up", "users")
    assert "left from a failed creation (ROLLBACK_FAILED); removing it" in done.err
    assert changed.ok("plan", "users", "--json").document["empty"]


def test_a_template_that_cannot_be_used_is_one_line(changed: Deployment) -> None:
    changed.checkout.replace("ecs/network.yml", "!Ref VpcRange", "!Ref Nowhere")
    done = changed.run("up", "users")
    assert done.status == 1
    assert "Nowhere" in done.err.splitlines()[-1]
    assert "Traceback" not in done.err


def test_a_task_definition_with_an_unknown_reference_is_one_line_with_its_place(
    changed: Deployment,
) -> None:
    file = "ecs/services/users/task-definition.json"
    changed.checkout.replace(file, "${service.TaskRole}", "${service.Role}")
    done = changed.run("up", "users")
    assert done.status == 1
    assert f"{file}/taskRoleArn: there is no ${{service.Role}}" in done.err.splitlines()[-1]


def test_a_rule_of_somebody_else_is_not_touched(forum: Deployment) -> None:
    forum.ok("up", "users")
    balancing = forum.client("elbv2")
    (balancer,) = balancing.describe_load_balancers(Names=[forum.name])["LoadBalancers"]
    arn = balancer["LoadBalancerArn"]
    (listener,) = balancing.describe_listeners(LoadBalancerArn=arn)["Listeners"]
    theirs = balancing.create_rule(
        ListenerArn=listener["ListenerArn"],
        Priority=200,
        Conditions=[{"Field": "path-pattern", "Values": ["/theirs"]}],
        Actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "204"}}],
    )["Rules"][0]["RuleArn"]
    done = forum.run("up", "topics")
    assert done.status == 1
    assert "a rule 200 that is not of this forum: /theirs" in done.err.splitlines()[-1]
    (kept,) = balancing.describe_rules(RuleArns=[theirs])["Rules"]
    assert kept["Conditions"][0]["Values"] == ["/theirs"]


def test_an_image_is_built_again_only_for_what_enters_it(changed: Deployment) -> None:
    changed.ok("up", "users")
    (changed.checkout.root / "services" / "users" / "openapi.json").write_text("{}")
    (changed.checkout.root / "services" / "topics" / "topics" / "new.py").write_text("")
    assert changed.ok("up", "users", "--json").document["changed"] == []
    (changed.checkout.root / "chassis" / "chassis" / "new.py").write_text("")
    done = changed.ok("up", "users", "--json").document
    assert done["changed"] == ["image of users", "migrations", "service users"]


@pytest.mark.docker
@pytest.mark.xdist_group("deploy")
def test_a_migration_that_fails_is_shown_and_the_version_before_serves_on(
    deployed: Deployment, tmp_path: Path
) -> None:
    broken = replace(deployed, checkout=deployed.checkout.copy(tmp_path / "checkout"))
    migrations = "services/topics/migrations/versions"
    (broken.checkout.root / migrations / "0002_broken.py").write_text(
        '"""Broken."""\n\nfrom alembic import op\n\nrevision = "0002"\ndown_revision = "0001"\n\n\n'
        'def upgrade() -> None:\n    op.execute("SELECT there_is_no_such_function()")\n'
    )
    before = deployed.ok("status", "--json").document["services"]
    done = broken.run("up", "topics")
    assert done.status == 1
    assert "The migration of topics failed; what served before serves on." in done.err
    assert "exit code: 1" in done.err
    assert "there_is_no_such_function" in done.err
    assert "Traceback (most recent call last):\n" not in done.err.partition("| ")[0]
    after = deployed.ok("status", "--json").document["services"]
    assert [each["version"] for each in after] == [each["version"] for each in before]
    deployed.ok("up", "topics")


def test_a_file_that_is_no_json_is_one_line_with_its_place(changed: Deployment) -> None:
    file = changed.checkout.root / "ecs" / "services" / "users" / "scaling.json"
    file.write_text("{,")
    done = changed.run("up", "users")
    assert done.status == 1
    assert done.err.splitlines()[-1].startswith(
        "scripts/deploy: ecs/services/users/scaling.json cannot be read: "
    )


def test_ecs_has_its_role_before_the_first_cluster(forum: Deployment) -> None:
    forum.ok("up", "users")
    made = "iam.CreateServiceLinkedRole"
    calls = forum.emulator.calls(forum.account)
    assert calls.index(made) < calls.index("cloudformation.ExecuteChangeSet")
    forum.ok("down", "--delete-data")
    forum.ok("up", "users")
    assert forum.emulator.calls(forum.account).count(made) == 1


def sized(forum: Deployment, folder: Path, **choices: object) -> Deployment:
    """The same with another size."""
    authority = folder / "authority.pem"
    authority.write_bytes(forum.emulator.get("/_ministack/rds/ca.pem"))
    return replace(forum, size=write_size(folder / "size.json", authority, **choices))


def test_more_tasks_by_the_size_are_a_new_deployment(forum: Deployment, tmp_path: Path) -> None:
    forum.ok("up", "users")
    services = json.loads(forum.size.read_text())["services"]
    services["users"]["minimum"] = 2
    larger = sized(forum, tmp_path, services=services)
    lines = [
        "capacityProviderStrategy.FARGATE.base: 1 → 2",
        "tasks: 1 → 2",
    ]
    assert larger.ok("plan", "users", "--json").document["services"] == {"users": lines}
    larger.ok("up", "users")
    (live,) = forum.client("ecs").describe_services(cluster=forum.name, services=["users"])[
        "services"
    ]
    assert {
        each["capacityProvider"]: each.get("base") for each in live["capacityProviderStrategy"]
    }["FARGATE"] == 2
    assert larger.ok("plan", "users", "--json").document["empty"]


@pytest.mark.parametrize(
    ("choices", "stacks"),
    [
        ({"databases": "own"}, {"users-data", "topics-data"}),
        ({"launch": "ec2", "network": {"Egress": "nat"}}, {"capacity", "data"}),
        ({"network": {"Egress": "endpoints"}}, {"data"}),
    ],
    ids=["own databases", "instances", "endpoints"],
)
def test_every_size_comes_up_is_planned_empty_and_goes_without_a_trace(
    forum: Deployment, tmp_path: Path, choices: dict[str, object], stacks: set[str]
) -> None:
    other = sized(forum, tmp_path, **choices)
    other.ok("up", "users", "topics")
    found = other.client("cloudformation").describe_stacks()["Stacks"]
    always = {"network", "platform", "users", "topics"}
    assert {each["StackName"] for each in found} == {
        f"{other.name}-{name}" for name in always | stacks
    }
    assert other.ok("plan", "users", "topics", "--json").document["empty"]
    assert other.ok("down", "--json").document["kept"]
    # CloudFormation would wait for ever for instances that are protected; these have none.
    ended = "autoscaling.DeleteAutoScalingGroup" in other.emulator.calls(other.account)
    assert ended == ("capacity" in stacks)
    assert other.ok("down", "--delete-data", "--json").document["left"] == {}


def test_databases_that_are_there_are_used_and_never_touched(
    forum: Deployment, tmp_path: Path
) -> None:
    given = {"host": "db.example.org", "port": 5433, "username": "master", "password": "x" * 32}
    secret = forum.client("secretsmanager").create_secret(
        Name="theirs", SecretString=json.dumps({**given, "sslmode": "require"})
    )["ARN"]
    existing = dict.fromkeys(("users", "topics", "messages"), secret)
    other = sized(forum, tmp_path, databases="existing", existing=existing)
    other.ok("up", "users")
    url = other.secret(f"{other.name}/users")["DATABASE_URL"]
    assert url.startswith("postgresql://users:")
    assert url.endswith("@db.example.org:5433/users?sslmode=require")
    migration = other.client("ecs").describe_task_definition(
        taskDefinition=f"{other.name}-users-migrate"
    )
    (container,) = migration["taskDefinition"]["containerDefinitions"]
    told = {each["name"]: each["valueFrom"] for each in container["secrets"]}
    assert told["DATABASE_MASTER_USER"] == f"{secret}:username::"
    assert told["DATABASE_MASTER_PASSWORD"] == f"{secret}:password::"
    assert other.ok("plan", "users", "--json").document["empty"]
    assert other.ok("down", "--json").document["left"] == {}
    assert (
        json.loads(
            other.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
        )["host"]
        == "db.example.org"
    )
