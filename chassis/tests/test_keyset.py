"""The kept key set: who is asked for keys, when, and what goes on while nobody answers."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.responses import JSONResponse, Response

from chassis.database import Database
from chassis.internal import new_client
from chassis.keyset import KeySet
from chassis.problems import Unavailable
from chassis.testing import Signer, listening

PATH = "/keys"


class Users:
    """What a users service is for the others' keys: down, or with the keys of these signers."""

    def __init__(self) -> None:
        self.signers: list[Signer] | None = None
        self.asked = 0
        self.app = FastAPI()
        self.app.add_api_route(PATH, self._answer)

    async def _answer(self) -> Response:
        self.asked += 1
        if self.signers is None:
            return Response(status_code=503)
        return JSONResponse({"keys": [signer.jwk() for signer in self.signers]})


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, 2)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def find(db: Database, url: str, kid: str, times: int = 1) -> Any:
    """What a service that has just started finds, asked so many times in a row."""
    async with new_client(url) as client:
        keys = KeySet(db, client, PATH)
        return [await keys.find(kid) for _ in range(times)][-1]


async def test_before_the_first_key_nobody_is_judged(db: Database, signer: Signer) -> None:
    users = Users()
    async with listening(users.app) as url, new_client(url) as client:
        keys = KeySet(db, client, PATH)
        with pytest.raises(Unavailable):
            await keys.find(signer.kid)
        users.signers = [signer]
        assert await keys.find(signer.kid) is not None


async def test_an_unknown_key_is_asked_for_once(db: Database, signer: Signer) -> None:
    users = Users()
    users.signers = [signer]
    async with listening(users.app) as url:
        assert await find(db, url, "made-up", times=5) is None
    assert users.asked == 1


async def test_kept_keys_outlast_users_and_a_restart(db: Database, signer: Signer) -> None:
    users = Users()
    users.signers = [signer]
    async with listening(users.app) as url:
        assert await find(db, url, signer.kid) is not None
        users.signers = None
        assert await find(db, url, signer.kid) is not None
        users.signers = []
        assert await find(db, url, signer.kid) is not None
    assert await find(db, "http://127.0.0.1:1", signer.kid) is not None
