"""The contract suite as one check of a forum that runs somewhere."""

import os
import subprocess
import sys

from forum.places import ROOT

SUITE = "tests/contract"
# The admin whom the suite asks for; making him one is for who starts the forum.
ADMIN, PASSWORD = "contract-admin", "only for a forum that ends with the tests"


def run(url: str) -> tuple[bool, str]:
    """Whether every test passed and none was left out, and what pytest printed."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", SUITE, "-q", "-n", "2", f"--base-url={url}"],
        cwd=ROOT,
        env={
            **{name: value for name, value in os.environ.items() if "PYTEST" not in name},
            "FORUM_ADMIN": ADMIN,
            "FORUM_ADMIN_PASSWORD": PASSWORD,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    report = done.stdout + done.stderr
    return done.returncode == 0 and "skipped" not in report.splitlines()[-1], report
