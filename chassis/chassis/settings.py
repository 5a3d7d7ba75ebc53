"""What every service is told by its environment. A secret has no default anywhere."""

import atexit
import os
import sys
import tempfile
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import (
    AfterValidator,
    BeforeValidator,
    SecretStr,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

SHORTEST_SECRET = 32
PLACEHOLDERS = ("change", "default", "example", "password", "secret", "replace", "todo", "xxxx")


def _split(value: Any) -> Any:
    return (
        [part.strip() for part in value.split(",") if part.strip()]
        if isinstance(value, str)
        else value
    )


def _network(value: Any) -> Any:
    return [ip_network(part, strict=False) for part in _split(value)]


def _strong(secret: SecretStr, info: ValidationInfo) -> SecretStr:
    value = secret.get_secret_value()
    name = (info.field_name or "secret").upper()
    if len(value) < SHORTEST_SECRET:
        raise ValueError(f"{name} has {len(value)} characters, {SHORTEST_SECRET} are the least")
    weak = len(set(value)) < 8 or any(word in value.lower() for word in PLACEHOLDERS)
    if weak and info.data.get("environment") != "development":
        raise ValueError(f"{name} looks like a placeholder; make one with `openssl rand -hex 32`")
    return secret


def _address(url: SecretStr) -> SecretStr:
    try:
        conninfo_to_dict(url.get_secret_value())
    except ProgrammingError:
        # Its own message repeats the address, with the password in it.
        raise ValueError("is no address such as postgresql://role:password@host/name") from None
    return url


def _certificates(text: str) -> str:
    if text and "-----BEGIN CERTIFICATE-----" not in text:
        raise ValueError("holds no certificate; give the text of a PEM file")
    return text


def _private_file(text: str) -> str:
    """The path of a file with `text`, for as long as this process lives: libpq takes no text."""
    handle, path = tempfile.mkstemp(prefix="forum-")
    with os.fdopen(handle, "w") as file:
        file.write(text)
    atexit.register(Path(path).unlink, missing_ok=True)
    return path


Names = Annotated[list[str], NoDecode, BeforeValidator(_split)]
Networks = Annotated[list[IPv4Network | IPv6Network], NoDecode, BeforeValidator(_network)]
Secret = Annotated[SecretStr, AfterValidator(_strong)]
Secrets = Annotated[list[Secret], NoDecode, BeforeValidator(_split)]


class ServiceSettings(BaseSettings):
    """Environment variables, or files of the same name in lower case in `SECRETS_DIR`."""

    model_config = SettingsConfigDict(extra="ignore", hide_input_in_errors=True)

    environment: Literal["development", "production"] = "production"
    host: str = "127.0.0.1"
    port: int = 8000
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    database_url: Annotated[SecretStr, AfterValidator(_address)]
    database_ca: Annotated[str, AfterValidator(_certificates)] = ""
    pool_size: int = 10
    idempotency_secret: Secret
    token_issuer: str = "forum"  # noqa: S105 -- a name
    token_audience: str = "forum"  # noqa: S105 -- a name
    trusted_proxies: Networks = []
    cors_origins: Names = []
    writes_burst: int = 60
    writes_per_second: float = 1.0
    drain_seconds: float = 5.0

    def __init__(self, **values: Any) -> None:
        # Read at start, not at import, so that a process can be told its folder late.
        values.setdefault("_secrets_dir", os.environ.get("SECRETS_DIR"))
        super().__init__(**values)

    @model_validator(mode="after")
    def _trust_the_authority(self) -> Self:
        if self.database_ca:
            url = self.database_url.get_secret_value()
            file = _private_file(self.database_ca)
            self.database_url = SecretStr(make_conninfo(url, sslrootcert=file))
        return self

    @classmethod
    def from_environment(cls) -> Self:
        """The settings of a command; ends it with a line for each variable that is wrong."""
        try:
            return cls()
        except ValidationError as error:
            wrong = [
                f"  {'_'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
                for problem in error.errors(include_input=False, include_url=False)
            ]
        sys.exit("\n".join(["Cannot start; these environment variables are wrong:", *wrong]))


class InternalSettings(ServiceSettings):
    """What a service adds that talks to others: the shared secrets, of which the first signs."""

    internal_secrets: Secrets

    @model_validator(mode="after")
    def _some_secret(self) -> Self:
        if not self.internal_secrets:
            raise ValueError("INTERNAL_SECRETS is empty; give one secret or several with commas")
        return self
