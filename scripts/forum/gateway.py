"""The gateway's configuration: a Caddyfile, rendered from the one table of routes.

Caddy's own `path` matcher decodes, cleans and ignores case; a load balancer does none of that. So
paths are matched by expression on the request line as it was sent.
"""

import json
import re
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from forum.places import SERVICES
from forum.routes import Route

LOOPBACK = "127.0.0.0/8 ::1/128"
NOT_FOUND = {
    "type": "urn:forum:problem:not_found",
    "title": "Nothing is here",
    "status": 404,
    "detail": "This path is not part of the API.",
    "instance": "",
    "code": "not_found",
    "request_id": "",
}
UNAVAILABLE = {
    "type": "urn:forum:problem:unavailable",
    "title": "Not available for the moment",
    "status": 503,
    "detail": "The service behind this path gave no answer, and may have done what was asked."
    " Try again: a POST with the same Idempotency-Key is done once.",
    "instance": "",
    "code": "unavailable",
    "request_id": "",
}

OPTIONS = """{{
	admin off
	persist_config off
	log {{
		level WARN
		format console
	}}
	servers {{
		protocols h1 h2
		timeouts {{
			read_header 10s
			read_body 60s
			idle 60s
		}}
		# Who may say in X-Forwarded-For for whom he speaks. Of the hops the last other one counts.
		trusted_proxies static {trusted}
		trusted_proxies_strict
	}}
}}
"""
# A dial that failed is tried again, on another replica where there is one. A request that was sent
# is not, and that takes a matcher which never matches: without one Caddy repeats each GET. (What is
# left is Go's own: a GET on a kept connection that turns out to be dead.)
# A replica that hangs keeps the few requests that it has: the others have fewer then, and get what
# comes. No request waits for ever: a service takes less than 30 s, as its database does.
# Who asks is decided here alone, so a service is told one address and need not know the proxies.
PROXY = """
	@{service} vars_regexp {{http.request.orig_uri}} {target}
	handle @{service} {{
		reverse_proxy {{
			{upstream}
			header_up X-Forwarded-For {{client_ip}}
			lb_policy least_conn
			lb_retries 10
			lb_try_interval 100ms
			lb_retry_match expression false
			transport http {{
				compression off
				dial_timeout 1s
				response_header_timeout 30s
				keepalive 60s
				keepalive_idle_conns_per_host 64
			}}
		}}
	}}
"""
# One that refuses a dial, because it is starting or has gone, is passed over for a moment: as many
# new ones as old ones would else use up the tries of one request in thousands.
REPLICAS = """dynamic a {{
				name {host}
				port 8000
				refresh 1s
				dial_timeout 1s
			}}
			fail_duration 500ms"""
STATIC = """
	{directive} {{
		header Content-Type application/problem+json{headers}
		respond `{body}` {status}
	}}
"""
# What Docker asks: whether Caddy serves, whatever is behind it.
ALIVE = """
http://:2020 {
	bind 127.0.0.1
	respond ok
}
"""


def local(table: Sequence[Route], upstreams: Mapping[str, str], port: int) -> str:
    """For this machine's loopback alone: `upstreams` gives the `host:port` of each service.

    A program on this machine may stand for others: what it says in X-Forwarded-For is kept.
    """
    bind = f"\tbind {' '.join(_loopback_addresses())}\n"
    to = {service: f"to {address}" for service, address in upstreams.items()}
    return OPTIONS.format(trusted=LOOPBACK) + _site(f"http://:{port}", bind, table, to)


def composed(table: Sequence[Route]) -> str:
    """For containers: every replica of a service, by its name; HTTPS where there is a domain.

    FORUM_SITE is `:80` or a domain, TRUSTED_PROXIES a list of networks; USERS_HOST and so on name
    somebody else behind a prefix.
    """
    hosts = {service: f"{{${service.upper()}_HOST:{service}}}" for service in SERVICES}
    to = {service: REPLICAS.format(host=host) for service, host in hosts.items()}
    site = _site("{$FORUM_SITE::80}", "", table, to)
    return OPTIONS.format(trusted="{$TRUSTED_PROXIES:127.0.0.1/32}") + site + ALIVE


def raw_path(prefixes: tuple[str, ...]) -> str:
    """The expression that a request line's target must match to be routed to `prefixes`."""
    either = "|".join(re.escape(prefix) for prefix in prefixes)
    return rf"^(?:{either})(?:/[^?]*)?(?:\?.*)?$"


def _site(address: str, bind: str, table: Sequence[Route], to: Mapping[str, str]) -> str:
    proxies = [
        PROXY.format(
            service=route.service,
            target=raw_path(route.prefixes),
            upstream=to[route.service],
        )
        for route in table
    ]
    nothing = _static("handle", NOT_FOUND)
    error = _static("handle_errors", UNAVAILABLE, "\n\t\theader Retry-After 1")
    inside = "".join([bind, *proxies, nothing, error]).lstrip("\n")
    return f"\n{address} {{\n{inside}}}\n"


def _static(directive: str, problem: Mapping[str, Any], headers: str = "") -> str:
    body = json.dumps(problem)
    return STATIC.format(directive=directive, headers=headers, body=body, status=problem["status"])


def _loopback_addresses() -> list[str]:
    """What `localhost` can mean on this machine."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return ["127.0.0.1"]
    return ["127.0.0.1", "::1"]
