"""That data is never lost: not by a deletion in the console, another size, or another's name."""

import json
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from deployment.problems import UsageError
from deployment.steps import databases

from .deploying import Checkout, Deployment, with_stub_docker, write_size
from .emulator import Emulator

NUMBERS = count(5001)
PATIENCE = 30.0
Sized = Callable[..., Deployment]


@pytest.fixture
def sized(records: Emulator, checkout: Checkout, tmp_path: Path) -> Sized:
    """A forum of a size with such choices; always the same one, in an account of its own."""
    authority = tmp_path / "authority.pem"
    authority.write_bytes(records.get("/_ministack/rds/ca.pem"))
    number = next(NUMBERS)
    variables = with_stub_docker(tmp_path)

    def make(name: str = "size", **choices: object) -> Deployment:
        size = write_size(tmp_path / f"{name}.json", authority, **choices)
        return Deployment(records, checkout, size, f"kept-{number}", f"{number:012}", variables)

    return make


@pytest.fixture
def forum(sized: Sized) -> Deployment:
    """One that is there, with one cluster of databases."""
    there = sized()
    there.ok("up", "users")
    return there


def clusters(forum: Deployment) -> list[str]:
    found = forum.client("rds").describe_db_clusters()["DBClusters"]
    return [each["DBClusterIdentifier"] for each in found]


def stacks(forum: Deployment) -> dict[str, str]:
    found = forum.client("cloudformation").describe_stacks()["Stacks"]
    return {each["StackName"]: each["StackStatus"] for each in found}


def delete_data_stack(forum: Deployment) -> None:
    """As somebody would in the console; its database is protected."""
    name = f"{forum.name}-data"
    forum.client("cloudformation").delete_stack(StackName=name)
    deadline = time.monotonic() + PATIENCE
    while stacks(forum)[name] != "DELETE_FAILED":
        assert time.monotonic() < deadline, stacks(forum)
        time.sleep(0.1)


def assert_refused(forum: Deployment, *words: str) -> None:
    """By all that look, in one line, before anything is changed."""
    before, calls = stacks(forum), len(forum.emulator.calls(forum.account))
    for command in (("up", "users"), ("plan", "users")):
        done = forum.run(*command)
        assert done.status == 1, command
        for word in words:
            assert word in done.err.splitlines()[-1], command
    found = [
        each["found"]
        for each in forum.run("check", "--json").document["findings"]
        if (each["about"], each["level"]) == ("database", "stops")
    ]
    assert all(word in found[0] for word in words), found
    made = {call.partition(".")[2] for call in forum.emulator.calls(forum.account)[calls:]}
    assert {each for each in made if not each.startswith(("Describe", "Get", "List"))} == set()
    assert stacks(forum) == before


def test_a_database_whose_stack_was_deleted_is_left_to_people(forum: Deployment) -> None:
    before = clusters(forum)
    delete_data_stack(forum)
    assert clusters(forum) == before
    assert_refused(forum, f"{forum.name}-data", *before, "down --delete-data", "Moving the data")
    # Neither does taking down all but the data touch it.
    done = forum.ok("down", "--json")
    assert done.document["kept"] == ["data"]
    assert clusters(forum) == before
    assert forum.ok("down", "--delete-data", "--json").document["left"] == {}
    assert clusters(forum) == []


def test_a_stack_that_holds_no_database_any_more_is_made_anew(forum: Deployment) -> None:
    delete_data_stack(forum)
    rds = forum.client("rds")
    (lost,) = clusters(forum)
    rds.modify_db_cluster(DBClusterIdentifier=lost, DeletionProtection=False)
    rds.delete_db_cluster(DBClusterIdentifier=lost, SkipFinalSnapshot=True)
    # The service would go on with the old one.
    secret = f"{forum.name}/users"
    assert_refused(forum, lost, "is gone", "DATABASE_URL", f":{secret}-")
    kept = {key: value for key, value in forum.secret(secret).items() if key != "DATABASE_URL"}
    forum.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=json.dumps(kept))
    done = forum.ok("up", "users")
    assert "left from a failed deletion (DELETE_FAILED); removing it" in done.err
    (made,) = clusters(forum)
    assert f"@{made}." in forum.secret(secret)["DATABASE_URL"]
    assert forum.ok("plan", "users", "--json").document["empty"]


def test_a_service_that_is_told_of_another_database_is_refused(forum: Deployment) -> None:
    held = forum.secret(f"{forum.name}/users")
    (cluster,) = clusters(forum)
    elsewhere = held["DATABASE_URL"].replace(f"@{cluster}", "@elsewhere")
    forum.client("secretsmanager").put_secret_value(
        SecretId=f"{forum.name}/users",
        SecretString=json.dumps({**held, "DATABASE_URL": elsewhere}),
    )
    assert_refused(forum, "its database is elsewhere.", f"it is {cluster}.", "Moving the data")


def test_another_kind_of_databases_is_refused_before_anything_is_made(
    forum: Deployment, sized: Sized
) -> None:
    own = sized("larger", databases="own")
    words = [f"is in {forum.name}-data,", '"databases": "shared"', "Moving the data"]
    assert_refused(own, "larger.json says databases own", *words)
    # Nor is the data forgotten that a forum has left behind.
    forum.ok("down")
    done = own.run("up", "users")
    assert done.status == 1
    assert words[0] in done.err.splitlines()[-1]
    (cluster,) = clusters(forum)
    forum.ok("up", "users")
    assert clusters(forum) == [cluster]


def test_a_size_is_remembered_once_it_is_there(forum: Deployment, sized: Sized) -> None:
    assert sized("larger", databases="own").run("up", "users").status == 1
    (cluster,) = forum.client("ecs").describe_clusters(clusters=[forum.name], include=["TAGS"])[
        "clusters"
    ]
    tags = {tag["key"]: tag["value"] for tag in cluster["tags"]}
    assert tags["forum-size"] == str(forum.size)


@pytest.mark.parametrize(
    ("host", "sslmode", "vouched"),
    [
        ("shop.cluster-abc.eu-central-1.rds.amazonaws.com", "verify-full", True),
        ("shop.proxy-abc.eu-central-1.rds.amazonaws.com", "verify-full", False),
        ("shop.cluster-abc.eu-central-1.rds.amazonaws.com", "require", False),
        ("db.example.org", "verify-full", False),
    ],
)
def test_the_authority_of_rds_vouches_for_existing_databases_of_rds(
    sized: Sized, host: str, sslmode: str, vouched: bool
) -> None:
    login = {"host": host, "port": 5432, "username": "owner", "password": "kept"}
    given = (
        sized()
        .client("secretsmanager")
        .create_secret(
            Name=f"{host}-{sslmode}", SecretString=json.dumps({**login, "sslmode": sslmode})
        )["ARN"]
    )
    existing = dict.fromkeys(("users", "topics", "messages"), given)
    forum = sized(databases="existing", existing=existing)
    forum.ok("up", "users")
    held = forum.secret(f"{forum.name}/users")
    assert ("BEGIN CERTIFICATE" in held["DATABASE_CA"]) == vouched
    unknown = sslmode == "verify-full" and not vouched
    assert held["DATABASE_URL"].endswith("&sslrootcert=system") == unknown


@pytest.mark.parametrize(
    ("region", "start"),
    [
        ("eu-central-1", "https://truststore.pki.rds.amazonaws.com/"),
        ("us-gov-east-1", "https://truststore.pki.us-gov-west-1.rds.amazonaws.com/"),
        ("cn-northwest-1", "https://rds-truststore.s3.cn-north-1.amazonaws.com.cn/"),
    ],
)
def test_each_part_of_aws_has_its_own_authorities(region: str, start: str) -> None:
    assert databases.bundle(region) == f"{start}{region}/{region}-bundle.pem"


def test_where_authorities_are_is_asked_for_elsewhere() -> None:
    with pytest.raises(UsageError, match=r"us-iso-east-1 \(aws-iso\).*database_ca"):
        databases.bundle("us-iso-east-1")


def test_down_tells_which_snapshots_go_and_leaves_those_of_another_forum(
    forum: Deployment,
) -> None:
    rds = forum.client("rds")
    (cluster,) = clusters(forum)
    for name, owner in (("mine", forum.name), ("theirs", "another")):
        rds.create_db_cluster_snapshot(
            DBClusterIdentifier=cluster,
            DBClusterSnapshotIdentifier=f"{forum.name}-data-{name}",
            Tags=[{"Key": "forum", "Value": owner}],
        )
    where = (f"--endpoint-url={forum.emulator.url}", f"--name={forum.name}")
    done = forum.typed("down", "--delete-data", *where, answer="no\n")
    assert done.status == 1
    assert "its databases (data) go" in done.err
    assert f"those that are there ({forum.name}-data-mine)" in done.err
    assert forum.ok("down", "--delete-data", "--json").document["left"] == {}
    left = rds.describe_db_cluster_snapshots()["DBClusterSnapshots"]
    assert [each["DBClusterSnapshotIdentifier"] for each in left] == [f"{forum.name}-data-theirs"]
