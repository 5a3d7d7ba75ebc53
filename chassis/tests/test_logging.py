"""What a process writes to its log, read from the process."""

import json
import subprocess
import sys

import pytest

CRASH = """
import logging, sys
import structlog
from chassis.logging import configure

configure("notes", "info", sys.argv[1])

def handle(token):
    raise RuntimeError("on purpose")

try:
    handle("a-token-of-someone")
except RuntimeError:
    structlog.get_logger().exception("request_failed", path="/x")
logging.getLogger("uvicorn.error").warning("from a library")
"""


@pytest.mark.parametrize("environment", ["development", "production"])
def test_a_traceback_tells_no_local_variable(environment: str) -> None:
    command = [sys.executable, "-c", CRASH, environment]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "on purpose" in done.stdout
    assert "from a library" in done.stdout
    assert "a-token-of-someone" not in done.stdout + done.stderr


def test_a_line_is_json_in_production() -> None:
    command = [sys.executable, "-c", CRASH, "production"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["event"] for line in lines] == ["request_failed", "from a library"]
    assert {line["service"] for line in lines} == {"notes"}
    assert lines[0]["exception"][0]["exc_type"] == "RuntimeError"
