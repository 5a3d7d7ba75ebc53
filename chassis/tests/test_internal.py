"""Signed calls between services: who gets in, and what one call's signature is good for."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import SecretStr
from wire import HANDLERS, SECRETS, application, opened, read_notes

from chassis.inbox import router as inbox_router
from chassis.internal import InternalClient, sign
from chassis.snapshot import router as snapshot_router
from chassis.testing import SECRET, listening

OLD_SECRET, FOREIGN_SECRET = SecretStr("b7" * 32), SecretStr("c9" * 32)
BATCH = b"[]"
SNAPSHOT = b'{"operation": "snapshot", "of": "notes"}'


@pytest.fixture
async def address(database_url: str) -> AsyncIterator[str]:
    """A service that accepts two secrets."""
    async with opened(database_url) as db:
        app = application(db, inbox_router(HANDLERS), snapshot_router({"notes": read_notes}))
        app.state.settings.internal_secrets = [*SECRETS, OLD_SECRET]
        async with listening(app) as url:
            yield url


async def post(
    address: str,
    body: bytes = BATCH,
    *,
    secret: SecretStr = SECRETS[0],
    age: int = 0,
    path: str = "/internal/events",
    **replaced: str,
) -> httpx.Response:
    timestamp = int(time.time()) - age
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secret, "msg_1", timestamp, body),
    }
    headers |= {f"webhook-{name}": value for name, value in replaced.items()}
    async with httpx.AsyncClient() as client:
        return await client.post(address + path, content=body, headers=headers)


@pytest.mark.parametrize("secret", [*SECRETS, OLD_SECRET])
async def test_every_secret_of_the_list_is_accepted(address: str, secret: SecretStr) -> None:
    answer = await post(address, secret=secret)
    assert (answer.status_code, answer.json()) == (200, {"refused": []})


async def test_the_client_signs_with_the_first_secret(address: str) -> None:
    for secrets, status in (
        ([OLD_SECRET, FOREIGN_SECRET], 200),
        ([FOREIGN_SECRET, OLD_SECRET], 401),
    ):
        client = InternalClient(address, secrets)
        assert (await client.post("/internal/events", BATCH, timeout=5)).status_code == status
        await client.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": FOREIGN_SECRET},
        {"age": 301},
        {"age": -330},
        {"id": "msg_2"},
        {"timestamp": str(int(time.time()) - 1)},
        {"timestamp": "now"},
        {"timestamp": "9" * 5000},
        {"signature": ""},
        {"signature": "v1,"},
        {"signature": "v1a,AAAA v1,AAAA"},
    ],
)
async def test_what_is_not_signed_right_is_refused(address: str, wrong: dict[str, str]) -> None:
    answer = await post(address, **wrong)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["code"]) == (401, "signature_invalid")
    assert SECRET not in answer.text


async def test_a_body_that_was_changed_is_refused(address: str) -> None:
    signature = sign(SECRETS[0], "msg_1", int(time.time()), BATCH)
    assert (await post(address, SNAPSHOT, signature=signature)).status_code == 401


async def test_one_of_several_signatures_is_enough(address: str) -> None:
    now = int(time.time())
    both = " ".join(sign(secret, "msg_1", now, BATCH) for secret in (FOREIGN_SECRET, OLD_SECRET))
    answer = await post(address, timestamp=str(now), signature=both)
    assert answer.status_code == 200


async def test_a_signed_body_is_good_for_its_own_operation_alone(address: str) -> None:
    assert (await post(address, SNAPSHOT)).status_code == 422
    assert (await post(address, BATCH, path="/internal/snapshot")).status_code == 422
    of_nothing = b'{"operation": "snapshot", "of": "secrets"}'
    assert (await post(address, of_nothing, path="/internal/snapshot")).status_code == 422
    assert (await post(address, SNAPSHOT, path="/internal/snapshot")).status_code == 200


async def test_a_call_that_gets_no_answer_ends_in_time() -> None:
    async def silent(scope: object, receive: object, send: object) -> None:
        await asyncio.Event().wait()

    async with listening(silent) as url:
        client = InternalClient(url, SECRETS)
        with pytest.raises(httpx.TimeoutException):
            await client.post("/internal/events", BATCH, timeout=0.1)
        await client.close()
