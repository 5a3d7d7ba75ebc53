"""What a deployer may do: all that deploying does, and nothing that it does not.

What it does is read from three places: the AWS calls in the script itself, what CloudFormation
calls for the kinds of resources in the templates (its own lists, which cfn-lint carries), and what
`docker push` asks of a registry. What an action is, and which resources it knows, is read from
AWS's list of all actions, which cfn-lint carries too.
"""

import fnmatch
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import cfnlint.data
import pytest
from cfnlint.decode import cfn_yaml

from deployment.commands import policy
from deployment.main import main
from deployment.wanted import sizes
from deployment.wanted.sizes import Size
from forum.places import ROOT

from . import source

LINTER = Path(cfnlint.data.__path__[0])
NAME, REGION, ACCOUNT = "a-forum-of-20-lettr", "eu-central-1", "123456789012"
LARGEST = 6144
Document = dict[str, Any]

# Who one is, everybody may ask.
FREE = {"sts:GetCallerIdentity"}
# Called where there are databases of ours.
OF_DATABASES = {"rds:DeleteDBClusterSnapshot", "rds:ModifyDBCluster"}
# And where there are instances.
OF_INSTANCES = {
    "autoscaling:DeleteAutoScalingGroup",
    "autoscaling:DescribeAutoScalingGroups",
}
PUSHING = {
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:GetDownloadUrlForLayer",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
}
# Asked for by AWS beside a call that the script makes.
BESIDE = {
    "application-autoscaling:TagResource": "RegisterScalableTarget with tags",
    "cloudformation:TagResource": "CreateChangeSet with tags",
    "cloudformation:UntagResource": "a change set that takes a tag away",
    "elasticloadbalancing:AddTags": "CreateRule with tags",
    "iam:CreateServiceLinkedRole": "the first balancer, scaling or database of an account",
    "iam:PassRole": "RegisterTaskDefinition with roles",
    "ssm:GetParameters": "the newest image of ECS, which capacity.yml names by a parameter",
    "kms:DescribeKey": "CreateDBCluster with a master password that AWS keeps",
    "ec2:DescribeLaunchTemplateVersions": "an Auto Scaling group with a launch template",
}
# Asked for by AWS beside a call of every release, of which a CI job is allowed no more.
BESIDE_A_RELEASE = {
    "application-autoscaling:TagResource": "RegisterScalableTarget with tags",
    "cloudformation:TagResource": "CreateChangeSet with tags",
    "cloudwatch:DeleteAlarms": "DeleteScalingPolicy, whose alarms go with it",
    "cloudwatch:DescribeAlarms": "PutScalingPolicy, which looks for its alarms",
    "cloudwatch:PutMetricAlarm": "PutScalingPolicy, which follows a target by alarms",
    "elasticloadbalancing:AddTags": "CreateRule with tags",
    "iam:PassRole": "RegisterTaskDefinition with roles",
}
# What CloudFormation's lists name for uses of a resource that our templates do not make.
UNUSED = {
    "other services": [
        "cognito-idp:*",
        "ec2:*Ipam*",
        "firehose:*",
        "managed-fleets:*",
        "s3:*",
        "vpc-lattice:*",
        "vpce:*",
    ],
    "AWS's own keys, whose policies let all of the account use them": ["kms:*"],
    "managed policies, boundaries, users and groups": [
        "iam:*GroupPolicy",
        "iam:*PermissionsBoundary",
        "iam:*UserPolicy",
        "iam:AttachRolePolicy",
        "iam:DetachRolePolicy",
    ],
    "lists of all roles": ["iam:ListRoles"],
    "settings of the whole account": ["ecs:PutAccountSetting*"],
    "targets that we would name: ECS registers tasks by its own role": [
        "elasticloadbalancing:DeregisterTargets",
        "elasticloadbalancing:RegisterTargets",
    ],
    "other addresses and reserved capacity of balancers": [
        "elasticloadbalancing:ModifyCapacityReservation",
        "elasticloadbalancing:ModifyIpPools",
        "elasticloadbalancing:SetIpAddressType",
    ],
    "log groups with keys, indexes, masks or policies": [
        "logs:DeleteDataProtectionPolicy",
        "logs:*IndexPolicy",
        "logs:*KmsKey",
        "logs:*ResourcePolicy",
        "logs:CreateLogDelivery",
        "logs:PutBearerTokenAuthentication",
        "logs:PutDataProtectionPolicy",
        "logs:PutLogGroupDeletionProtection",
    ],
    "repositories with a policy": ["ecr:DeleteRepositoryPolicy", "ecr:SetRepositoryPolicy"],
    "secrets that are generated or copied": [
        "secretsmanager:GetRandomPassword",
        "secretsmanager:*Region*",
    ],
    "other kinds of networks": [
        "ec2:*PrivateNatGatewayAddress",
        "ec2:*SubnetCidrBlock",
        "ec2:*VpnGateway",
        "ec2:AcceptAddressTransfer",
        "ec2:AssociateAddress",
        "ec2:AssociateNatGatewayAddress",
        "ec2:CreateVpcEncryptionControl",
        "ec2:DisassociateNatGatewayAddress",
        "ec2:ModifyVpcTenancy",
    ],
    "databases from copies, with roles, data API, replicas or other regions": [
        "rds:*GlobalCluster",
        "rds:*HttpEndpoint",
        "rds:*Replica*",
        "rds:*RoleToDB*",
        "rds:*RoleFromDB*",
        "rds:*Replication",
        "rds:CreateDBSnapshot",
        "rds:Restore*",
    ],
    "groups with hooks, notices, refreshes or balancers": [
        "autoscaling:*InstanceRefresh",
        "autoscaling:*LifecycleHook",
        "autoscaling:*LoadBalancer*",
        "autoscaling:*MetricsCollection",
        "autoscaling:*NotificationConfiguration",
        "autoscaling:*Processes",
        "autoscaling:*TrafficSources",
    ],
    "reading that a group of instances has through Describe": [
        "ec2:Get*",
        "elasticloadbalancing:Describe[*]",
        "ssm:Get[*]",
    ],
}


def hobby(**choices: Any) -> Size:
    return sizes.read({**sizes.load("hobby").document, **choices}, Path("size.json"))


EXISTING = {
    name: f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}" for name in sizes.DEPLOYABLE
}
VARIANTS = {
    "hobby": hobby(),
    "existing": hobby(databases="existing", existing=EXISTING, network={"ExistingVpc": "vpc-1"}),
    "instances": hobby(launch="ec2", network={"Egress": "nat"}),
}


def templates(size: Size) -> list[str]:
    """The templates whose resources are made for a size."""
    made = ["platform", "service"]
    if not size.parameters("network").get("ExistingVpc"):
        made.append("network")
    if size.databases != "existing":
        made.append("data")
    if size.launch == "ec2":
        made.append("capacity")
    return made


def handlers() -> dict[str, set[str]]:
    """What CloudFormation calls for each kind of resource."""
    found = {}
    for file in (LINTER / "schemas" / "resources").glob("*.json"):
        schema = json.loads(file.read_text())
        found[schema["typeName"]] = {
            each
            for name, handler in schema.get("handlers", {}).items()
            # Nobody lists all resources of a kind.
            if name != "list"
            for each in handler["permissions"]
        }
    return found


HANDLERS = handlers()
ALL: dict[str, Any] = json.loads((LINTER / "AdditionalSpecs" / "Policies.json").read_text())


def asked_by_cloudformation(template: str) -> set[str]:
    """What it needs for our resources, without what they do not use."""
    resources = cfn_yaml.load(str(ROOT / "ecs" / f"{template}.yml"))["Resources"].values()
    asked = set().union(*(HANDLERS[each["Type"]] for each in resources))
    return {each for each in asked if not any(fnmatch.fnmatchcase(each, p) for p in unused())}


def unused() -> list[str]:
    return [pattern for patterns in UNUSED.values() for pattern in patterns]


def needed(size: Size) -> set[str]:
    stacks = set().union(*(asked_by_cloudformation(name) for name in templates(size)))
    without = set(FREE)
    if "data" not in templates(size):
        without |= OF_DATABASES
    if "capacity" not in templates(size):
        without |= OF_INSTANCES
    return (source.calls() | stacks | PUSHING) - without


def statements(size: Size) -> list[Document]:
    found = policy.documents(NAME, REGION, ACCOUNT, size).values()
    return [statement for document in found for statement in document["Statement"]]


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def granted(size: Size) -> set[str]:
    return {each for statement in statements(size) for each in listed(statement["Action"])}


@pytest.mark.parametrize("size", VARIANTS.values(), ids=VARIANTS)
def test_all_that_deploying_does_is_allowed(size: Size) -> None:
    allowed = granted(size)
    missing = {
        each for each in needed(size) if not any(fnmatch.fnmatchcase(each, a) for a in allowed)
    }
    assert not missing


def test_what_aws_asks_for_beside_a_call_is_allowed() -> None:
    allowed = set().union(*map(granted, VARIANTS.values()))
    missing = {each for each in BESIDE if not any(fnmatch.fnmatchcase(each, a) for a in allowed)}
    assert not missing
    release = policy.documents(NAME, REGION, ACCOUNT, hobby())["release"]["Statement"]
    assert BESIDE_A_RELEASE.keys() <= {
        each for statement in release for each in listed(statement["Action"])
    }


@pytest.mark.parametrize("size", VARIANTS.values(), ids=VARIANTS)
def test_nothing_is_allowed_that_deploying_does_not_do(size: Size) -> None:
    used = needed(size) | set(BESIDE)
    idle = {each for each in granted(size) if not any(fnmatch.fnmatchcase(u, each) for u in used)}
    assert not idle


@pytest.mark.parametrize("size", VARIANTS.values(), ids=VARIANTS)
def test_every_action_exists_and_is_limited_to_what_aws_lets_it_be_limited_to(size: Size) -> None:
    for statement in statements(size):
        for each in listed(statement["Action"]):
            if each.endswith("*"):
                assert re.fullmatch(r"\w+:Describe\*", each), each
                continue
            service, _, name = each.partition(":")
            kinds = ALL[service]["Actions"][name.lower()].get("Resources", [])
            only_looks = re.match(r"Describe|Get|List", name) is not None
            if listed(statement["Resource"]) == ["*"]:
                assert only_looks or not kinds, f"{each} could be limited to {kinds}"
                assert statement["Condition"] == {"StringEquals": {"aws:RequestedRegion": REGION}}
            else:
                assert any(
                    fits(service, kind, arn)
                    for kind in kinds
                    for arn in listed(statement["Resource"])
                ), f"{statement['Sid']}: {each} knows {kinds} alone"


def fits(service: str, kind: str, arn: str) -> bool:
    """Whether resources of that kind could have such an ARN."""
    known = {name.lower(): each for name, each in ALL[service]["Resources"].items()}
    formats = known.get(kind.lower(), {}).get("ARNFormats", [])
    start = (
        form.removesuffix(".*")
        .replace("${Partition}", "aws")
        .replace("${Region}", REGION)
        .replace("${Account}", ACCOUNT)
        for form in formats
    )
    # AWS's own images are of no account.
    plain = arn.replace("::image/", f":{ACCOUNT}:image/").replace(
        "ssm:" + REGION + "::", f"ssm:{REGION}:{ACCOUNT}:"
    )
    return any(plain.startswith(each) or each.startswith(plain.rstrip("*/")) for each in start)


@pytest.mark.parametrize("size", VARIANTS.values(), ids=VARIANTS)
def test_what_is_changed_is_this_forum_s_in_this_region_and_account(size: Size) -> None:
    tagged = {"aws:ResourceTag/forum", "aws:RequestTag/forum", "iam:AWSServiceName"}
    # The API of scaling knows targets by ids; instances and their templates have no names; of what
    # ECS makes in Cloud Map one sees no more than that ECS made it.
    nameless = {
        *("Scaling", "LaunchTemplates", "Instances", "NewNetwork", "NewSecurityGroups"),
        "NamesOfServiceConnect",
    }
    for statement in statements(size):
        condition = statement.get("Condition", {}).get("StringEquals", {})
        for arn in listed(statement["Resource"]):
            assert arn == "*" or arn.startswith("arn:aws:"), arn
            limited = (
                f"{NAME}" in arn
                or tagged & condition.keys()
                or statement["Sid"] in nameless
                or all(re.search(":(Describe|Get|List)", a) for a in listed(statement["Action"]))
                # The database's master secret, and what AWS has for all.
                or re.search(r"rds!cluster-|:og:default:|:pg:default\.", arn)
                or arn in EXISTING.values()
                or arn == "*"
            )
            assert limited, f"{statement['Sid']}: {arn}"


def test_roles_are_passed_to_tasks_alone_and_to_instances_where_there_are_some() -> None:
    passed: dict[str, dict[str, str]] = defaultdict(dict)
    for name, size in VARIANTS.items():
        for statement in statements(size):
            if "iam:PassRole" in listed(statement["Action"]):
                (whom,) = statement["Condition"]["StringEquals"].values()
                passed[name][whom] = statement["Resource"]
    own = f"arn:aws:iam::{ACCOUNT}:role/{NAME}-*"
    assert passed["hobby"] == passed["existing"] == {"ecs-tasks.amazonaws.com": own}
    assert passed["instances"] == {"ecs-tasks.amazonaws.com": own, "ec2.amazonaws.com": own}


@pytest.mark.parametrize("size", VARIANTS.values(), ids=VARIANTS)
def test_each_document_is_small_enough_for_iam(size: Size) -> None:
    for part, document in policy.documents(NAME, REGION, ACCOUNT, size).items():
        text = json.dumps(document, separators=(",", ":"))
        assert len(text) <= LARGEST, part


@pytest.mark.parametrize("pattern", unused())
def test_what_is_left_out_is_asked_for_by_cloudformation_at_all(pattern: str) -> None:
    names = ("network", "platform", "service", "data", "capacity")
    asked = set()
    for name in names:
        resources = cfn_yaml.load(str(ROOT / "ecs" / f"{name}.yml"))["Resources"].values()
        asked |= set().union(*(HANDLERS[each["Type"]] for each in resources))
    assert any(fnmatch.fnmatchcase(each, pattern) for each in asked), "it could go"


def test_the_command_prints_documents_that_iam_takes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert main(["policy", f"--region={REGION}", "--name=forum"]) == 0
    out, err = capsys.readouterr()
    assert list(json.loads(out)) == ["release", "platform", "network", "vpc", "data"]
    assert "for any account" in err
    assert main(["policy", "release", f"--region={REGION}", "--name=forum"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["Version"] == "2012-10-17"
    (stacks,) = [each for each in document["Statement"] if each["Sid"] == "Stacks"]
    assert stacks["Resource"] == f"arn:aws:cloudformation:{REGION}:*:stack/forum-*/*"
    assert main(["policy", "everything", f"--region={REGION}"]) == 2
    assert "There is no policy 'everything' for hobby" in capsys.readouterr().err
