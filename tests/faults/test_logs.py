"""No line of any log carries a password, a token, an address or a secret."""

from collections.abc import Callable

import pytest

from forum.instance import Forum

from .log import assert_clean
from .people import Person, Secrets

pytestmark = pytest.mark.xdist_group("faults")


def test_the_log_of_a_run_shows_no_secret(
    forum: Forum, person: Callable[[], Person], secrets: Secrets
) -> None:
    ann = person()
    ann.message(ann.topic())
    for path in ("/api/users", "/api/users/sessions", "/api/users/sessions/refresh"):
        ann.http.post(path, content=f"{{{ann.password} {ann.refresh_token}")
        ann.http.post(path, json={"password": ann.password, "refresh_token": [ann.refresh_token]})
        ann.http.post(f"{path}?password={ann.password}&token={ann.refresh_token}")
    login = {"login": ann.name, "password": ann.password[:-1]}
    assert ann.http.post("/api/users/sessions", json=login).status_code == 401
    refresh = {"refresh_token": ann.refresh_token}
    answer = ann.http.post("/api/users/sessions/refresh", json=refresh)
    assert answer.status_code == 201
    secrets.note(answer.json()["access_token"], answer.json()["refresh_token"])
    assert ann.http.post("/api/users/sessions/refresh", json=refresh).status_code == 401
    changed = {"current_password": ann.password, "new_password": ann.password + " anew"}
    assert ann.http.put("/api/users/me/password", json=changed).status_code == 204
    broken = {"Authorization": ann.http.headers["Authorization"][:-5]}
    assert ann.http.get("/api/users/me", headers=broken).status_code == 401
    erased = ann.http.request("DELETE", "/api/users/me", json={"password": changed["new_password"]})
    assert erased.status_code == 204
    assert_clean(forum, secrets)
