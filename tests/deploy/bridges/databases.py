"""Aurora clusters as real PostgreSQL: one container each, with TLS and a managed master secret.

A cluster of a template is a mere record in the emulator, without the managed secret. Here it is
`postgres:17` under the cluster's own host name, with a certificate of the emulator's authority.
And one that is protected does not go with its stack.
"""

import json
import secrets
import time
from typing import Any

from ministack.core import container_reaper
from ministack.services import ecs, rds, secretsmanager
from ministack.services.cloudformation import provisioners, stacks

IMAGE = "postgres:17"
PATIENCE = 60.0
Made = tuple[str, dict[str, Any]]
Properties = dict[str, Any]

CLUSTER = "AWS::RDS::DBCluster"


def install(network: str) -> None:
    """Make and drop containers with the clusters, on that Docker network; without one, none."""
    handler = provisioners._RESOURCE_HANDLERS[CLUSTER]
    make, change, drop = handler["create"], handler["update"], handler["delete"]
    take_snapshot = handler["snapshot"]
    blocking = stacks._runs_on_worker_thread

    def made(name: str, properties: Properties, stack: str) -> Made:
        physical, attributes = make(name, properties, stack)
        cluster = rds._clusters[physical]
        _give_master_secret(cluster)
        if network:
            _start(cluster, network)
        return physical, attributes | _of_the_secret(cluster)

    def changed(physical: str, *rest: Any) -> Made:
        physical, attributes = change(physical, *rest)
        return physical, attributes | _of_the_secret(rds._clusters[physical])

    def kept(physical: str, properties: Properties) -> None:
        # AWS takes a snapshot as it deletes.
        if not _protected(physical):
            take_snapshot(physical, properties)

    def dropped(physical: str, properties: Properties) -> None:
        if _protected(physical):
            raise ValueError("Cannot delete protected Cluster, please disable deletion protection")
        cluster = rds._clusters.get(physical)
        if cluster and network:
            ecs._get_docker().containers.get(cluster["_container"]).remove(force=True, v=True)
        if cluster:
            secretsmanager.delete_secret_in_process(cluster["MasterUserSecret"]["SecretArn"])
        drop(physical, properties)

    handler["create"], handler["update"], handler["delete"] = made, changed, dropped
    handler["snapshot"] = kept
    stacks._runs_on_worker_thread = lambda kind: kind == CLUSTER or blocking(kind)


def _protected(physical: str) -> bool:
    return bool(rds._clusters.get(physical, {}).get("DeletionProtection"))


def _give_master_secret(cluster: dict[str, Any]) -> None:
    password = secrets.token_urlsafe(24)
    secret = secretsmanager.create_secret_in_process(
        f"rds!cluster-{secrets.token_hex(8)}",
        json.dumps({"username": cluster["MasterUsername"], "password": password}),
    )
    cluster["_MasterUserPassword"] = password
    cluster["MasterUserSecret"] = {"SecretArn": secret, "SecretStatus": "active", "KmsKeyId": ""}


def _of_the_secret(cluster: dict[str, Any]) -> dict[str, Any]:
    return {"MasterUserSecret.SecretArn": cluster["MasterUserSecret"]["SecretArn"]}


def _start(cluster: dict[str, Any], network: str) -> None:
    docker = ecs._get_docker()
    host = cluster["Endpoint"]
    container = rds._run_rds_container(
        docker,
        "aurora-postgresql",
        {
            "image": IMAGE,
            "detach": True,
            "environment": {
                "POSTGRES_USER": cluster["MasterUsername"],
                "POSTGRES_PASSWORD": cluster["_MasterUserPassword"],
                "POSTGRES_DB": cluster["DatabaseName"] or "postgres",
            },
            "labels": container_reaper.own_labels("rds"),
            "name": f"ministack-rds-{cluster['DBClusterIdentifier']}-{secrets.token_hex(4)}",
            "network": network,
            "networking_config": {network: docker.api.create_endpoint_config(aliases=[host])},
            "tmpfs": {"/var/lib/postgresql/data": ""},
            # Nothing here outlives the test: no need to wait for a disk.
            "command": ["postgres", "-c", "fsync=off"],
        },
        tls_names=[host],
    )
    cluster["_container"] = container.id
    _await(container)


def _await(container: Any) -> None:
    """Until it takes connections by network: the first server of the image takes none."""
    deadline = time.monotonic() + PATIENCE
    while container.exec_run(["pg_isready", "-q", "-h", "127.0.0.1"]).exit_code != 0:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{container.name} is not up after {PATIENCE:.0f} s")
        time.sleep(0.1)
