"""The services' own secrets: filled once, never changed, and what is missing added."""

import json
import secrets
from collections.abc import Mapping, Sequence

from deployment.forum import Forum
from deployment.problems import DeployError
from deployment.steps import databases
from deployment.wanted.layout import Outputs
from forum.places import SERVICES

KEYS = ("DATABASE_URL", "DATABASE_CA", "IDEMPOTENCY_SECRET")
# The services' calls to each other are signed with the same secret; the monolith calls nobody.
SHARED = "INTERNAL_SECRETS"


def missing(forum: Forum, services: Sequence[str], outputs: Outputs) -> dict[str, list[str]]:
    """The keys that each service's secret lacks."""
    lacking = {}
    for service in services:
        held = read(forum, outputs[service]["Secret"]) if service in outputs else {}
        if keys := [key for key in _keys(service) if key not in held]:
            lacking[service] = keys
    return lacking


def fill(forum: Forum, services: Sequence[str], outputs: Outputs) -> bool:
    """Give each service what its secret lacks; whether there was anything."""
    lacking = missing(forum, services, outputs)
    for service, keys in lacking.items():
        held = read(forum, outputs[service]["Secret"])
        made = {key: _make(forum, service, key, outputs) for key in keys}
        forum.aws.secrets.put_secret_value(
            SecretId=outputs[service]["Secret"], SecretString=json.dumps({**held, **made})
        )
        forum.say(f"  {service}: filled {', '.join(keys)}")
    return bool(lacking)


def _keys(service: str) -> tuple[str, ...]:
    return (*KEYS, SHARED) if service in SERVICES else KEYS


def _make(forum: Forum, service: str, key: str, outputs: Outputs) -> str:
    if key == "DATABASE_URL":
        password = secrets.token_urlsafe(32)
        return databases.find(forum, service, outputs).url(service, password)
    if key == "DATABASE_CA":
        return databases.find(forum, service, outputs).authority
    if key == SHARED:
        return _shared(forum, outputs) or secrets.token_hex(32)
    return secrets.token_hex(32)


def _shared(forum: Forum, outputs: Outputs) -> str:
    """What another service holds already."""
    for service in SERVICES:
        if service in outputs:
            held = read(forum, outputs[service]["Secret"]).get(SHARED)
            if held:
                return held
    return ""


def read(forum: Forum, secret: str) -> Mapping[str, str]:
    """What the secret holds; it is empty when its stack has just made it."""
    client = forum.aws.secrets
    try:
        text = client.get_secret_value(SecretId=secret)["SecretString"]
    except client.exceptions.ResourceNotFoundException:
        return {}
    try:
        held: dict[str, str] = json.loads(text)
    except ValueError:
        raise DeployError(f"The secret {secret} holds no JSON: empty it, or mend it.") from None
    return held
