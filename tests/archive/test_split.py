"""scripts/split: from the monolith to the services, and nobody notices."""

from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from forum.instance import Forum

from .test_scripts import script

pytestmark = pytest.mark.xdist_group("split")

PASSWORD = "correct horse battery"
FREE_OF_LIMITS = {"WRITES_BURST": "1000"}


class Life:
    """What happened on the monolith, and what people hold of it."""

    def __init__(self, url: str) -> None:
        with httpx.Client(base_url=url) as client:
            self.users = [self._register(client, name) for name in ("ada", "bob", "carl")]
            self.tokens = [self._log_in(client, name) for name in ("ada", "bob", "carl")]
            self.as_ada, self.as_bob, self.as_carl = (
                {"Authorization": f"Bearer {tokens['access_token']}"} for tokens in self.tokens
            )
            topic = {"category": "general", "tags": ["looms"], "body": "For *beginners*"}
            self.topic = self._post(client, "/api/topics", self.as_ada, title="Which?", **topic)
            gone = self._post(client, "/api/topics", self.as_bob, title="A mistake", **topic)
            first, second, third = (
                self._post(client, "/api/messages", who, topic_id=self.topic["id"],
                           body=f"An answer of {word}", reply_to=None)
                for who, word in ((self.as_bob, "weight"), (self.as_ada, "thanks"),
                                  (self.as_carl, "anger"))
            )  # fmt: skip
            self._change(client, "PATCH", f"/api/messages/{first['id']}", self.as_bob,
                         json={"body": "A better answer"})  # fmt: skip
            self._change(client, "DELETE", f"/api/messages/{second['id']}", self.as_ada)
            self._change(client, "DELETE", f"/api/topics/{gone['id']}", self.as_bob)
            client.put(
                f"/api/messages/{third['id']}/reactions/👎", headers=self.as_bob
            ).raise_for_status()
            client.request(
                "DELETE", "/api/users/me", headers=self.as_carl, json={"password": PASSWORD}
            ).raise_for_status()

    def _register(self, client: httpx.Client, name: str) -> dict[str, Any]:
        body = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
        found: dict[str, Any] = client.post("/api/users", json=body).raise_for_status().json()
        return found

    def _log_in(self, client: httpx.Client, name: str) -> dict[str, Any]:
        body = {"login": name, "password": PASSWORD}
        answer = client.post("/api/users/sessions", json=body).raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def _post(
        self, client: httpx.Client, path: str, headers: dict[str, str], **body: Any
    ) -> dict[str, Any]:
        answer = client.post(path, headers=headers, json=body).raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def _change(
        self, client: httpx.Client, method: str, path: str, headers: dict[str, str], **more: Any
    ) -> None:
        tag = client.get(path).headers["ETag"]
        client.request(method, path, headers=headers | {"If-Match": tag}, **more).raise_for_status()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a forum that has lived as a monolith."""
    return tmp_path_factory.mktemp("split") / "var"


@pytest.fixture(scope="module")
def life(data: Path) -> Life:
    """Its life; while it ran it could not be split."""
    with Forum(data, "monolith", env=FREE_OF_LIMITS) as forum:
        life = Life(forum.url)
        refused = script("split", "--data", data)
        assert refused.returncode == 1
        assert "A forum is running on" in refused.stderr
        return life


@pytest.fixture(scope="module")
def table(life: Life, data: Path) -> str:
    """What scripts/split prints."""
    done = script("split", "--data", data)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_table_says_that_everything_is_the_same(table: str) -> None:
    assert "DIFFERENT" not in table
    assert "Everything is the same." in table
    for what in ("credentials", "counts of people", "answers: messages of topics"):
        assert what in table


def test_people_go_on_as_before(table: str, life: Life, data: Path) -> None:
    with (
        Forum(data, "services", env=FREE_OF_LIMITS) as forum,
        httpx.Client(base_url=forum.url) as client,
    ):
        answer = client.post(
            "/api/messages",
            headers=life.as_bob,
            json={"topic_id": life.topic["id"], "body": "After the split", "reply_to": None},
        )
        assert answer.status_code == 201, answer.text
        assert answer.json()["position"] == 4
        refresh = {"refresh_token": life.tokens[0]["refresh_token"]}
        assert client.post("/api/users/sessions/refresh", json=refresh).status_code == 201
        login = {"login": "bob@example.org", "password": PASSWORD}
        assert client.post("/api/users/sessions", json=login).status_code == 201
        gone = {"login": "carl", "password": PASSWORD}
        assert client.post("/api/users/sessions", json=gone).status_code == 401
        again = {"username": "carl", "email": "c@example.org", "password": PASSWORD}
        assert client.post("/api/users", json=again).json()["code"] == "username_taken"


def test_services_that_hold_a_forum_are_left_alone(table: str, data: Path) -> None:
    refused = script("split", "--data", data)
    assert refused.returncode == 1
    assert "is not empty" in refused.stderr
    assert "Nothing was changed." in refused.stderr


def test_any_difference_is_shown(table: str, data: Path) -> None:
    with (
        Forum(data, "services") as forum,
        psycopg.connect(forum.database_url("messages"), autocommit=True) as conn,
    ):
        conn.execute("UPDATE messages SET body_html = '<p>Other</p>' WHERE id = 1")
    done = script("split", "--data", data, "--check-only")
    assert done.returncode == 1
    assert "They are NOT the same." in done.stdout
    different = [line for line in done.stdout.splitlines() if line.endswith("DIFFERENT")]
    assert any(line.startswith("messages: HTML, reactions") for line in different)
    assert any(line.startswith("answers: messages") for line in different)
    assert "GET /api/messages/1: " in done.stdout
