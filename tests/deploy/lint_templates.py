"""Checks of what lasts: the CloudFormation templates, parsed, with functions in their long form."""

from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv4Network, ip_network
from itertools import combinations, islice
from typing import Any

# A place, what is wrong there, and what to do.
Found = tuple[str, str, str]
Template = Mapping[str, Any]

WORLD = ("0.0.0.0/0", "::/0")
# What a property has to be, and why.
REQUIRED = (
    ("AWS::ElasticLoadBalancingV2::TargetGroup", "TargetType", "ip", "tasks have addresses"),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", "HealthCheckPath", "/livez", "it asks nobody"),
    ("AWS::ECR::Repository", "ImageTagMutability", "IMMUTABLE", "a tag is a content's digest"),
    ("AWS::RDS::DBInstance", "PubliclyAccessible", False, "data has no public address"),
    ("AWS::RDS::DBInstance", "AutoMinorVersionUpgrade", False, "its version is in the template"),
    ("AWS::RDS::DBSubnetGroup", "SubnetIds", {"Ref": "PrivateSubnets"}, "data has no way out"),
    ("AWS::RDS::DBCluster", "StorageEncrypted", True, "disks and snapshots get lost"),
    ("AWS::RDS::DBCluster", "ManageMasterUserPassword", True, "nobody else may know it"),
    ("AWS::EC2::LaunchTemplate", "LaunchTemplateData.MetadataOptions.HttpTokens", "required",
     "a forged request must not read the instance's role"),
)  # fmt: skip
# Actions that are allowed on everything or on nothing.
WITHOUT_RESOURCES = frozenset({
    "ecr:GetAuthorizationToken", "ecs:DiscoverPollEndpoint",
    "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
})  # fmt: skip
READ_SECRET = "secretsmanager:GetSecretValue"


def required_properties(template: Template) -> Iterator[Found]:
    """Target groups by address, immutable tags, data that the world does not see."""
    for kind, path, value, reason in REQUIRED:
        for name, properties in _resources(template, kind):
            found: Any = properties
            for key in path.split("."):
                found = found.get(key) if isinstance(found, Mapping) else None
            if found != value:
                yield f"{name}.{path}", f"is {found}, not {value}: {reason}", f"Say {value}"


def overlapping_ranges(template: Template) -> Iterator[Found]:
    """Subnets that share addresses, or lie outside of the VPC."""
    ranges: dict[str, IPv4Network] = {}
    vpcs = [
        ip_network(str(_value(properties["CidrBlock"], template)))
        for _, properties in _resources(template, "AWS::EC2::VPC")
    ]
    for name, properties in _resources(template, "AWS::EC2::Subnet"):
        ranges[name] = IPv4Network(str(_value(properties["CidrBlock"], template)))
        if not any(ranges[name].subnet_of(vpc) for vpc in vpcs if isinstance(vpc, IPv4Network)):
            yield name, f"({ranges[name]}) is not in the VPC", "Take it from the VPC's range"
    for one, other in combinations(ranges, 2):
        if ranges[one].overlaps(ranges[other]):
            yield f"{one}, {other}", "share addresses", "Give each a range of its own"


def zones(template: Template) -> Iterator[Found]:
    """Subnets that may move, and whose zones the deployer needs rights to ask for."""
    for name, properties in _resources(template, "AWS::EC2::Subnet"):
        if set(properties.get("AvailabilityZone", {})) != {"Ref"}:
            yield name, "is in a zone that is not decided once", "Refer to a parameter"


def retention(template: Template) -> Iterator[Found]:
    """Log groups that keep everything for ever."""
    for name, properties in _resources(template, "AWS::Logs::LogGroup"):
        if "RetentionInDays" not in properties:
            yield name, "keeps its lines for ever", "Give it RetentionInDays"


def kept_data(template: Template) -> Iterator[Found]:
    """Databases that go with their stack."""
    for name, resource in template["Resources"].items():
        if resource["Type"] != "AWS::RDS::DBCluster":
            continue
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            if resource.get(policy) != "Snapshot":
                yield name, "is lost with its stack", f"Say {policy}: Snapshot"
        if not resource["Properties"].get("DeletionProtection"):
            yield name, "may be deleted by mistake", "Say DeletionProtection"


def missed_outages(template: Template) -> Iterator[Found]:
    """Target groups of which nobody hears when no task is left."""
    heard = {
        dimension["Value"]["Fn::GetAtt"][0]
        for _, alarm in _resources(template, "AWS::CloudWatch::Alarm")
        if (alarm["MetricName"], alarm["TreatMissingData"]) == ("HealthyHostCount", "breaching")
        for dimension in alarm["Dimensions"]
        if dimension["Name"] == "TargetGroup"
    }
    for name, _ in _resources(template, "AWS::ElasticLoadBalancingV2::TargetGroup"):
        if name not in heard:
            wrong = "may be without a task and nobody hears of it"
            yield name, wrong, "Give it an alarm on HealthyHostCount, missing data breaching"


def secret_values(template: Template) -> Iterator[Found]:
    """Secrets whose value is in the template or changes with it."""
    for name, properties in _resources(template, "AWS::SecretsManager::Secret"):
        if {"SecretString", "GenerateSecretString"} & set(properties):
            yield name, "has a value in the template", "Leave it empty; scripts/deploy fills it"


def open_groups(template: Template) -> Iterator[Found]:
    """Security groups that let in or out more than one port for one reason."""
    for name, properties in _resources(template, "AWS::EC2::SecurityGroup"):
        if not properties.get("SecurityGroupEgress"):
            yield name, "lets everything out", "Name what may leave in SecurityGroupEgress"
        for rule in _flat(properties.get("SecurityGroupIngress", [])):
            ports = (rule.get("FromPort"), rule.get("ToPort"))
            source = rule.get("CidrIp", rule.get("CidrIpv6"))
            if rule["IpProtocol"] == "-1" or ports[0] != ports[1]:
                yield name, f"lets in more than one port ({ports[0]}-{ports[1]})", "Name one"
            if source in WORLD and ports[0] not in (80, 443):
                yield name, f"lets the world in on port {ports[0]}", "Name a security group"
    for name, properties in _resources(template, "AWS::RDS::DBCluster"):
        groups = [group["Ref"] for group in properties.get("VpcSecurityGroupIds", [])]
        for group in groups:
            ingress = template["Resources"][group]["Properties"].get("SecurityGroupIngress", [])
            if any("SourceSecurityGroupId" not in rule for rule in _flat(ingress)):
                yield group, f"lets others than its services reach {name}", "Name their group"


def default_answers(template: Template) -> Iterator[Found]:
    """Listeners that send what no rule catches to a service."""
    for name, properties in _resources(template, "AWS::ElasticLoadBalancingV2::Listener"):
        if any(action["Type"] == "forward" for action in _flat(properties["DefaultActions"])):
            yield name, "sends every path to a service", "Answer 404 by default"


def roles(template: Template) -> Iterator[Found]:
    """Roles that may do more, or with more, than their service has."""
    for name, properties in _resources(template, "AWS::IAM::Role"):
        if properties.get("ManagedPolicyArns"):
            yield name, "has a managed policy, which is wider", "Write down what it needs"
        for statement in properties["AssumeRolePolicyDocument"]["Statement"]:
            yield from _trust(name, statement)
        for policy in _flat(properties.get("Policies", [])):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield from _statement(name, statement)
                if "Migration" not in name:
                    yield from _own_secrets(name, statement, template)
    for name, properties in _resources(template, "AWS::IAM::Policy"):
        for statement in properties["PolicyDocument"]["Statement"]:
            yield from _statement(name, statement)
        if properties.get("Roles") != {"Ref": "MigrationExecutionRoleNames"}:
            yield name, "is given to others than migrations", "Name MigrationExecutionRoleNames"


def _trust(name: str, statement: Mapping[str, Any]) -> Iterator[Found]:
    principal = statement.get("Principal")
    if not isinstance(principal, Mapping) or set(principal) != {"Service"}:
        yield name, f"can be taken by {principal}", "Trust one AWS service"
    elif principal["Service"] == "ecs-tasks.amazonaws.com":
        conditions = statement.get("Condition", {}).get("StringEquals", {})
        if conditions.get("aws:SourceAccount") != {"Ref": "AWS::AccountId"}:
            yield name, "can be taken for another account's tasks", "Ask for aws:SourceAccount"


def _statement(name: str, statement: Mapping[str, Any]) -> Iterator[Found]:
    actions, resources = _listed(statement.get("Action")), _listed(statement.get("Resource"))
    if not actions or not resources:
        yield name, "allows by exception", "Name Action and Resource"
    for action in actions:
        if "*" in action:
            yield name, f"may do {action}", "Name each action"
    for resource in resources:
        text = resource.get("Fn::Sub", "") if isinstance(resource, Mapping) else resource
        everything = text == "*" and (
            set(actions) <= WITHOUT_RESOURCES or "ArnEquals" in statement.get("Condition", {})
        )
        by_name = READ_SECRET in actions and text
        if by_name or (not everything and any(sign in str(text) for sign in "*?")):
            wrong = f"may do {', '.join(actions)} with {text}, which is more than its own"
            yield name, wrong, "Refer to its own resource (Ref or GetAtt)"


def _own_secrets(name: str, statement: Mapping[str, Any], template: Template) -> Iterator[Found]:
    if READ_SECRET not in _listed(statement.get("Action")):
        return
    for resource in _listed(statement.get("Resource")):
        # One that is told by its name is found already.
        target = resource.get("Ref") if isinstance(resource, Mapping) else None
        kind = template["Resources"].get(target, {}).get("Type")
        if target and kind != "AWS::SecretsManager::Secret":
            wrong = f"reads {target}, which is not its service's own secret"
            yield name, wrong, "Let only the migration's role read it"


def _resources(template: Template, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, resource in template["Resources"].items():
        if resource["Type"] == kind:
            yield name, resource.get("Properties", {})


def _flat(elements: Any) -> list[Any]:
    """The elements of a list, with both sides of each `If` in it."""
    flat: list[Any] = []
    for element in elements:
        if isinstance(element, Mapping) and "Fn::If" in element:
            flat += [side for side in element["Fn::If"][1:] if side != {"Ref": "AWS::NoValue"}]
        else:
            flat.append(element)
    return flat


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _value(expression: Any, template: Template) -> Any:
    """What a range comes to with the parameters' defaults."""
    match expression:
        case {"Ref": parameter}:
            return template["Parameters"][parameter]["Default"]
        case {"Fn::Select": [index, choices]}:
            return _value(choices, template)[int(index)]
        case {"Fn::Cidr": [whole, count, bits]}:
            parts = ip_network(str(_value(whole, template))).subnets(new_prefix=32 - int(bits))
            return list(islice(parts, int(count)))
    return expression


CHECKS: tuple[Callable[[Template], Iterator[Found]], ...] = (
    required_properties, overlapping_ranges, zones, retention, kept_data,
    missed_outages, secret_values, open_groups, default_answers, roles,
)  # fmt: skip
