"""The AWS calls that the script makes, read from its source."""

import ast
from collections.abc import Iterator
from typing import Any

from deployment.session import Aws
from forum.places import ROOT

from .emulator import REGION

# IAM's names of services, where they are not those by which calls are signed.
SERVICES = {"monitoring": "cloudwatch"}


def calls() -> set[str]:
    """As IAM names them: `ecs:RunTask` for each place that says `run_task`."""
    aws = Aws(REGION, "http://127.0.0.1:9")
    clients = {
        name: getattr(aws, name)
        for name in dir(Aws)
        if not name.startswith("_") and name != "account"
    }
    found = set()
    for file in (ROOT / "scripts" / "deployment").rglob("*.py"):
        tree = ast.parse(file.read_text())
        known = _names_of_clients(tree, clients)
        for method, base in _attributes(tree):
            name = known.get(base.id) if isinstance(base, ast.Name) else base.attr
            if name in clients and method in clients[name].meta.method_to_api_mapping:
                found.add(_action(clients[name], method))
    return found


def _action(client: Any, method: str) -> str:
    signed = client.meta.service_model.signing_name
    return f"{SERVICES.get(signed, signed)}:{client.meta.method_to_api_mapping[method]}"


def _names_of_clients(tree: ast.AST, clients: dict[str, Any]) -> dict[str, str]:
    """Variables that hold one: `ecs = forum.aws.ecs`."""
    return {
        target.id: node.value.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute)
        for target in node.targets
        if isinstance(target, ast.Name) and node.value.attr in clients
    }


def _attributes(tree: ast.AST) -> Iterator[tuple[str, Any]]:
    """Each attribute and what it is one of; for a paginator, the call that it repeats."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
            yield node.attr, node.value
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            repeated = node.func.attr in ("get_paginator", "get_waiter") and node.args
            if repeated and isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value), node.func.value
