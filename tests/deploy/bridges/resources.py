"""Resource types that the emulator's CloudFormation refuses, and what it says otherwise of two.

Where the emulator has the thing itself (addresses, NAT gateways, rules of security groups, capacity
providers), a template makes it there, so that tests read it back through the API.
"""

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from ministack.services import ec2, ecs, secretsmanager, ssm
from ministack.services.cloudformation import provisioners

# Which image instances start from, a parameter that AWS gives to every account.
INSTANCE_IMAGE = "/aws/service/ecs/optimized-ami/amazon-linux-2023{}/recommended/image_id"
Made = tuple[str, dict[str, Any]]
Properties = dict[str, Any]


def install() -> None:
    """Add the types to the emulator's table."""
    handlers = provisioners._RESOURCE_HANDLERS
    handlers["AWS::EC2::EIP"] = {"create": _make_address, "delete": _drop_address}
    handlers["AWS::EC2::NatGateway"] = {"create": _make_gateway, "delete": _drop_gateway}
    for direction, key in (("Ingress", "IpPermissions"), ("Egress", "IpPermissionsEgress")):
        handlers[f"AWS::EC2::SecurityGroup{direction}"] = _rules_of_a_group(key)
    handlers["AWS::ECS::CapacityProvider"] = {"create": _make_provider, "delete": _drop_provider}
    handlers["AWS::ECS::ClusterCapacityProviderAssociations"] = {
        "create": _associate,
        "update": lambda _physical, _old, new, stack: _associate("", new, stack),
        "delete": _dissociate,
    }
    _with_its_range(handlers["AWS::EC2::VPC"])
    _known_by_arn(handlers["AWS::SecretsManager::Secret"])
    for kind in ("", "/arm64"):
        ssm._PUBLIC_AMI_PARAMETERS[INSTANCE_IMAGE.format(kind)] = "ami-0123456789abcdef0"


def _element(response: tuple[int, dict[str, str], Any], name: str) -> str:
    """The text of one element of an answer of the emulator's own API."""
    status, _headers, body = response
    if status >= 400:
        raise ValueError(body if isinstance(body, str) else body.decode())
    return ElementTree.fromstring(body).findtext(f".//{{*}}{name}", "")  # noqa: S314


def _make_address(_name: str, properties: Properties, _stack: str) -> Made:
    domain = properties.get("Domain", "vpc")
    allocation = _element(ec2._allocate_address({"Domain": [domain]}), "allocationId")
    address = ec2._addresses[allocation]["PublicIp"]
    return address, {"AllocationId": allocation, "PublicIp": address}


def _drop_address(physical: str, _properties: Properties) -> None:
    for allocation, record in list(ec2._addresses.items()):
        if record["PublicIp"] == physical:
            del ec2._addresses[allocation]


def _make_gateway(_name: str, properties: Properties, _stack: str) -> Made:
    asked = {key: [properties[key]] for key in ("SubnetId", "AllocationId") if key in properties}
    gateway = _element(ec2._create_nat_gateway(asked), "natGatewayId")
    return gateway, {"NatGatewayId": gateway}


def _drop_gateway(physical: str, _properties: Properties) -> None:
    ec2._delete_nat_gateway({"NatGatewayId": [physical]})


def _rules_of_a_group(key: str) -> dict[str, Callable[..., Any]]:
    def rules(properties: Properties) -> tuple[list[Any], list[Any]]:
        group = ec2._security_groups[properties["GroupId"]]
        return group[key], provisioners._ec2_sg_permissions([properties])

    def make(name: str, properties: Properties, stack: str) -> Made:
        live, wanted = rules(properties)
        live.extend(rule for rule in wanted if rule not in live)
        rule_id = f"sgr-{stack}-{name}"
        return rule_id, {"Id": rule_id}

    def drop(_physical: str, properties: Properties) -> None:
        if properties["GroupId"] in ec2._security_groups:
            live, unwanted = rules(properties)
            live[:] = [rule for rule in live if rule not in unwanted]

    def change(physical: str, old: Properties, new: Properties, _stack: str) -> Made:
        drop(physical, old)
        live, wanted = rules(new)
        live.extend(wanted)
        return physical, {"Id": physical}

    return {"create": make, "update": change, "delete": drop}


def _make_provider(name: str, properties: Properties, stack: str) -> Made:
    provider = properties.get("Name") or f"{stack}-{name}"
    scaling_group = properties.get("AutoScalingGroupProvider", {})
    managed = scaling_group.get("ManagedScaling", {})
    ecs._create_capacity_provider(
        {
            "name": provider,
            "autoScalingGroupProvider": {
                "autoScalingGroupArn": scaling_group.get("AutoScalingGroupArn", ""),
                "managedScaling": {key[0].lower() + key[1:]: managed[key] for key in managed},
                "managedTerminationProtection": scaling_group.get(
                    "ManagedTerminationProtection", "DISABLED"
                ),
            },
        }
    )
    return provider, {}


def _drop_provider(physical: str, _properties: Properties) -> None:
    ecs._delete_capacity_provider({"capacityProvider": physical})


def _associate(_name: str, properties: Properties, _stack: str) -> Made:
    cluster = ecs._resolve_cluster_name(properties["Cluster"])
    strategy = [
        {key[0].lower() + key[1:]: value for key, value in item.items()}
        for item in properties.get("DefaultCapacityProviderStrategy", [])
    ]
    ecs._put_cluster_capacity_providers(
        {
            "cluster": cluster,
            "capacityProviders": properties.get("CapacityProviders", []),
            "defaultCapacityProviderStrategy": strategy,
        }
    )
    return cluster, {}


def _dissociate(physical: str, _properties: Properties) -> None:
    ecs._put_cluster_capacity_providers({"cluster": physical})


def _with_its_range(handler: dict[str, Any]) -> None:
    """Let templates read the range of a VPC, which is in its properties."""
    make, change = handler["create"], handler["update"]

    def made(name: str, properties: Properties, stack: str) -> Made:
        physical, attributes = make(name, properties, stack)
        return physical, {**attributes, "CidrBlock": properties["CidrBlock"]}

    def changed(physical: str, old: Properties, new: Properties, *rest: Any) -> Made:
        physical, attributes = change(physical, old, new, *rest)
        return physical, {**attributes, "CidrBlock": new["CidrBlock"]}

    handler["create"], handler["update"] = made, changed


def _known_by_arn(handler: dict[str, Any]) -> None:
    """`Ref` of a secret is its ARN, and one that was given no value has none."""
    make, change, drop = handler["create"], handler["update"], handler["delete"]
    secrets = secretsmanager._secrets

    def name_of(arn: str) -> str:
        return str(next(name for name, secret in secrets.items() if secret["ARN"] == arn))

    def made(name: str, properties: Properties, stack: str) -> Made:
        secret, attributes = make(name, properties, stack)
        if not {"SecretString", "GenerateSecretString"} & properties.keys():
            secrets[secret]["Versions"].clear()
        return attributes["Arn"], attributes

    def changed(physical: str, *rest: Any) -> Made:
        _secret, attributes = change(name_of(physical), *rest)
        return attributes["Arn"], attributes

    handler["create"], handler["update"] = made, changed
    handler["delete"] = lambda physical, properties: drop(name_of(physical), properties)
