"""Tokens that were checked once are remembered, and no longer than they are good."""

import time
from typing import Any

import pytest

from chassis.identity import TokenVerifier
from chassis.problems import Unauthorized
from chassis.testing import Signer, eventually


def verifier(keys: dict[str, Any]) -> TokenVerifier:
    """A verifier that knows these keys, as they are at the time."""

    async def find(kid: str) -> Any:
        return keys.get(kid)

    return TokenVerifier(find, "forum", "forum")


async def test_a_remembered_token_says_the_same(signer: Signer) -> None:
    tokens = verifier({signer.kid: signer.key.public_key()})
    token = signer.token(3, "ada", "moderator")
    first = await tokens.verify(token)
    assert (first.user_id, first.username, first.role) == (3, "ada", "moderator")
    assert await tokens.verify(token) == first
    assert (await tokens.verify(signer.token(4, "bob"))).user_id == 4


async def test_a_remembered_token_expires(signer: Signer) -> None:
    tokens = verifier({signer.kid: signer.key.public_key()})
    token = signer.token(3, "ada", exp=int(time.time()) + 2)
    await tokens.verify(token)

    async def refused() -> bool:
        try:
            await tokens.verify(token)
        except Unauthorized as error:
            return "expired" in error.detail
        return False

    await eventually(refused)


@pytest.mark.parametrize("replaced", [False, True])
async def test_a_remembered_token_is_no_longer_good_than_its_key(
    signer: Signer, replaced: bool
) -> None:
    keys = {signer.kid: signer.key.public_key()}
    tokens = verifier(keys)
    token = signer.token(3, "ada")
    await tokens.verify(token)
    keys.clear()
    if replaced:
        keys[signer.kid] = Signer().key.public_key()
    with pytest.raises(Unauthorized):
        await tokens.verify(token)


async def test_a_changed_token_is_not_the_remembered_one(signer: Signer) -> None:
    tokens = verifier({signer.kid: signer.key.public_key()})
    token = signer.token(3, "ada")
    await tokens.verify(token)
    for other in (token[:-2], token + "A", token.replace(".", "..", 1)):
        with pytest.raises(Unauthorized):
            await tokens.verify(other)
