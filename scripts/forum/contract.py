"""The contract suite as one check of a forum that runs somewhere."""

import os
import subprocess
import sys

from forum.places import ROOT

SUITE = "tests/contract"
# The admin whom the suite asks for; making him one is for who starts the forum.
ADMIN, PASSWORD = "contract-admin", "only for a forum that ends with the tests"


def run(url: str, *files: str) -> tuple[bool, str]:
    """Whether every test, or those of `files`, passed and none was left out; pytest's report."""
    chosen = [f"{SUITE}/{file}" for file in files] or [SUITE]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *chosen, "-q", "-n", "2", f"--base-url={url}"],
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
