"""Signing keys: the first one, rotation without a restart, and tokens that are not ours."""

import asyncio
import base64
import json
import os
import sys
from typing import Any

import jwt
import pytest
from users_harness import Service, users_service

from chassis.testing import SECRET, Signer
from users import signing


def kid_of(token: str) -> Any:
    """Which key signed it."""
    return jwt.get_unverified_header(token)["kid"]


async def published(service: Service) -> list[str]:
    """The keys that others accept."""
    answer = await service.client.get("/api/users/.well-known/jwks.json")
    for key in answer.json()["keys"]:
        assert set(key) == {"kty", "kid", "use", "alg", "n", "e"}
    return [key["kid"] for key in answer.json()["keys"]]


async def command(url: str, *arguments: str) -> tuple[int | None, str]:
    """Run `python -m users.keys`: its exit status and what it says."""
    environment = {
        **os.environ,
        "ENVIRONMENT": "development",
        "DATABASE_URL": url,
        "IDEMPOTENCY_SECRET": SECRET,
        "INTERNAL_SECRETS": SECRET,
        "TOPICS_URL": "http://topics",
        "MESSAGES_URL": "http://messages",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "users.keys", *arguments,
        env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def test_replicas_that_start_together_make_one_first_key(database_url: str) -> None:
    async with users_service(database_url) as one, users_service(database_url) as other:
        sets = await asyncio.gather(*(published(replica) for replica in (one, other) * 3))
    assert len({tuple(kids) for kids in sets}) == 1
    assert len(sets[0]) == 1


async def test_a_new_key_is_published_before_it_signs(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing, "REREAD_SECONDS", 0)
    ada = await service.person("ada")
    first = kid_of(ada.access_token)
    status, said = await command(service.url, "rotate")
    assert status == 0, said
    assert await published(service) == [first, said.split()[0]]
    assert kid_of((await service.logged_in("ada", ada.id)).access_token) == first

    service.rows("UPDATE signing_keys SET signs_from = signs_from - interval '10 minutes'")
    later = await service.logged_in("ada", ada.id)
    assert kid_of(later.access_token) == said.split()[0]
    # What the first key signed stays good for as long as it was made for.
    for person in (ada, later):
        assert (await person.me())["id"] == ada.id


async def test_a_key_is_forgotten_once_its_tokens_are_gone(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing, "REREAD_SECONDS", 0)
    ada = await service.person("ada")
    first = kid_of(ada.access_token)
    await command(service.url, "rotate")
    service.rows("UPDATE signing_keys SET signs_from = signs_from - interval '2 hours'")
    assert first not in await published(service)
    assert (await ada.request("GET", "/api/users/me")).status_code == 401
    await command(service.url, "rotate")
    assert first not in [row["kid"] for row in service.rows("SELECT kid FROM signing_keys")]


async def test_the_command_lists_the_keys(service: Service) -> None:
    await published(service)
    await command(service.url, "rotate")
    status, said = await command(service.url, "list")
    assert status == 0
    assert [line.split()[1] for line in said.splitlines()] == ["signs", "next"]


async def test_a_token_that_is_not_ours_is_refused(service: Service, signer: Signer) -> None:
    ada = await service.person("ada")
    ring = service.rows("SELECT kid, private_pem FROM signing_keys")[0]
    claims = jwt.decode(ada.access_token, options={"verify_signature": False})

    def ours(**changes: Any) -> str:
        payload = {k: v for k, v in {**claims, **changes}.items() if v is not None}
        headers = {"kid": ring["kid"]}
        return jwt.encode(payload, ring["private_pem"], algorithm="RS256", headers=headers)

    def unsigned() -> str:
        parts = ({"alg": "none", "kid": ring["kid"]}, claims)
        texts = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=") for p in parts]
        return b".".join([*texts, b""]).decode()

    async def status(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return (await service.client.get("/api/users/me", headers=headers)).status_code

    assert await status(ours()) == 200
    for token in (
        signer.token(ada.id, "ada"),
        jwt.encode(claims, "0" * 32, algorithm="HS256", headers={"kid": ring["kid"]}),
        unsigned(),
        ours(iss="another forum"),
        ours(aud="another forum"),
        ours(exp=claims["iat"] - 1),
        ours(sid=None),
        ours(role="owner"),
        ours(sub="ada"),
    ):
        assert await status(token) == 401
