"""The last step: the forum asked through its load balancer, as a client would."""

import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence

from deployment.forum import Forum
from deployment.problems import AGAIN, DeployError

PATHS = {
    "users": "/api/users/.well-known/jwks.json",
    "topics": "/api/topics",
    "messages": "/api/messages",
}
# Never routed from outside.
CLOSED = "/livez"
# A new load balancer's name takes minutes to be known.
SECONDS = 300.0


def url(forum: Forum, platform: Mapping[str, str]) -> str:
    """Where the forum is reached: the given address, or that of its load balancer."""
    return forum.address.rstrip("/") or f"{platform['Scheme']}://{platform['Address'].lower()}"


def test(forum: Forum, platform: Mapping[str, str], services: Sequence[str]) -> None:
    """An error says which path does not answer as it should, and how it does."""
    base = url(forum, platform)
    asked = [PATHS[service] for service in services if service in PATHS] or list(PATHS.values())
    for path, status in [*((path, 200) for path in asked), (CLOSED, 404)]:
        deadline = time.monotonic() + SECONDS
        while (answer := _ask(forum, base + path)) != status:
            if time.monotonic() > deadline:
                raise DeployError(f"{base}{path} answers {answer}, not {status}. {AGAIN}")
            time.sleep(forum.aws.pause)
        forum.say(f"  {base}{path} answers {status}")


def _ask(forum: Forum, address: str) -> int | str:
    """The status of the answer, or why there is none."""
    context = ssl.create_default_context()
    # A load balancer's own name is on nobody's certificate.
    context.check_hostname = bool(forum.address)
    try:
        with urllib.request.urlopen(address, timeout=10, context=context) as answer:  # noqa: S310
            status: int = answer.status
            return status
    except urllib.error.HTTPError as error:
        return error.code
    except (urllib.error.URLError, OSError) as error:
        return str(error)
