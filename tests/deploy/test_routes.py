"""The load balancer's rules send each path where Caddy sends it (tests/up/test_gateway.py).

Elastic Load Balancing compares patterns with the path "after URI normalization", and does not say
what that is. So the rules are tried with the path as it was sent, and with what it may become.
"""

import http.client
import json
import posixpath
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from tests.paths import CORPUS

from deployment.wanted import rules
from forum import gateway, routes
from forum.places import SERVICES

from . import lint_rules
from .emulator import Emulator

EACH = {service: service for service in SERVICES}
PRIVATE = ("/internal", "/internal/events", "/internal/snapshot", "/metrics", "/livez", "/readyz")
SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "with a letter encoded": lambda path: f"/%{ord(path[1]):02X}{path[2:]}",
    "with its slash encoded": lambda path: f"/api/users{path.replace('/', '%2F')}",
    "after two slashes": lambda path: f"/{path}",
    "after a dot": lambda path: f"/.{path}",
    "out of a service": lambda path: f"/api/users/../..{path}",
    "out of a service, encoded": lambda path: f"/api/users/%2E%2E/%2E%2E{path}",
    "into a service": lambda path: f"{path}/../../api/users",
    "in capitals": str.upper,
}


def decoded_where_it_means_the_same(path: str) -> str:
    """RFC 3986: encoded letters and the like, and dots."""
    unreserved = re.sub(
        r"%(4[1-9A-Fa-f]|5[0-9Aa]|6[1-9A-Fa-f]|7[0-9Aa]|3[0-9]|2[DEde]|5[Ff]|7[Ee])",
        lambda found: unquote(found[0]),
        path,
    )
    return without_dots(unreserved)


def without_dots(path: str) -> str:
    slash = "/" if path.endswith("/") and path != "/" else ""
    return posixpath.normpath(path).replace("//", "/") + slash


READINGS: dict[str, Callable[[str], str]] = {
    "as sent": str,
    "by RFC 3986": decoded_where_it_means_the_same,
    "decoded": unquote,
    "decoded, dots and slashes resolved": lambda path: without_dots(unquote(path)),
}


@pytest.mark.parametrize(("target", "service"), CORPUS.items())
def test_each_path_goes_where_caddy_sends_it(target: str, service: str | None) -> None:
    rendered = rules.render(routes.load(), EACH, "forum")
    assert lint_rules.answering(rendered, target) == service


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("private", PRIVATE)
def test_no_spelling_and_no_normalization_leads_to_what_is_private(
    private: str, spelling: str
) -> None:
    """A service compares the path that it was sent, decoded, with its own as a whole."""
    rendered = rules.render(routes.load(), EACH, "forum")
    sent = SPELLINGS[spelling](private)
    for reading, read in READINGS.items():
        if lint_rules.answering(rendered, read(sent)):
            assert unquote(sent) not in PRIVATE, reading
            assert read(sent) not in PRIVATE, reading


def test_the_monolith_has_only_what_no_service_has() -> None:
    table = routes.load()
    both = rules.render(table, {**EACH, "monolith": "monolith"}, "forum")
    alone = rules.render(table, {"monolith": "monolith"}, "forum")
    for target, service in CORPUS.items():
        assert lint_rules.answering(both, target) == service
        assert lint_rules.answering(alone, target) == (service and "monolith")
    highest = max(route.priority for route in table)
    assert all(rule["Priority"] > highest for rule in alone)


def test_a_part_of_the_forum_has_the_rules_of_that_part() -> None:
    rendered = rules.render(routes.load(), {"topics": "topics"}, "forum")
    assert lint_rules.answering(rendered, "/api/topics/1") == "topics"
    assert lint_rules.answering(rendered, "/api/users/1") is None


class Named(BaseHTTPRequestHandler):
    """Answers with its service's name and the path that it was sent."""

    service: str

    def do_GET(self) -> None:
        body = json.dumps([self.service, self.path]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def answering_as(service: str) -> Iterator[int]:
    handler = type("Handler", (Named,), {"service": service})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(scope="module")
def balanced(records: Emulator) -> Iterator[Callable[[str], tuple[int, Any]]]:
    """Asks an emulated load balancer that has the rules, with a real server for each service."""
    balancing = records.client("elbv2")
    (balancer,) = balancing.create_load_balancer(Name="routes")["LoadBalancers"]
    with (
        answering_as("users") as users,
        answering_as("topics") as topics,
        answering_as("messages") as messages,
    ):
        groups = {
            name: _target_group(balancing, name, port)
            for name, port in (("users", users), ("topics", topics), ("messages", messages))
        }
        (listener,) = balancing.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[
                {
                    "Type": "fixed-response",
                    "FixedResponseConfig": {
                        "StatusCode": "404",
                        "ContentType": "application/json",
                        "MessageBody": json.dumps(gateway.NOT_FOUND),
                    },
                }
            ],
        )["Listeners"]
        for rule in rules.render(routes.load(), groups, "forum"):
            balancing.create_rule(ListenerArn=listener["ListenerArn"], **rule)
        yield lambda target: _ask(records.balancer("routes"), target)
    balancing.delete_listener(ListenerArn=listener["ListenerArn"])
    balancing.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    for group in groups.values():
        balancing.delete_target_group(TargetGroupArn=group)


def _target_group(balancing: Any, service: str, port: int) -> str:
    (group,) = balancing.create_target_group(
        Name=f"routes-{service}", Protocol="HTTP", Port=8000, VpcId="vpc-1", TargetType="ip"
    )["TargetGroups"]
    arn: str = group["TargetGroupArn"]
    target = {"Id": "127.0.0.1", "Port": port}
    balancing.register_targets(TargetGroupArn=arn, Targets=[target])
    return arn


def _ask(balancer: str, target: str) -> tuple[int, Any]:
    address = urlsplit(balancer)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=10)
    try:
        connection.request("GET", address.path + target)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


@pytest.mark.parametrize(("target", "service"), CORPUS.items())
def test_each_path_goes_there_on_the_emulated_load_balancer(
    balanced: Callable[[str], tuple[int, Any]], target: str, service: str | None
) -> None:
    """The emulator decodes the path before it compares: an encoded prefix is a prefix there."""
    path, mark, query = target.partition("?")
    rendered = rules.render(routes.load(), EACH, "forum")
    status, body = balanced(target)
    expected = lint_rules.answering(rendered, unquote(path))
    assert expected == service or unquote(path) != path
    if expected is None:
        assert (status, body) == (404, gateway.NOT_FOUND)
    else:
        assert (status, body) == (200, [expected, path + mark + query])
