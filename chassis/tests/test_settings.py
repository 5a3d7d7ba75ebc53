"""Settings refuse to start a service that has no secret, or a guessable one."""

import pytest
from pydantic import ValidationError

from chassis.settings import InternalSettings, ServiceSettings
from chassis.testing import SECRET

URL = "postgresql://forum@localhost/forum"


def test_missing_variables_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", URL)
    monkeypatch.setenv("IDEMPOTENCY_SECRET", "short")
    with pytest.raises(SystemExit) as ended:
        InternalSettings.from_environment()
    assert "INTERNAL_SECRETS: Field required" in str(ended.value)
    assert "IDEMPOTENCY_SECRET has 5 characters, 32 are the least" in str(ended.value)


def test_a_placeholder_is_refused_outside_development() -> None:
    placeholder = "please-change-me-please-change-me"
    with pytest.raises(ValidationError, match="looks like a placeholder"):
        ServiceSettings(database_url=URL, idempotency_secret=placeholder)
    ServiceSettings(database_url=URL, idempotency_secret=placeholder, environment="development")


def test_secrets_come_from_files_too(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("secrets")
    (folder / "idempotency_secret").write_text(SECRET)
    (folder / "database_url").write_text(URL)
    monkeypatch.setenv("SECRETS_DIR", str(folder))
    assert ServiceSettings().idempotency_secret.get_secret_value() == SECRET


def test_a_wrong_secret_is_not_repeated() -> None:
    with pytest.raises(ValidationError) as error:
        ServiceSettings(database_url=URL, idempotency_secret="hunter2hunter2")
    assert "hunter2" not in str(error.value)


def test_an_authority_that_is_none_and_an_address_that_is_none_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://forum:hunter2@%zz/forum")
    monkeypatch.setenv("DATABASE_CA", "/etc/ssl/ca.pem")
    monkeypatch.setenv("IDEMPOTENCY_SECRET", SECRET)
    with pytest.raises(SystemExit) as ended:
        ServiceSettings.from_environment()
    assert "DATABASE_URL: Value error, is no address" in str(ended.value)
    assert "DATABASE_CA: Value error, holds no certificate" in str(ended.value)
    assert "hunter2" not in str(ended.value)
