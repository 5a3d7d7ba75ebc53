"""What stands in for the outputs of stacks that are not made yet, so that a plan can go on.

Each looks like the real thing, since CloudFormation checks how values look before it makes a
change set.
"""

ARN = "arn:aws:{service}:eu-central-1:123456789012:{resource}"
TWO_SUBNETS = "subnet-00000000000000000,subnet-00000000000000001"
GROUP = "sg-00000000000000000"


def _arn(service: str, resource: str) -> str:
    return ARN.format(service=service, resource=resource)


OUTPUTS = {
    "network": {
        "Vpc": "vpc-00000000000000000",
        "VpcRange": "10.0.0.0/16",
        "PublicSubnets": TWO_SUBNETS,
        "PrivateSubnets": TWO_SUBNETS,
        "TaskSubnets": TWO_SUBNETS,
        "AssignPublicIp": "DISABLED",
    },
    "platform": {
        "Cluster": "not-yet-made",
        "Namespace": _arn("servicediscovery", "namespace/ns-0000000000000000"),
        "LoadBalancer": _arn("elasticloadbalancing", "loadbalancer/app/none/0000000000000000"),
        "LoadBalancerName": "none",
        "LoadBalancerFullName": "app/none/0000000000000000",
        "LoadBalancerSecurityGroup": GROUP,
        "ServicesSecurityGroup": GROUP,
        "Listener": _arn("elasticloadbalancing", "listener/app/none/0000000000000000/0000000000"),
        "Address": "none.elb.amazonaws.com",
        "Scheme": "http",
    },
    "capacity": {"CapacityProvider": "not-yet-made"},
    "service": {
        "Repository": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/none",
        "RepositoryName": "none",
        "LogGroup": "none",
        "TargetGroup": _arn("elasticloadbalancing", "targetgroup/none/0000000000000000"),
        "TargetGroupFullName": "targetgroup/none/0000000000000000",
        "TaskRole": _arn("iam", "role/none"),
        "ExecutionRole": _arn("iam", "role/none"),
        "MigrationExecutionRole": _arn("iam", "role/none"),
        "MigrationExecutionRoleName": "none",
        "Secret": _arn("secretsmanager", "secret:none-000000"),
        "SecurityGroup": GROUP,
        "MigrationSecurityGroup": GROUP,
    },
    "data": {
        "Host": "none.rds.amazonaws.com",
        "Port": "5432",
        "MasterSecret": _arn("secretsmanager", "secret:none-000000"),
        "DataSecurityGroup": GROUP,
        "ClientSecurityGroup": GROUP,
    },
}
