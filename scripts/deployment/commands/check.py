"""`scripts/deploy check`: what would stop `up`, each with what to do. It changes nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from deployment.checks import network, quotas, size_check
from deployment.checks.findings import Finding, guarded
from deployment.forum import Forum
from deployment.outcome import Outcome
from deployment.steps import data, databases, images, infrastructure, secret_values, stacks
from deployment.wanted import rules, sizes
from deployment.wanted.sizes import Size
from forum import routes
from forum.places import SERVICES

if TYPE_CHECKING:
    from mypy_boto3_acm.type_defs import CertificateDetailTypeDef

# ACM renews its own certificates 60 days before their end, where it can.
SOON = timedelta(days=30)
TAGS_AT_ONCE = 20


def run(forum: Forum) -> Outcome:
    """Every finding; status 1 if one would stop `up`."""
    findings = list(find(forum, SERVICES))
    stops = sum(finding.level == "stops" for finding in findings)
    end = f"{stops} would stop `up`." if stops else "Nothing here would stop `up`."
    text = "\n".join([*(finding.line for finding in findings), end])
    listed = [asdict(finding) for finding in findings]
    return Outcome({"findings": listed}, text, 1 if stops else 0)


def find(forum: Forum, services: Sequence[str]) -> Iterator[Finding]:
    """All that is looked at. Without credentials, only what is on this machine."""
    account = list(guarded("credentials", lambda: _credentials(forum)))
    yield from account
    if account[-1].level != "ok":
        size = forum.given_size or sizes.load("hobby")
        yield from [*size_check.look(size), *_docker(size)]
        return
    yield from [*size_check.look(forum.size), *_docker(forum.size)]
    yield from guarded("quotas", lambda: quotas.look(forum, services), "warning")
    yield from guarded("network", lambda: network.look(forum))
    yield from guarded("certificate", lambda: _certificate(forum))
    yield from guarded("database", lambda: _database(forum, services))
    yield from guarded("secrets", lambda: _secrets(forum, services))
    yield from guarded("listener rules", lambda: _priorities(forum))


def _credentials(forum: Forum) -> Iterator[Finding]:
    who = forum.aws.sts.get_caller_identity()
    found = f"{who['Arn']}, account {who['Account']}, region {forum.region}."
    yield Finding("ok", "credentials", found)


def _docker(size: Size) -> Iterator[Finding]:
    """Whether images for the tasks' architecture can be built here."""
    wanted = images.PLATFORMS[size.architecture]
    start = "Start Docker, or see https://docs.docker.com/engine/install."
    try:
        engine = _ask_docker(
            "version", "--format", "{{.Server.Version}} {{.Server.Os}}/{{.Server.Arch}}"
        )
        builder = _ask_docker("buildx", "inspect")
    except FileNotFoundError:
        yield Finding("stops", "Docker", "there is no docker command.", start)
        return
    if engine.returncode != 0:
        said = (engine.stderr.strip().splitlines() or ["it says nothing"])[-1]
        yield Finding("stops", "Docker", f"it does not answer: {said}.", start)
        return
    version, _, own = engine.stdout.strip().partition(" ")
    listed = [line for line in builder.stdout.splitlines() if line.startswith("Platforms:")]
    known = {own} | {each.strip(" *") for line in listed for each in line[10:].split(",")}
    if wanted in known:
        how = "of this machine" if wanted == own else "emulated here"
        yield Finding("ok", "Docker", f"{version} answers and builds {wanted}, {how}.")
        return
    ours = [name for name, platform in images.PLATFORMS.items() if platform == own]
    change = (
        f'Say "architecture": "{ours[0]}" in {size.file.name}, or install' if ours else "Install"
    )
    yield Finding(
        "stops",
        "Docker",
        f"the tasks are {size.architecture} and Docker here builds {own} alone.",
        f"{change} emulation of {wanted} (docs.docker.com: multi-platform builds, QEMU).",
    )


def _ask_docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)


def _certificate(forum: Forum) -> Iterator[Finding]:
    arn = forum.size.parameters("platform").get("Certificate")
    if not arn:
        yield Finding(
            "warning",
            "certificate",
            "there is none, so passwords travel readable over plain HTTP.",
            "Ask ACM for one in this region and name its ARN as platform.Certificate.",
        )
        return
    region = (arn.split(":") + [""] * 4)[3]
    if region != forum.region:
        found = f"{arn} is in {region or 'no region'}, the load balancer in {forum.region}."
        yield Finding("stops", "certificate", found, f"Ask ACM for one in {forum.region}.")
        return
    yield _judge(arn, forum.aws.acm.describe_certificate(CertificateArn=arn)["Certificate"])


def _judge(arn: str, live: CertificateDetailTypeDef) -> Finding:
    domain, status = live.get("DomainName", arn), live["Status"]
    if status != "ISSUED":
        pending = "Add the DNS record that ACM shows for it and wait, or name another."
        found = f"the one for {domain} is {status}, not ISSUED."
        advice = pending if status == "PENDING_VALIDATION" else "Name another."
        return Finding("stops", "certificate", found, advice)
    end = live["NotAfter"]
    found = f"the one for {domain} ends on {end:%Y-%m-%d}."
    if end - datetime.now(UTC) < SOON:
        return Finding("warning", "certificate", found, "Renew it, or name another.")
    return Finding("ok", "certificate", found)


def _database(forum: Forum, services: Sequence[str]) -> Iterator[Finding]:
    """Data stays where it is; existing databases have whole secrets, and ours an engine here."""
    data.refuse_another(forum, services, infrastructure.deployed(forum))
    if forum.size.databases == "existing":
        databases.existing_outputs(forum, services)
        yield Finding("ok", "database", "the secrets of the existing ones are there and whole.")
        return
    version = forum.size.parameters("data").get("EngineVersion", "17.9")
    offered = forum.aws.rds.describe_db_engine_versions(
        Engine="aurora-postgresql", EngineVersion=version
    )
    if offered["DBEngineVersions"]:
        yield Finding("ok", "database", f"Aurora PostgreSQL {version} is offered in this region.")
    else:
        yield Finding(
            "stops",
            "database",
            f"Aurora PostgreSQL {version} is not offered in {forum.region}.",
            "See aws rds describe-db-engine-versions --engine aurora-postgresql, and name one of"
            " them as data.EngineVersion.",
        )


def _secrets(forum: Forum, services: Sequence[str]) -> Iterator[Finding]:
    outputs = {name: made for name in services if (made := stacks.outputs(forum, name))}
    lacking = secret_values.missing(forum, list(outputs), outputs)
    for name in services:
        if name not in outputs:
            yield from _name_is_free(forum, f"{forum.name}/{name}")
        elif name in lacking:
            found = f"that of {name} has no {', '.join(lacking[name])} yet: `up` adds it."
            yield Finding("warning", "secrets", found)
        else:
            yield Finding("ok", "secrets", f"that of {name} is there and whole.")


def _name_is_free(forum: Forum, name: str) -> Iterator[Finding]:
    client = forum.aws.secrets
    try:
        live = client.describe_secret(SecretId=name)
    except client.exceptions.ResourceNotFoundException:
        return
    if "DeletedDate" in live:
        found = f"{name} is on its way to deletion and keeps its name until then."
    else:
        found = f"{name} is there already, and not of this forum's stack."
    yield Finding(
        "stops",
        "secrets",
        found,
        f"Give the forum another --name, or, if nobody needs it: aws secretsmanager delete-secret"
        f" --secret-id {name} --force-delete-without-recovery",
    )


def _priorities(forum: Forum) -> Iterator[Finding]:
    """No rule of somebody else has a priority that this forum's rules want."""
    listener = stacks.outputs(forum, "platform").get("Listener")
    if not listener:
        yield Finding("ok", "listener rules", "there is no listener yet, so all are free.")
        return
    everything = dict.fromkeys([*SERVICES, rules.MONOLITH], "")
    wanted = {str(rule["Priority"]) for rule in rules.render(routes.load(), everything, forum.name)}
    pages = forum.aws.balancing.get_paginator("describe_rules").paginate(ListenerArn=listener)
    live = {
        rule["RuleArn"]: rule["Priority"]
        for page in pages
        for rule in page["Rules"]
        if rule["Priority"] in wanted
    }
    strange = [priority for arn, priority in live.items() if arn not in _ours(forum, list(live))]
    for priority in strange:
        found = f"priority {priority} is that of a rule which this forum did not make."
        yield Finding("stops", "listener rules", found, "Give that rule another priority.")
    if not strange:
        yield Finding("ok", "listener rules", "no other rule has a priority of ours.")


def _ours(forum: Forum, arns: Sequence[str]) -> set[str]:
    found = set()
    for start in range(0, len(arns), TAGS_AT_ONCE):
        some = list(arns[start : start + TAGS_AT_ONCE])
        for each in forum.aws.balancing.describe_tags(ResourceArns=some)["TagDescriptions"]:
            tags = {tag["Key"]: tag.get("Value") for tag in each["Tags"]}
            if tags.get("forum") == forum.name:
                found.add(each["ResourceArn"])
    return found
