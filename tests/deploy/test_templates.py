"""The templates: nothing to find in ours, and each of our own checks finds what it is for."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from cfnlint import api
from cfnlint.config import ManualArgs

from deployment.wanted import sizes, stand_ins
from deployment.wanted.layout import told, waves
from deployment.wanted.sizes import DEPLOYABLE
from forum import gateway

from . import lint

FILES = lint.load()
REGIONS = ["eu-central-1", "us-east-1", "ap-southeast-2"]

Template = Any
Break = Callable[[dict[str, Template]], None]


def properties(templates: dict[str, Template], template: str, resource: str) -> Any:
    return templates[template]["Resources"][resource]["Properties"]


def statements(templates: dict[str, Template], role: str) -> Any:
    return properties(templates, "service", role)["Policies"][0]["PolicyDocument"]["Statement"]


def change(template: str, resource: str, **changed: Any) -> Break:
    """Give properties other values; None takes one away."""

    def breaking(templates: dict[str, Template]) -> None:
        found = properties(templates, template, resource)
        found.update(changed)
        for name in [name for name, value in changed.items() if value is None]:
            del found[name]

    return breaking


def wider_secret(templates: dict[str, Template]) -> None:
    every = {"Fn::Sub": "arn:aws:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:forum/*"}
    statements(templates, "ExecutionRole")[3]["Resource"] = every


def secret_by_name(templates: dict[str, Template]) -> None:
    named = {"Fn::Sub": "arn:aws:secretsmanager:${AWS::Region}:1:secret:forum/users-abcdef"}
    statements(templates, "ExecutionRole")[3]["Resource"] = named


def secret_of_the_database(templates: dict[str, Template]) -> None:
    statements(templates, "ExecutionRole")[3]["Resource"] = {"Ref": "ExistingDatabaseSecret"}


def wider_log(templates: dict[str, Template]) -> None:
    statements(templates, "ExecutionRole")[2]["Resource"] = "*"


def wider_action(templates: dict[str, Template]) -> None:
    statements(templates, "TaskRole").append(
        {"Effect": "Allow", "Action": "s3:*", "Resource": {"Ref": "Repository"}}
    )


def allowed_by_exception(templates: dict[str, Template]) -> None:
    statements(templates, "TaskRole").append(
        {"Effect": "Allow", "NotAction": "iam:PassRole", "Resource": {"Ref": "Repository"}}
    )


def trusting_everybody(templates: dict[str, Template]) -> None:
    trust = properties(templates, "service", "TaskRole")["AssumeRolePolicyDocument"]
    trust["Statement"][0]["Principal"] = {"AWS": "*"}


def trusting_other_accounts(templates: dict[str, Template]) -> None:
    trust = properties(templates, "service", "TaskRole")["AssumeRolePolicyDocument"]
    del trust["Statement"][0]["Condition"]


def lost_with_its_stack(templates: dict[str, Template]) -> None:
    del templates["data"]["Resources"]["Cluster"]["DeletionPolicy"]


def data_open_to_a_range(templates: dict[str, Template]) -> None:
    (rule,) = properties(templates, "data", "DataSecurityGroup")["SecurityGroupIngress"]
    del rule["SourceSecurityGroupId"]
    rule["CidrIp"] = "10.0.0.0/16"


def open_to_the_world(templates: dict[str, Template]) -> None:
    rule = properties(templates, "service", "SecurityGroup")["SecurityGroupIngress"][0]
    del rule["SourceSecurityGroupId"]
    rule["CidrIp"] = "0.0.0.0/0"


def many_ports(templates: dict[str, Template]) -> None:
    rule = properties(templates, "service", "SecurityGroup")["SecurityGroupIngress"][0]
    rule["FromPort"] = 1024


def forwarding_by_default(templates: dict[str, Template]) -> None:
    properties(templates, "platform", "HttpsListener")["DefaultActions"] = [
        {"Type": "forward", "TargetGroupArn": "arn"}
    ]


# What is broken, and what is said of it: the file, the place, and what is wrong.
BROKEN: dict[str, tuple[Break, str]] = {
    "overlapping ranges": (
        change("network", "PrivateSubnetA", CidrBlock="10.0.1.128/25"),
        "ecs/network.yml: PublicSubnetB, PrivateSubnetA share addresses",
    ),
    "the same part twice": (
        change(
            "network",
            "PrivateSubnetA",
            CidrBlock={"Fn::Select": [1, {"Fn::Cidr": [{"Ref": "VpcRange"}, 4, 8]}]},
        ),
        "ecs/network.yml: PublicSubnetB, PrivateSubnetA share addresses",
    ),
    "a range outside of the VPC": (
        change("network", "PrivateSubnetA", CidrBlock="10.1.0.0/24"),
        "ecs/network.yml: PrivateSubnetA (10.1.0.0/24) is not in the VPC",
    ),
    "a zone that may be another one later": (
        change(
            "network",
            "PrivateSubnetA",
            AvailabilityZone={"Fn::Select": [0, {"Fn::GetAZs": ""}]},
        ),
        "ecs/network.yml: PrivateSubnetA is in a zone that is not decided once",
    ),
    "targets that are instances": (
        change("service", "TargetGroup", TargetType="instance"),
        "ecs/service.yml: TargetGroup.TargetType is instance, not ip",
    ),
    "targets of the default kind": (
        change("service", "TargetGroup", TargetType=None),
        "ecs/service.yml: TargetGroup.TargetType is None, not ip",
    ),
    "a health check that asks the database": (
        change("service", "TargetGroup", HealthCheckPath="/readyz"),
        "ecs/service.yml: TargetGroup.HealthCheckPath is /readyz, not /livez",
    ),
    "tags that move": (
        change("service", "Repository", ImageTagMutability="MUTABLE"),
        "ecs/service.yml: Repository.ImageTagMutability is MUTABLE",
    ),
    "a log for ever": (
        change("service", "LogGroup", RetentionInDays=None),
        "ecs/service.yml: LogGroup keeps its lines for ever",
    ),
    "a secret in the template": (
        change("service", "Secret", SecretString="{}"),
        "ecs/service.yml: Secret has a value in the template",
    ),
    "a secret that the template makes": (
        change("service", "Secret", GenerateSecretString={}),
        "ecs/service.yml: Secret has a value in the template",
    ),
    "secrets of all services": (
        wider_secret,
        "ecs/service.yml: ExecutionRole may do secretsmanager:GetSecretValue with arn:",
    ),
    "a secret by its name": (
        secret_by_name,
        "ecs/service.yml: ExecutionRole may do secretsmanager:GetSecretValue with arn:",
    ),
    "the database's secret for a service": (
        secret_of_the_database,
        "ecs/service.yml: ExecutionRole reads ExistingDatabaseSecret",
    ),
    "logs of all services": (
        wider_log,
        "ecs/service.yml: ExecutionRole may do logs:CreateLogStream, logs:PutLogEvents with *",
    ),
    "all actions": (wider_action, "ecs/service.yml: TaskRole may do s3:*"),
    "all but one action": (allowed_by_exception, "ecs/service.yml: TaskRole allows by exception"),
    "a role for everybody": (trusting_everybody, "ecs/service.yml: TaskRole can be taken by"),
    "a role for other accounts": (
        trusting_other_accounts,
        "ecs/service.yml: TaskRole can be taken for another account's tasks",
    ),
    "a managed policy": (
        change("service", "TaskRole", ManagedPolicyArns=["arn:aws:iam::aws:policy/ReadOnly"]),
        "ecs/service.yml: TaskRole has a managed policy",
    ),
    "the master's secret for services": (
        change("data", "MigrationsReadMasterSecret", Roles=["service"]),
        "ecs/data.yml: MigrationsReadMasterSecret is given to others than migrations",
    ),
    "a public database": (
        change("data", "Instance", PubliclyAccessible=True),
        "ecs/data.yml: Instance.PubliclyAccessible is True, not False",
    ),
    "a database that is public by default": (
        change("data", "StandbyInstance", PubliclyAccessible=None),
        "ecs/data.yml: StandbyInstance.PubliclyAccessible is None, not False",
    ),
    "a version that AWS changes by itself": (
        change("data", "Instance", AutoMinorVersionUpgrade=None),
        "ecs/data.yml: Instance.AutoMinorVersionUpgrade is None, not False",
    ),
    "an alarm that stays silent when no task is left": (
        change("service", "NoTask", TreatMissingData="notBreaching"),
        "ecs/service.yml: TargetGroup may be without a task and nobody hears of it",
    ),
    "a database in public subnets": (
        change("data", "Subnets", SubnetIds={"Ref": "PublicSubnets"}),
        "ecs/data.yml: Subnets.SubnetIds is {'Ref': 'PublicSubnets'}",
    ),
    "a database for a range": (
        data_open_to_a_range,
        "ecs/data.yml: DataSecurityGroup lets others than its services reach Cluster",
    ),
    "a database that goes with its stack": (
        lost_with_its_stack,
        "ecs/data.yml: Cluster is lost with its stack",
    ),
    "a database that may be deleted": (
        change("data", "Cluster", DeletionProtection=False),
        "ecs/data.yml: Cluster may be deleted by mistake",
    ),
    "a service for the world": (
        open_to_the_world,
        "ecs/service.yml: SecurityGroup lets the world in on port 8000",
    ),
    "many ports": (
        many_ports,
        "ecs/service.yml: SecurityGroup lets in more than one port (1024-8000)",
    ),
    "no limit to what leaves": (
        change("service", "SecurityGroup", SecurityGroupEgress=None),
        "ecs/service.yml: SecurityGroup lets everything out",
    ),
    "a default that forwards": (
        forwarding_by_default,
        "ecs/platform.yml: HttpsListener sends every path to a service",
    ),
    "instances whose role can be read": (
        change("capacity", "LaunchTemplate", LaunchTemplateData={}),
        "ecs/capacity.yml: LaunchTemplate.LaunchTemplateData.MetadataOptions.HttpTokens is None",
    ),
}


def test_cfn_lint_finds_nothing() -> None:
    files = sorted(lint.FOLDER.glob("*.yml"))
    assert len(files) == len(FILES.templates)
    for file in files:
        found = api.lint_file(file, ManualArgs(regions=REGIONS, include_checks=["I"]))
        assert [str(match) for match in found] == []


def test_our_own_checks_find_nothing() -> None:
    assert [str(defect) for defect in lint.defects(FILES)] == []


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_template_is_caught(name: str) -> None:
    breaking, expected = BROKEN[name]
    templates = {key: copy.deepcopy(dict(value)) for key, value in FILES.templates.items()}
    breaking(templates)
    found = lint.defects(lint.Files(templates, FILES.services, FILES.routes))
    assert [str(defect)[: len(expected)] for defect in found] == [expected]
    assert all(defect.remedy for defect in found)


def test_what_is_not_routed_gets_the_gateways_answer() -> None:
    template = FILES.templates["platform"]
    answer = template["Mappings"]["Answer"]["NothingHere"]["Body"]
    assert answer == json.dumps(gateway.NOT_FOUND)
    # Longer ones are refused.
    assert len(answer) <= 1024


def test_what_stands_in_for_outputs_is_what_templates_have() -> None:
    outputs = {name: set(template["Outputs"]) for name, template in FILES.templates.items()}
    assert {name: set(values) for name, values in stand_ins.OUTPUTS.items()} == outputs


@pytest.mark.parametrize("size", ["hobby", "team", "busy"])
def test_each_parameter_has_a_value(size: str) -> None:
    """From an earlier stack, from the size, or its default."""
    chosen = sizes.load(size)
    outputs = {**stand_ins.OUTPUTS, **dict.fromkeys(DEPLOYABLE, stand_ins.OUTPUTS["service"])}
    for part in (part for wave in waves(chosen, DEPLOYABLE) for part in wave):
        given = told(part, "forum", chosen, outputs)
        for name, parameter in FILES.templates[part.template]["Parameters"].items():
            value = given.by_size.get(name, given.offered.get(name, parameter.get("Default")))
            assert value is not None, (part.name, name)
            assert str(value) in map(str, parameter.get("AllowedValues", [value]))
        unknown = set(given.by_size) - set(FILES.templates[part.template]["Parameters"])
        assert unknown == set(), part.name
