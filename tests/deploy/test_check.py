"""`scripts/deploy check`: each finding, on accounts that are made to have it."""

import contextlib
import io
import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from moto.server import ThreadedMotoServer
from moto.servicequotas.exceptions import NoSuchResource
from moto.servicequotas.responses import ServiceQuotasResponse

from deployment.checks import network
from deployment.main import main
from forum.places import ROOT, SERVICES

from .deploying import Done
from .emulator import REGION, Emulator

HOBBY = json.loads((ROOT / "ecs" / "sizes" / "hobby.json").read_text())
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
NOWHERE_ELSE = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull}
LOGIN = {"host": "db.example", "port": 5432, "username": "owner", "password": "kept"}
Finding = dict[str, str]


@dataclass(frozen=True)
class Account:
    """An AWS account in an emulator, a folder for size files, and what all of them say."""

    url: str
    folder: Path
    choices: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def run(self, *arguments: str, environment: dict[str, str] = KEYS, **choices: Any) -> Done:
        """`check` as a person runs it, on the hobby size with some choices changed."""
        size = self.folder / "size.json"
        size.write_text(json.dumps({**HOBBY, **self.choices, **choices}))
        given = [f"--region={REGION}", f"--endpoint-url={self.url}", f"--size={size}", *arguments]
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as changed:
            for name in list(os.environ):
                if name.startswith("AWS_"):
                    changed.delenv(name)
            for name, value in {**NOWHERE_ELSE, **environment}.items():
                changed.setenv(name, value)
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                status = main(["check", *given])
        return Done(status, out.getvalue(), err.getvalue())

    def findings(self, about: str, **choices: Any) -> list[Finding]:
        """What it finds about one thing."""
        done = self.run("--json", **choices)
        found: list[Finding] = done.document["findings"]
        stops = [each for each in found if each["level"] == "stops"]
        assert done.status == bool(stops), stops
        return [each for each in found if each["about"] == about]

    def finding(self, about: str, **choices: Any) -> Finding:
        """The one finding about it."""
        (found,) = self.findings(about, **choices)
        return found

    def stack(self, name: str, **outputs: str) -> None:
        """A stack that says so, as if `up` had made it."""
        template = {
            "Resources": {"Any": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {key: {"Value": value} for key, value in outputs.items()},
        }
        self.client("cloudformation").create_stack(
            StackName=name, TemplateBody=json.dumps(template)
        )


def default_quota(response: ServiceQuotasResponse) -> str:
    """The one call that moto lacks: what AWS allows where nobody has asked for more."""
    asked = json.loads(response.body)
    usual = {"L-0263D0A3": 5.0, "L-53DA6B97": 50.0}
    if asked["QuotaCode"] not in usual:
        raise NoSuchResource
    return json.dumps({"Quota": {**asked, "Value": usual[asked["QuotaCode"]]}})


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    with pytest.MonkeyPatch.context() as changed:
        name = "get_aws_default_service_quota"
        changed.setattr(ServiceQuotasResponse, name, default_quota, raising=False)
        with contextlib.redirect_stdout(None):
            server.start()
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
        server.stop()


@pytest.fixture
def account(moto: str, tmp_path: Path) -> Account:
    """An account with nothing but databases: this emulator does not know which it could make."""
    httpx.post(f"{moto}/moto-api/reset").raise_for_status()
    empty = Account(moto, tmp_path)
    secrets = empty.client("secretsmanager")
    existing = {
        name: secrets.create_secret(Name=f"database-{name}", SecretString=json.dumps(LOGIN))["ARN"]
        for name in SERVICES
    }
    return Account(moto, tmp_path, {"databases": "existing", "existing": existing})


def certificate(ends: timedelta) -> tuple[bytes, bytes]:
    """A self-signed one, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "forum.example.org")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + ends)
        .sign(key, hashes.SHA256())
    )
    kind = serialization.Encoding.PEM
    unencrypted = serialization.NoEncryption()
    plain = key.private_bytes(kind, serialization.PrivateFormat.PKCS8, unencrypted)
    return signed.public_bytes(kind), plain


@pytest.mark.docker
def test_an_account_that_has_all_is_ready_and_each_finding_is_a_line(account: Account) -> None:
    body, key = certificate(timedelta(days=300))
    arn = account.client("acm").import_certificate(Certificate=body, PrivateKey=key)
    done = account.run(platform={"Certificate": arn["CertificateArn"]})
    assert done.status == 0, done.out + done.err
    *findings, last = done.out.splitlines()
    assert last == "Nothing here would stop `up`."
    assert {line.split()[0] for line in findings} <= {"ok", "warning"}
    assert f"account 123456789012, region {REGION}" in done.out


def test_without_credentials_the_machine_is_looked_at_and_aws_is_not(account: Account) -> None:
    done = account.run("--json", environment={})
    assert done.status == 1
    assert "Traceback" not in done.err
    found = {each["about"]: each for each in done.document["findings"]}
    assert found["credentials"]["level"] == "stops"
    assert "No AWS credentials" in found["credentials"]["found"]
    assert found.keys() == {"credentials", "size", "Docker"}


def test_docker_that_is_not_there_or_does_not_answer_stops(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as changed:
        changed.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody")
        found = account.finding("Docker")
        assert found["level"] == "stops"
        assert "does not answer" in found["found"]
    monkeypatch.setenv("PATH", str(tmp_path))
    found = account.finding("Docker")
    assert found["level"] == "stops"
    assert "no docker command" in found["found"]


@pytest.mark.docker
def test_the_architecture_of_tasks_is_one_that_docker_builds(
    account: Account,
) -> None:
    built = subprocess.run(
        ["docker", "buildx", "inspect"], capture_output=True, text=True, check=True
    ).stdout
    for architecture, platform in {"X86_64": "linux/amd64", "ARM64": "linux/arm64"}.items():
        found = account.finding("Docker", architecture=architecture)
        assert (found["level"] == "ok") == (platform in built), found
        if found["level"] != "ok":
            assert architecture in found["found"]
            assert '"architecture": "' in found["do"]


def test_a_quota_that_is_used_up_stops_with_the_numbers(account: Account) -> None:
    assert account.finding("VPCs")["level"] == "ok"
    ec2 = account.client("ec2")
    # The default VPC is one of five.
    for number in range(4):
        ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")
    found = account.finding("VPCs")
    assert found["level"] == "stops"
    assert found["found"].startswith("5 of 5 are in use, 1 more are needed.")
    assert "L-F678F1CE --desired-value 6" in found["do"]


def test_what_is_there_already_draws_on_no_quota(account: Account) -> None:
    account.stack("forum-network", Vpc="vpc-1")
    account.stack("forum-platform", Cluster="forum")
    assert not account.findings("VPCs")
    assert not account.findings("Application Load Balancers")


def test_nat_gateways_need_addresses(account: Account) -> None:
    ec2 = account.client("ec2")
    for _ in range(4):
        ec2.allocate_address(Domain="vpc")
    found = account.finding("Elastic IP addresses", network={"Egress": "nat"})
    assert found["level"] == "stops"
    assert found["found"] == "4 of 5 are in use, 2 more are needed."


def test_fargate_has_to_hold_the_fewest_tasks_and_wants_room_for_a_rollout(
    account: Account,
) -> None:
    def size(cpu: str, memory: str, minimum: int) -> dict[str, Any]:
        each = {"cpu": cpu, "memory": memory, "minimum": minimum, "maximum": minimum}
        return {"services": dict.fromkeys(SERVICES, each)}

    assert account.finding("Fargate vCPUs", **size("256", "512", 1))["level"] == "ok"
    tight = account.finding("Fargate vCPUs", **size("512", "1024", 3))
    assert tight["level"] == "warning"
    assert "wants 9" in tight["found"]
    too_much = account.finding("Fargate vCPUs", **size("1024", "2048", 3))
    assert "9 more are needed" in too_much["found"]
    assert "L-3032A538 --desired-value 9" in too_much["do"]
    # This quota is one that the emulator does not know: a guess stops nothing.
    assert "cannot be read" in too_much["found"]
    assert too_much["level"] == "warning"


def test_no_certificate_is_a_warning(account: Account) -> None:
    found = account.finding("certificate")
    assert found["level"] == "warning"
    assert "platform.Certificate" in found["do"]


@pytest.mark.parametrize(("days", "level"), [(200, "ok"), (7, "warning")])
def test_a_certificate_has_to_last(account: Account, days: int, level: str) -> None:
    body, key = certificate(timedelta(days=days))
    made = account.client("acm").import_certificate(Certificate=body, PrivateKey=key)
    found = account.finding("certificate", platform={"Certificate": made["CertificateArn"]})
    assert found["level"] == level
    assert f"{datetime.now(UTC) + timedelta(days=days):%Y-%m}" in found["found"]


def test_a_certificate_that_has_expired_stops(account: Account) -> None:
    # None that has expired already could be imported.
    body, key = certificate(timedelta(seconds=2))
    made = account.client("acm").import_certificate(Certificate=body, PrivateKey=key)
    arn = made["CertificateArn"]
    end = account.client("acm").describe_certificate(CertificateArn=arn)["Certificate"]["NotAfter"]
    while end > datetime.now(UTC):
        time.sleep(0.1)
    found = account.finding("certificate", platform={"Certificate": arn})
    assert found["level"] == "stops"
    assert "EXPIRED" in found["found"]
    assert found["do"] == "Name another."


def test_a_certificate_has_to_be_issued_and_in_this_region(account: Account) -> None:
    acm = account.client("acm")
    pending = acm.request_certificate(DomainName="forum.example.org", ValidationMethod="DNS")
    arn = pending["CertificateArn"]
    found = account.finding("certificate", platform={"Certificate": arn})
    assert found["level"] == "stops"
    assert "PENDING_VALIDATION" in found["found"]
    assert "DNS record" in found["do"]
    elsewhere = arn.replace(REGION, "us-east-1")
    found = account.finding("certificate", platform={"Certificate": elsewhere})
    assert found["level"] == "stops"
    assert "us-east-1" in found["found"]
    unknown = arn[:-12] + "000000000000"
    assert account.finding("certificate", platform={"Certificate": unknown})["level"] == "stops"


def test_an_existing_vpc_has_to_be_as_the_size_says(account: Account) -> None:
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]

    def subnet(part: int, zone: str) -> str:
        made = ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.7.{part}.0/24", AvailabilityZone=f"{REGION}{zone}"
        )
        return str(made["Subnet"]["SubnetId"])

    a, b, c, d = subnet(0, "a"), subnet(1, "b"), subnet(2, "a"), subnet(3, "a")
    right = {
        "ExistingVpc": vpc,
        "VpcRange": "10.7.0.0/16",
        "ExistingPublicSubnets": f"{a},{b}",
        "ExistingPrivateSubnets": f"{c},{d}",
    }
    public, private = account.findings("network", network=right)
    assert public["level"] == "ok"
    assert private["level"] == "stops"
    assert "ExistingPrivateSubnets is in 1 zone" in private["found"]
    wrong = {**right, "VpcRange": "10.0.0.0/16"}
    first = account.findings("network", network=wrong)[0]
    assert first["level"] == "stops"
    assert '"VpcRange": "10.7.0.0/16"' in first["do"]
    (gone,) = account.findings("network", network={**right, "ExistingVpc": "vpc-0123456789abcdef0"})
    assert gone["level"] == "stops"
    assert "vpc-0123456789abcdef0" in gone["found"]


def test_zones_are_two_in_which_tasks_can_be(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = account.finding("network")
    assert (found["level"], found["found"]) == (
        "ok",
        f"its subnets are in {REGION}a and {REGION}b.",
    )
    named = {"ZoneA": f"{REGION}c", "ZoneB": f"{REGION}z"}
    found = account.finding("network", network=named)
    assert found["level"] == "stops"
    assert f"zones {REGION}c and {REGION}z are not two" in found["found"]
    assert f"{REGION}a, {REGION}b, {REGION}c" in found["do"]
    # As it is in Tokyo, of whose zones the emulator knows only those that Fargate is in.
    ids = {
        each["ZoneName"]: each["ZoneId"]
        for each in account.client("ec2").describe_availability_zones()["AvailabilityZones"]
    }
    some = {REGION: [ids[f"{REGION}{letter}"] for letter in "ac"]}
    monkeypatch.setattr(network, "FARGATE", some)
    assert f"in {REGION}a and {REGION}c." in account.finding("network")["found"]
    monkeypatch.setattr(network, "FARGATE", {REGION: some[REGION][:1]})
    found = account.finding("network")
    assert found["level"] == "stops"
    assert f"in {REGION} there is {REGION}a for this account" in found["found"]


def test_the_secrets_of_existing_databases_have_to_be_whole(account: Account) -> None:
    assert account.finding("database")["level"] == "ok"
    arn = account.choices["existing"]["topics"]
    account.client("secretsmanager").put_secret_value(
        SecretId=arn, SecretString='{"host": "db.example", "port": 5432}'
    )
    found = account.finding("database")
    assert found["level"] == "stops"
    assert f"{arn} of topics lacks password, username" in found["found"]


def test_a_version_of_the_database_that_the_region_has_not_stops(
    records: Emulator, tmp_path: Path
) -> None:
    account = Account(records.url, tmp_path)
    offered = records.client("rds").describe_db_engine_versions(Engine="aurora-postgresql")
    version = offered["DBEngineVersions"][0]["EngineVersion"]
    assert account.finding("database", data={"EngineVersion": version})["level"] == "ok"
    found = account.finding("database", data={"EngineVersion": "17.999"})
    assert found["level"] == "stops"
    assert "17.999 is not offered" in found["found"]


def test_secrets_that_lack_something_are_filled_by_up(account: Account) -> None:
    secrets = account.client("secretsmanager")
    made = secrets.create_secret(Name="forum/users", SecretString='{"DATABASE_URL": "x"}')
    account.stack("forum-users", Secret=made["ARN"])
    found = account.finding("secrets")
    assert found["level"] == "warning"
    assert "INTERNAL_SECRETS" in found["found"]
    assert "DATABASE_URL" not in found["found"]


def test_a_secret_s_name_that_is_taken_stops_and_says_how_to_free_it(account: Account) -> None:
    secrets = account.client("secretsmanager")
    secrets.create_secret(Name="forum/users", SecretString="{}")
    secrets.create_secret(Name="forum/topics", SecretString="{}")
    secrets.delete_secret(SecretId="forum/topics", RecoveryWindowInDays=7)
    there, deleted = account.findings("secrets")
    assert there["level"] == deleted["level"] == "stops"
    assert "forum/users is there already" in there["found"]
    assert "forum/topics is on its way to deletion" in deleted["found"]
    assert "--secret-id forum/topics --force-delete-without-recovery" in deleted["do"]


def test_a_priority_that_another_rule_has_stops(account: Account) -> None:
    ec2, balancing = account.client("ec2"), account.client("elbv2")
    subnets = [each["SubnetId"] for each in ec2.describe_subnets()["Subnets"]]
    balancer = balancing.create_load_balancer(Name="forum", Subnets=subnets)["LoadBalancers"][0]
    answer = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    listener = balancing.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[answer],
    )["Listeners"][0]["ListenerArn"]
    routes = json.loads((ROOT / "ecs" / "routes.json").read_text())
    first, second = (route["priority"] for route in routes[:2])

    def rule(priority: int, *tags: dict[str, str]) -> None:
        condition = {"Field": "path-pattern", "Values": [f"/{priority}"]}
        balancing.create_rule(
            ListenerArn=listener,
            Priority=priority,
            Conditions=[condition],
            Actions=[answer],
            Tags=list(tags),
        )

    account.stack("forum-platform", Listener=listener)
    rule(first, {"Key": "forum", "Value": "forum"})
    assert account.finding("listener rules")["level"] == "ok"
    rule(second, {"Key": "forum", "Value": "another"})
    found = account.finding("listener rules")
    assert found["level"] == "stops"
    assert f"priority {second} " in found["found"]


def of_size(cpu: str, memory: str) -> dict[str, Any]:
    service = {"cpu": cpu, "memory": memory, "minimum": 1, "maximum": 1}
    return {"services": dict.fromkeys(SERVICES, service)}


def on_instances(egress: str, **capacity: str) -> dict[str, Any]:
    return {"launch": "ec2", "network": {"Egress": egress}, "capacity": capacity}


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        (of_size("256", "4096"), "users has cpu 256 with memory 4096"),
        (of_size("300", "512"), "users has cpu 300"),
        (on_instances("public-ip"), "Egress is public-ip"),
        (on_instances("endpoints"), "none of our endpoints"),
        (on_instances("nat", InstanceType="m7g.large"), "m7g.large does not run X86_64"),
        (on_instances("nat", MinimumInstances="7"), "MinimumInstances 7 and MaximumInstances 6"),
        ({"data": {"MinimumCapacity": 8, "MaximumCapacity": 2}}, "MinimumCapacity 8"),
        ({"data": {"MinimumCapacity": "much"}}, "MinimumCapacity much"),
    ],
)
def test_choices_that_do_not_fit_each_other_stop(
    tmp_path: Path, choices: dict[str, Any], said: str
) -> None:
    # Without credentials the size is looked at all the same.
    done = Account("http://127.0.0.1:9", tmp_path).run("--json", environment={}, **choices)
    assert done.status == 1, done.err
    found = [each for each in done.document["findings"] if each["about"] == "size"]
    assert all(each["level"] == "stops" and each["do"] for each in found), found
    assert any(said in each["found"] for each in found), found


def test_tasks_without_room_for_the_proxy_are_a_warning(tmp_path: Path) -> None:
    small = of_size("256", "512")
    done = Account("http://127.0.0.1:9", tmp_path).run("--json", environment={}, **small)
    *found, last = [each for each in done.document["findings"] if each["about"] == "size"]
    assert last["level"] == "ok"
    assert [each["level"] for each in found] == ["warning"] * 3
    assert "users has cpu 256, of which the proxy of Service Connect wants 256" in found[0]["found"]


@pytest.mark.parametrize("size", ["hobby", "team", "busy"])
def test_our_own_sizes_fit(tmp_path: Path, size: str) -> None:
    ours = json.loads((ROOT / "ecs" / "sizes" / f"{size}.json").read_text())
    done = Account("http://127.0.0.1:9", tmp_path).run("--json", environment={}, **ours)
    (found,) = [each for each in done.document["findings"] if each["about"] == "size"]
    assert found["level"] == "ok", found
