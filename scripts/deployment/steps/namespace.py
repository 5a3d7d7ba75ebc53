"""The names of Service Connect in Cloud Map, which keep the platform's stack from going."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from deployment.forum import Forum
from deployment.problems import AGAIN
from deployment.steps import stacks

if TYPE_CHECKING:
    from mypy_boto3_servicediscovery.type_defs import ServiceSummaryTypeDef

SECONDS = 300.0


def clear(forum: Forum) -> None:
    """Remove what ECS has made in the forum's namespace: after a service it may do so late."""
    made = stacks.outputs(forum, "platform").get("Namespace", "").rpartition("/")[2]
    if made:
        forum.wait_until(
            lambda: not _left(forum, made),
            SECONDS,
            f"Cloud Map keeps names of {made} after {SECONDS / 60:.0f} min. {AGAIN}",
        )


def _left(forum: Forum, namespace: str) -> bool:
    """Whether there was anything; what can be removed now is."""
    pages = forum.aws.cloud_map.get_paginator("list_services").paginate(
        Filters=[{"Name": "NAMESPACE_ID", "Values": [namespace]}]
    )
    services = [service for page in pages for service in page["Services"]]
    for service in services:
        _remove(forum, service)
    return bool(services)


def _remove(forum: Forum, service: ServiceSummaryTypeDef) -> None:
    """A service goes when its last instance has gone, which takes AWS a moment."""
    cloud_map = forum.aws.cloud_map
    gone = (
        cloud_map.exceptions.DuplicateRequest,
        cloud_map.exceptions.InstanceNotFound,
        cloud_map.exceptions.ResourceInUse,
        cloud_map.exceptions.ServiceNotFound,
    )
    with suppress(*gone):
        pages = cloud_map.get_paginator("list_instances").paginate(ServiceId=service["Id"])
        instances = [instance["Id"] for page in pages for instance in page["Instances"]]
        for instance in instances:
            with suppress(*gone):
                cloud_map.deregister_instance(ServiceId=service["Id"], InstanceId=instance)
        if not instances:
            cloud_map.delete_service(Id=service["Id"])
            forum.say(f"  {service['Name']} taken out of Cloud Map")
