"""`scripts/test`: linters, types, import rules, then every test, in one command."""

import argparse
import contextlib
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from forum.contract import ADMIN, PASSWORD, SUITE
from forum.errors import ForumError
from forum.instance import Forum, Mode
from forum.people import make_admin
from forum.places import ROOT

BIN = Path(sys.executable).parent

KINDS: tuple[Mode, ...] = ("monolith", "services")
PACKAGES = (
    "chassis/chassis",
    "monolith/monolith",
    "services/users/users",
    "services/topics/topics",
    "services/messages/messages",
)


def main() -> None:
    """Run what the arguments ask for; status 1 when anything fails."""
    options, for_pytest = _arguments()
    named = [argument for argument in for_pytest if (ROOT / argument.partition("::")[0]).exists()]
    failed: list[str] = []
    if not for_pytest and not options.contract:
        failed += _static_checks()
    if options.contract and not named:
        for_pytest.append(SUITE)
    if options.fast:
        for_pytest += ["-m", "not docker"]
    # A group of tests shares what is costly, such as containers: one worker runs it. An `-n` of
    # the caller comes later, and is the one that counts.
    for_pytest = ["-n", "auto", "--dist", "loadgroup", *for_pytest]
    try:
        with _forums(options.contract, named) as addresses:
            failed += _pytest(for_pytest, addresses, options.contract)
    except ForumError as error:
        sys.exit(f"scripts/test: {error}")
    sys.exit(1 if failed else 0)


def _arguments() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        prog="scripts/test",
        description="Linters, types, import rules and every test, on real PostgreSQL.",
        epilog="Anything else goes to pytest, which then runs alone, without the linters.",
    )
    parser.add_argument("--fast", action="store_true", help="without what needs Docker")
    parser.add_argument(
        "--contract",
        metavar="monolith|services|URL",
        help="the contract alone, on a fresh forum or on one that runs; for that one an admin's"
        " name and password are read from FORUM_ADMIN and FORUM_ADMIN_PASSWORD",
    )
    return parser.parse_known_args()


def python_scripts() -> list[str]:
    """The commands in scripts/ that are Python, though their names do not say so."""
    files = sorted(file for file in (ROOT / "scripts").iterdir() if file.is_file())
    return [
        str(file.relative_to(ROOT))
        for file in files
        if not file.suffix and "python" in file.open(errors="replace").readline()
    ]


def _static_checks() -> list[str]:
    scripts = python_scripts()
    typed = [*PACKAGES, "scripts", "tests", *scripts]
    checks = {
        "ruff check": ["ruff", "check", "--quiet", ".", *scripts],
        "ruff format": ["ruff", "format", "--quiet", "--diff", ".", *scripts],
        "mypy": ["mypy", "--no-error-summary", "--scripts-are-modules", *typed],
        "import-linter": ["lint-imports", "--no-cache"],
    }
    failed = []
    for name, command in checks.items():
        started = time.monotonic()
        done = subprocess.run(
            [str(BIN / command[0]), *command[1:]],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        passed = done.returncode == 0
        result = "passed" if passed else "FAILED"
        print(f"{name:<14} {result} in {time.monotonic() - started:.1f} s", flush=True)
        if not passed:
            print(done.stdout + done.stderr, flush=True)
            failed.append(f"{name}: .venv/bin/{' '.join(command)}")
    return failed


@contextlib.contextmanager
def _forums(contract: str | None, named: list[str]) -> Iterator[dict[str, str]]:
    """The forums that the contract is run on, by kind: both, one, or none of our own."""
    if contract and contract not in KINDS:
        yield {"forum": contract}
        return
    wanted = [kind for kind in KINDS if contract in (None, kind)]
    if named and not any(name.startswith(SUITE) or SUITE.startswith(name) for name in named):
        wanted = []
    with contextlib.ExitStack() as running:
        addresses: dict[str, str] = {}
        for kind in wanted:
            forum = running.enter_context(Forum(mode=kind, environment="production"))
            make_admin(forum, ADMIN, PASSWORD)
            addresses[kind] = forum.url
        yield addresses


def _pytest(arguments: list[str], addresses: dict[str, str], contract: str | None) -> list[str]:
    """Run pytest; before its last line, say how to run alone what failed."""
    variables = {**os.environ}
    if addresses:
        variables["FORUM_URL"] = ",".join(f"{kind}={url}" for kind, url in addresses.items())
    if contract is None or contract in KINDS:
        variables |= {"FORUM_ADMIN": ADMIN, "FORUM_ADMIN_PASSWORD": PASSWORD}
    colour = ["--color=yes"] if sys.stdout.isatty() else []
    failed, last = [], ""
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", *colour, *arguments],
        cwd=ROOT,
        env=variables,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        for line in process.stdout or ():
            print(last, end="", flush=True)
            last = line
            if found := re.match(r"(?:\x1b\[\d+m)*(?:FAILED|ERROR)\S* (\S+::\S+)", line):
                # Without the group that says which worker ran it.
                failed.append(_alone(re.sub(r"@\w+$", "", found[1]), contract))
    if failed:
        print("\nTo run one of these alone:", *failed, sep="\n  ")
    print(last, end="", flush=True)
    return failed if process.returncode in (0, 1) else [*failed, "pytest"]


def _alone(test: str, contract: str | None) -> str:
    if not test.startswith(SUITE):
        return f"scripts/test {shlex.quote(test)}"
    name, _, parameters = test.partition("[")
    kind = next((kind for kind in KINDS if kind in parameters), contract)
    return f"scripts/test --contract {kind} {name}"
