"""Logging in, refreshing, logging out, and the keys that tokens are signed with."""

import jwt
import pytest

from .client import Guest, Person
from .conftest import MakePerson
from .shapes import is_time, problem, refused

SESSIONS = "/api/users/sessions"
REFRESH = "/api/users/sessions/refresh"


def test_logging_in_gives_tokens(alice: Person) -> None:
    body = {"login": alice.username, "password": alice.password}
    response = alice.guest().post(SESSIONS, json=body)
    assert response.status_code == 201
    session = response.json()
    assert set(session) == {
        *("access_token", "token_type", "expires_in", "refresh_token", "session_id")
    }
    assert (session["token_type"], session["expires_in"]) == ("Bearer", 600)
    assert isinstance(session["session_id"], int)
    # 256 bits are 43 characters of base64.
    assert len(session["refresh_token"]) >= 43
    assert response.headers["Cache-Control"] == "no-store"


def test_one_logs_in_by_username_or_email_in_any_case(alice: Person) -> None:
    for login in (alice.username.upper(), alice.email, alice.email.upper()):
        response = alice.guest().post(SESSIONS, json={"login": login, "password": alice.password})
        assert response.status_code == 201, login


def test_a_wrong_password_and_an_unknown_person_look_the_same(alice: Person, guest: Guest) -> None:
    known = {"login": alice.username, "password": "not the password"}
    unknown = {"login": "nobody-" + alice.username[:12], "password": "not the password"}
    answers = [
        problem(guest.post(SESSIONS, json=body), 401, "login_failed") for body in (known, unknown)
    ]
    for answer in answers:
        del answer["request_id"]
    assert answers[0] == answers[1]


def test_a_login_names_what_is_missing(guest: Guest) -> None:
    refused(guest.post(SESSIONS, json={}), "/login", "/password")


def test_the_access_token_says_who_and_for_how_long(alice: Person) -> None:
    assert jwt.get_unverified_header(alice.access_token)["alg"] == "RS256"
    claims = jwt.decode(alice.access_token, options={"verify_signature": False})
    assert {"iss", "aud", "sub", "username", "role", "sid", "iat", "exp"} <= set(claims)
    assert (claims["sub"], claims["username"]) == (str(alice.id), alice.username)
    assert (claims["role"], claims["sid"]) == ("member", alice.session_id)
    assert claims["exp"] - claims["iat"] == 600


def test_the_access_token_is_signed_with_a_published_key(guest: Guest, alice: Person) -> None:
    response = guest.get("/api/users/.well-known/jwks.json")
    assert response.status_code == 200
    key_id = jwt.get_unverified_header(alice.access_token)["kid"]
    keys = {key["kid"]: key for key in response.json()["keys"]}
    for key in keys.values():
        assert {"kty", "kid", "use", "alg", "n", "e"} <= set(key)
        assert (key["kty"], key["use"], key["alg"]) == ("RSA", "sig", "RS256")
        assert not {"d", "p", "q", "dp", "dq", "qi"} & set(key)
    public = jwt.PyJWK(keys[key_id]).key
    claims = jwt.decode(alice.access_token, public, ["RS256"], options={"verify_aud": False})
    assert claims["sub"] == str(alice.id)


def test_ones_sessions_are_listed_newest_first(alice: Person, newcomer: MakePerson) -> None:
    person = newcomer()
    first = person.session_id
    person.log_in()
    page = person.read(SESSIONS)
    sessions = page["items"]
    assert page["next_cursor"] is None
    assert [(session["id"], session["current"]) for session in sessions] == [
        (person.session_id, True),
        (first, False),
    ]
    for session in sessions:
        assert set(session) == {
            *("id", "created_at", "last_used_at", "user_agent", "address", "current")
        }
        assert is_time(session["created_at"])
        assert is_time(session["last_used_at"])
        assert session["user_agent"].startswith("python-httpx")
        assert session["address"]


def test_sessions_need_a_token(guest: Guest) -> None:
    problem(guest.get(SESSIONS), 401)
    problem(guest.delete(f"{SESSIONS}/1"), 401)


def test_a_refresh_token_gives_new_tokens_of_the_same_session(alice: Person) -> None:
    response = alice.guest().post(REFRESH, json={"refresh_token": alice.refresh_token})
    assert response.status_code == 201
    session = response.json()
    assert set(session) == {
        *("access_token", "token_type", "expires_in", "refresh_token", "session_id")
    }
    assert session["session_id"] == alice.session_id
    assert session["refresh_token"] != alice.refresh_token
    alice.access_token, alice.refresh_token = session["access_token"], session["refresh_token"]
    assert alice.read("/api/users/me")["id"] == alice.id
    [current] = [each for each in alice.items(SESSIONS) if each["current"]]
    assert current["last_used_at"] > current["created_at"]


def test_a_refreshed_token_says_the_new_role(newcomer: MakePerson, admin: Person) -> None:
    person = newcomer()
    admin.do("PUT", f"/api/users/{person.id}/role", json={"role": "moderator"})
    response = person.guest().post(REFRESH, json={"refresh_token": person.refresh_token})
    claims = jwt.decode(response.json()["access_token"], options={"verify_signature": False})
    assert (claims["role"], claims["sid"]) == ("moderator", person.session_id)


def test_a_refresh_token_used_twice_ends_its_session(newcomer: MakePerson) -> None:
    person = newcomer()
    used = {"refresh_token": person.refresh_token}
    fresh = {"refresh_token": person.guest().post(REFRESH, json=used).json()["refresh_token"]}
    problem(person.guest().post(REFRESH, json=used), 401, "refresh_failed")
    problem(person.guest().post(REFRESH, json=fresh), 401, "refresh_failed")


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "A" * 5000])
def test_an_unknown_refresh_token_is_refused(guest: Guest, token: str) -> None:
    problem(guest.post(REFRESH, json={"refresh_token": token}), 401, "refresh_failed")


def test_logging_out_ends_the_session(newcomer: MakePerson) -> None:
    person = newcomer()
    old_session, old_token = person.session_id, person.refresh_token
    person.log_in()
    person.do("DELETE", f"{SESSIONS}/{old_session}")
    assert [session["id"] for session in person.items(SESSIONS)] == [person.session_id]
    response = person.guest().post(REFRESH, json={"refresh_token": old_token})
    problem(response, 401, "refresh_failed")
    problem(person.delete(f"{SESSIONS}/{old_session}"), 404)


def test_a_session_of_somebody_else_is_not_there(alice: Person, bob: Person) -> None:
    problem(alice.delete(f"{SESSIONS}/{bob.session_id}"), 404)
    assert bob.session_id in {session["id"] for session in bob.items(SESSIONS)}
