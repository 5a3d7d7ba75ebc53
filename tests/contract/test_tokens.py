"""Access tokens that are not ours: each is a 401 wherever a token is needed.

Those that are signed with the forum's own key, such as expired ones, cannot be made from outside.
"""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from .client import Guest, Person
from .shapes import problem

OURS = rsa.generate_private_key(public_exponent=65537, key_size=2048)
WRITES = [
    ("GET", "/api/users/me"),
    ("POST", "/api/topics"),
    ("POST", "/api/messages"),
    ("PUT", "/api/topics/1/lock"),
]


def encoded(part: object) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def parts(person: Person) -> tuple[dict[str, Any], dict[str, Any], str]:
    """A real token's header, claims and signature."""
    header = jwt.get_unverified_header(person.access_token)
    claims = jwt.decode(person.access_token, options={"verify_signature": False})
    return header, claims, person.access_token.rpartition(".")[2]


def signed(claims: dict[str, Any], key_id: str | None, **changes: object) -> str:
    """These claims under a key that is not the forum's."""
    headers = {"kid": key_id} if key_id else {}
    return jwt.encode({**claims, **changes}, OURS, "RS256", headers)


def signed_with_the_public_key(person: Person, algorithm: str) -> str:
    """The public key taken for a shared secret, which a careless verifier accepts."""
    header, claims, _ = parts(person)
    keys = person.read("/api/users/.well-known/jwks.json")["keys"]
    [public] = [jwt.PyJWK(key).key for key in keys if key["kid"] == header["kid"]]
    pem = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    message = f"{encoded({**header, 'alg': algorithm})}.{encoded(claims)}"
    return f"{message}.{encoded(hmac.digest(pem, message.encode(), hashlib.sha256))}"


def forged(person: Person) -> dict[str, str]:
    """Tokens that somebody might try, by what is wrong with them."""
    header, claims, signature = parts(person)
    key_id, now = header["kid"], int(time.time())
    head, body, _ = person.access_token.split(".")
    with_key = {**header, "jwk": json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(OURS.public_key()))}
    return {
        "alg none": f"{encoded({**header, 'alg': 'none'})}.{encoded(claims)}.",
        "alg NonE": f"{encoded({**header, 'alg': 'NonE'})}.{encoded(claims)}.{signature}",
        "HS256 with the public key": signed_with_the_public_key(person, "HS256"),
        "another key": signed(claims, key_id),
        "another key and its name": signed(claims, "another-key"),
        "no key's name": signed(claims, None),
        "a path as the key's name": signed(claims, "../../../../dev/null"),
        "its own key inside": jwt.encode(claims, OURS, "RS256", with_key),
        "another issuer": signed(claims, key_id, iss="https://evil.example"),
        "another audience": signed(claims, key_id, aud="another"),
        "expired": signed(claims, key_id, exp=now - 3600, iat=now - 7200),
        "a better role": f"{head}.{encoded({**claims, 'role': 'admin'})}.{signature}",
        "no signature": f"{head}.{body}.",
        "half a signature": f"{head}.{body}.{signature[:100]}",
        "two parts": f"{head}.{body}",
        "garbage": "garbage",
        "three garbages": "a.b.c",
        "no JSON": f"{encoded(b'x')}.{encoded(b'y')}.{encoded(b'z')}",
        "claims that are a list": f"{head}.{encoded([1])}.{signature}",
        "very long": person.access_token + "A" * 5000,
        "a refresh token": person.refresh_token,
    }


def test_a_forged_token_is_401_everywhere(alice: Person) -> None:
    tokens = forged(alice)
    for method, path in WRITES:
        for name, token in tokens.items():
            alice.access_token = token
            options: dict[str, Any] = {} if method == "GET" else {"json": {}}
            response = alice.request(method, path, **options)
            assert response.status_code == 401, f"{name}: {method} {path}"
            problem(response, 401, "unauthorized")


def test_another_scheme_is_401(alice: Person) -> None:
    for scheme in ("", "Bearer", "Basic {}", "Token {}", "{}"):
        headers = {"Authorization": scheme.format(alice.access_token)}
        for method, path in WRITES:
            problem(alice.guest().request(method, path, headers=headers), 401, "unauthorized")


def test_the_scheme_has_no_case(alice: Person) -> None:
    headers = {"Authorization": f"bearer {alice.access_token}"}
    assert alice.guest().get("/api/users/me", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "path", ["/api/users", "/api/topics", "/api/topics/categories", "/api/messages"]
)
def test_reading_never_looks_at_a_token(guest: Guest, path: str) -> None:
    response = guest.get(path, headers={"Authorization": "Bearer garbage"})
    assert response.status_code == 200
