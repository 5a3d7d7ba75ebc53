"""The AWS APIs that a deployment calls, as typed clients."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from deployment.problems import UsageError

if TYPE_CHECKING:
    from mypy_boto3_acm import ACMClient
    from mypy_boto3_application_autoscaling import ApplicationAutoScalingClient
    from mypy_boto3_autoscaling import AutoScalingClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_service_quotas import ServiceQuotasClient
    from mypy_boto3_servicediscovery import ServiceDiscoveryClient
    from mypy_boto3_sts import STSClient


class Aws:
    """One account in one region, with the credentials of the environment as every AWS tool.

    With `endpoint_url` all calls go there: an emulator. Clients are made when first used.
    """

    def __init__(self, region: str | None, endpoint_url: str | None) -> None:
        # boto3 itself reads AWS_DEFAULT_REGION alone, the AWS CLI both.
        self._session = boto3.Session(region_name=region or os.environ.get("AWS_REGION"))
        if not self._session.region_name:
            raise UsageError("Which region? Give --region, such as eu-central-1, or AWS_REGION.")
        self.region: str = self._session.region_name
        self.endpoint_url = endpoint_url
        # An emulator answers at once, and takes any number of calls.
        self.pause = 0.2 if endpoint_url else 3.0
        config = Config(
            retries={"mode": "standard", "total_max_attempts": 6},
            connect_timeout=5,
            read_timeout=60,
            user_agent_extra="forum-deploy",
        )
        self._options: dict[str, Any] = {"endpoint_url": endpoint_url, "config": config}

    @cached_property
    def account(self) -> str:
        """The number of the account."""
        return self.sts.get_caller_identity()["Account"]

    @cached_property
    def cloudwatch(self) -> CloudWatchClient:
        return self._session.client("cloudwatch", **self._options)

    @cached_property
    def acm(self) -> ACMClient:
        return self._session.client("acm", **self._options)

    @cached_property
    def scaling(self) -> ApplicationAutoScalingClient:
        return self._session.client("application-autoscaling", **self._options)

    @cached_property
    def auto_scaling(self) -> AutoScalingClient:
        """Of instances; `scaling` is that of tasks."""
        return self._session.client("autoscaling", **self._options)

    @cached_property
    def cloudformation(self) -> CloudFormationClient:
        return self._session.client("cloudformation", **self._options)

    @cached_property
    def cloud_map(self) -> ServiceDiscoveryClient:
        return self._session.client("servicediscovery", **self._options)

    @cached_property
    def ec2(self) -> EC2Client:
        return self._session.client("ec2", **self._options)

    @cached_property
    def ecr(self) -> ECRClient:
        return self._session.client("ecr", **self._options)

    @cached_property
    def ecs(self) -> ECSClient:
        return self._session.client("ecs", **self._options)

    @cached_property
    def balancing(self) -> ElasticLoadBalancingv2Client:
        return self._session.client("elbv2", **self._options)

    @cached_property
    def iam(self) -> IAMClient:
        return self._session.client("iam", **self._options)

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        return self._session.client("logs", **self._options)

    @cached_property
    def rds(self) -> RDSClient:
        return self._session.client("rds", **self._options)

    @cached_property
    def secrets(self) -> SecretsManagerClient:
        return self._session.client("secretsmanager", **self._options)

    @cached_property
    def quotas(self) -> ServiceQuotasClient:
        return self._session.client("service-quotas", **self._options)

    @cached_property
    def sts(self) -> STSClient:
        return self._session.client("sts", **self._options)
