"""Where each service's database is, and what its certificate is signed by."""

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import boto3

from deployment.forum import Forum
from deployment.problems import AGAIN, DeployError, UsageError
from deployment.steps import stack_events, stacks
from deployment.wanted import layout
from deployment.wanted.layout import Outputs

# Where each part of AWS has the authorities of its databases.
BUNDLES = {
    "aws": "truststore.pki.rds.amazonaws.com",
    "aws-cn": "rds-truststore.s3.cn-north-1.amazonaws.com.cn",
    "aws-us-gov": "truststore.pki.us-gov-west-1.rds.amazonaws.com",
}


@dataclass(frozen=True)
class Database:
    """One server; `authority` is a PEM text, or nothing where the system's own will do."""

    host: str
    port: str
    sslmode: str
    authority: str

    def url(self, service: str, password: str) -> str:
        """What the service is told: a role and a database of its own name."""
        options = f"sslmode={self.sslmode}"
        if self.sslmode == "verify-full" and not self.authority:
            options += "&sslrootcert=system"
        return f"postgresql://{service}:{password}@{self.host}:{self.port}/{service}?{options}"


def existing_outputs(forum: Forum, services: Sequence[str]) -> dict[str, dict[str, str]]:
    """For databases that were there before: what the stack of one of ours would have said."""
    if forum.size.databases != "existing":
        return {}
    made = {}
    for service in services:
        secret = _existing_secret(forum, service)
        made[f"{service}-data"] = {
            "Host": secret["host"],
            "Port": str(secret["port"]),
            "MasterSecret": forum.size.existing[service],
            "ClientSecurityGroup": "",
        }
    return made


def find(forum: Forum, service: str, outputs: Outputs) -> Database:
    """The database of the service, once it is made."""
    if forum.size.databases == "existing":
        secret = _existing_secret(forum, service)
        host, sslmode = secret["host"], secret.get("sslmode", "verify-full")
        authority = secret.get("ca", "")
        if not authority and sslmode.startswith("verify") and _is_of_rds(host):
            authority = _authority(forum)
        return Database(host, str(secret["port"]), sslmode, authority)
    data = outputs[layout.data_part(forum.size, service)]
    return Database(data["Host"], data["Port"], "verify-full", _authority(forum))


def host(forum: Forum, service: str) -> str:
    """Where the database of the service is; nothing where it is not, or not any more."""
    if forum.size.databases == "existing":
        return _existing_secret(forum, service)["host"]
    part = layout.data_part(forum.size, service)
    live = stack_events.look(forum, layout.stack_name(forum.name, part))
    if live is None or stacks.left_from(forum, live):
        return ""
    return stacks.outputs(forum, part).get("Host", "")


def bundle(region: str) -> str:
    """Where the authorities of that region's databases are."""
    partition = boto3.Session().get_partition_for_region(region)
    if partition not in BUNDLES:
        raise UsageError(
            f"No address of the databases' authorities is known here for {region} ({partition}):"
            ' say "database_ca": "FILE" in the size.'
        )
    return f"https://{BUNDLES[partition]}/{region}/{region}-bundle.pem"


def _is_of_rds(host: str) -> bool:
    """Whether RDS signs its certificate, which no system knows; that of a proxy is a public one."""
    return host.endswith((".rds.amazonaws.com", ".rds.amazonaws.com.cn")) and ".proxy-" not in host


def _authority(forum: Forum) -> str:
    if file := forum.size.document.get("database_ca"):
        try:
            return Path(file).read_text()
        except OSError as error:
            raise UsageError(f"{forum.size.file}: database_ca cannot be read: {error}") from None
    url = bundle(forum.region)
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 - always https
            content: bytes = answer.read()
    except (urllib.error.URLError, OSError) as error:
        raise DeployError(
            f"The authority of the databases' certificates is not to be had from {url}: {error}."
            f' {AGAIN} Or say "database_ca": "FILE" in the size.'
        ) from None
    return content.decode()


def _existing_secret(forum: Forum, service: str) -> dict[str, str]:
    arn = forum.size.existing.get(service, "")
    if not arn:
        raise UsageError(f"{forum.size.file}: existing names no secret for {service}.")
    text = forum.aws.secrets.get_secret_value(SecretId=arn)["SecretString"]
    try:
        secret: dict[str, str] = json.loads(text)
        missing = {"host", "port", "username", "password"} - secret.keys()
    except (ValueError, AttributeError):
        # Never with the text: it may be the password.
        raise DeployError(f"The secret {arn} of {service} is not a JSON object.") from None
    if missing:
        raise DeployError(f"The secret {arn} of {service} lacks {', '.join(sorted(missing))}.")
    return secret
