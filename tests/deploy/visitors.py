"""A steady load on a forum, whose every request has to be answered well the first time."""

import threading
import uuid
from types import TracebackType
from typing import Any, Self

import httpx

READERS = 2
READ_EVERY = 0.05
# A person may write once a second for as long as he likes.
WRITE_EVERY = 1.1


class Visitors:
    """Some read and one writes, from entering to leaving; nobody tries anything twice."""

    def __init__(self, url: str) -> None:
        self.failures: list[str] = []
        self.answered = 0
        self.posted = 0
        # How many of those were there in the end.
        self.kept = 0
        self._http = httpx.Client(base_url=url, timeout=30)
        self._gone = threading.Event()
        self._count = threading.Lock()
        self._token = ""
        self._topic = 0
        self._threads = [threading.Thread(target=self._read) for _ in range(READERS)]
        self._threads.append(threading.Thread(target=self._write))

    def __enter__(self) -> Self:
        name = f"visitor-{uuid.uuid4().hex[:12]}"
        person = {"username": name, "email": f"{name}@example.org", "password": "a pass phrase"}
        self._make("/api/users", person)
        login = {"login": name, "password": "a pass phrase"}
        self._token = self._make("/api/users/sessions", login)["access_token"]
        topic = {"title": "Watched", "body": "?", "category": "general", "tags": []}
        self._topic = self._make("/api/topics", topic)["id"]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._gone.set()
        for thread in self._threads:
            thread.join()
        there = self._http.get("/api/messages", params={"topic_id": self._topic, "limit": 100})
        self._http.close()
        self.kept = len(there.raise_for_status().json()["items"])

    def _make(self, path: str, thing: dict[str, Any]) -> dict[str, Any]:
        answer = self._http.post(path, json=thing, headers=self._authorization)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        made: dict[str, Any] = answer.json()
        return made

    @property
    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    def _read(self) -> None:
        paths = ["/api/users/.well-known/jwks.json", "/api/topics", "/api/messages"]
        while not self._gone.is_set():
            for path in paths:
                self._send("GET", path)
                self._gone.wait(READ_EVERY)

    def _write(self) -> None:
        while not self._gone.wait(WRITE_EVERY):
            message = {"topic_id": self._topic, "body": "Still here."}
            self.posted += self._send("POST", "/api/messages", json=message)

    def _send(self, method: str, path: str, **more: Any) -> bool:
        try:
            answer = self._http.request(method, path, headers=self._authorization, **more)
        except httpx.HTTPError as error:
            failure = f"{method} {path}: {error!r}"
        else:
            failure = f"{method} {path}: {answer.status_code} {answer.text}"
            if answer.is_success:
                with self._count:
                    self.answered += 1
                return True
        self.failures.append(failure)
        return False
