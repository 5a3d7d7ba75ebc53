"""The gateway's configuration: Caddy's JSON, rendered from the one table of routes.

Caddy's own `path` matcher decodes, cleans and ignores case; a load balancer does none of that. So
paths are matched by expression on the request line as it was sent.
"""

import json
import re
import socket
from collections.abc import Mapping
from typing import Any

from forum.routes import Route

KEEP_ALIVE = "60s"
LOOPBACK = ["127.0.0.0/8", "::1/128"]
LOGGING = {
    "level": "WARN",
    "exclude": ["admin"],
    "encoder": {"format": "console", "level_format": "upper"},
}
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
    "detail": "The service behind this path does not answer. Try again.",
    "instance": "",
    "code": "unavailable",
    "request_id": "",
}


def addresses(port: int) -> list[str]:
    """The loopback addresses of this machine with that port: what `localhost` can mean."""
    found = [f"127.0.0.1:{port}"]
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return found
    return [*found, f"[::1]:{port}"]


def raw_path(prefixes: tuple[str, ...]) -> str:
    """The expression that a request line's target must match to be routed to `prefixes`."""
    either = "|".join(re.escape(prefix) for prefix in prefixes)
    return rf"^(?:{either})(?:/[^?]*)?(?:\?.*)?$"


def render(routes: list[Route], upstreams: Mapping[str, str], port: int) -> dict[str, Any]:
    """Caddy's configuration: `upstreams` gives the `host:port` of each service."""
    server = {
        "listen": addresses(port),
        "automatic_https": {"disable": True},
        "protocols": ["h1"],
        "idle_timeout": KEEP_ALIVE,
        # A program on this machine may stand for others: what it says in X-Forwarded-For is kept.
        "trusted_proxies": {"source": "static", "ranges": LOOPBACK},
        "routes": [
            *(_proxied(route, upstreams[route.service]) for route in routes),
            {"handle": [_static(NOT_FOUND)]},
        ],
        "errors": {"routes": [{"handle": [_static(UNAVAILABLE, {"Retry-After": ["1"]})]}]},
    }
    return {
        "admin": {"disabled": True, "config": {"persist": False}},
        "logging": {"logs": {"default": LOGGING}},
        "apps": {"http": {"servers": {"forum": server}}},
    }


def _proxied(route: Route, upstream: str) -> dict[str, Any]:
    target = {"{http.request.orig_uri}": {"pattern": raw_path(route.prefixes)}}
    return {
        "match": [{"vars_regexp": target}],
        "handle": [
            {
                "handler": "reverse_proxy",
                "upstreams": [{"dial": upstream}],
                # A dial that failed may be tried again; a request that was sent may not, and that
                # takes a matcher which never matches: without one Caddy repeats each GET. (What is
                # left is Go's own: a GET on a kept connection that turns out to be dead.)
                "load_balancing": {
                    "retries": 3,
                    "try_interval": "100ms",
                    "retry_match": [{"not": [{}]}],
                },
                "transport": {
                    "protocol": "http",
                    "compression": False,
                    "dial_timeout": "1s",
                    "keep_alive": {"idle_timeout": KEEP_ALIVE, "max_idle_conns_per_host": 64},
                },
            }
        ],
        "terminal": True,
    }


def _static(problem: dict[str, Any], headers: dict[str, list[str]] | None = None) -> dict[str, Any]:
    return {
        "handler": "static_response",
        "status_code": problem["status"],
        "headers": {"Content-Type": ["application/problem+json"], **(headers or {})},
        "body": json.dumps(problem),
    }
