"""The README's own lines, run as they stand."""

import re
import subprocess

import pytest

from forum.places import ROOT

from .conftest import Up

pytestmark = pytest.mark.xdist_group("up")


def test_the_ten_lines_of_curl_register_and_post(running: Up) -> None:
    [block] = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    lines = block.replace("http://localhost:8000", running.url)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", lines], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert '"body":"I am."' in done.stdout
    assert len(block.splitlines()) == 10
