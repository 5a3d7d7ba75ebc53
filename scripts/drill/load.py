"""A steady load: 100 requests a second, sent on time whether earlier ones were answered or not.

People read and write through the gateway over all three services. A write that gets no answer is
sent again, with the same Idempotency-Key, until it gets one: so nothing that was written can be
there twice, or be missing, without being seen.
"""

import asyncio
import itertools
import random
import secrets
import threading
import time
from types import TracebackType
from typing import Any, Self

import httpx

from drill.ledger import Ledger, Message, Request, Topic
from drill.people import Person
from forum.errors import ForumError
from forum.places import SERVICES

# What is sent in a second. Each topic that is opened gets a first message soon after: 3 more.
A_SECOND = {
    ("users", "person"): 29,
    ("users", "register"): 2,
    ("topics", "list topics"): 14,
    ("topics", "topic"): 15,
    ("topics", "open"): 3,
    ("messages", "list messages"): 19,
    ("messages", "post"): 15,
}
RATE = sum(A_SECOND.values())
KNOWN_TOPICS = 20
# Until then messages has heard of a new topic, where nothing is in the way.
HEARD_SECONDS = 2
ANSWER_SECONDS = 30
# Of one service. More wait only for one that is down, or for a machine that cannot keep up: there
# the load gives way, or it would measure itself.
MOST_AT_ONCE = 20
REPEAT_SECONDS = 1
PATIENCE_SECONDS = 60
# So many answers in a row are no accident.
SURE = 20
# What a part that is down, or coming back, may say to a write.
TRY_AGAIN = (409, 500, 502, 503, 504)


class Load:
    """The load, as a context manager; at its end every write has been answered.

    `rate` is the number of requests in a second. `requests` are those that have ended, `ledger` is
    what was acknowledged, `seconds` how long requests were sent.
    """

    def __init__(self, url: str, people: list[Person], rate: float = RATE) -> None:
        self.people = people
        self._rate = rate
        self.requests: list[Request] = []
        self.seconds = 0.0
        self._sent = 0
        self.ledger = Ledger(f"load-{secrets.token_hex(4)}")
        self.ledger.people.update({person.id: person.name for person in people})
        self.url = url
        self._known: list[int] = []
        self._waiting: dict[int, float] = {}
        self._room = {service: asyncio.Semaphore(MOST_AT_ONCE) for service in SERVICES}
        self._numbers = itertools.count()
        self._turns = itertools.cycle(people)
        self._ready = threading.Event()
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._in_thread, name="load")

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        if self._failure and error is None:
            raise self._failure

    @property
    def share_sent(self) -> float:
        """Of what `rate` asks for in so many seconds: the load gives way where too much waits."""
        return self._sent / (self._rate * self.seconds)

    def all_is_well(self, since: float) -> bool:
        """Whether the last requests to each service were sent after `since` and got their answer.

        Nothing that was sent before is waiting any more.
        """
        if any(sent < since for sent in tuple(self._waiting.values())):
            return False
        for service in SERVICES:
            latest = [one for one in reversed(self.requests) if one.service == service][:SURE]
            if any(one.failed or one.sent < since for one in latest):
                return False
        return True

    def _in_thread(self) -> None:
        try:
            asyncio.run(self._run())
        except BaseException as error:  # noqa: BLE001 -- told to the thread that waits
            self._failure = error
        finally:
            self._ready.set()

    async def _run(self) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=50)
        async with httpx.AsyncClient(
            base_url=self.url, timeout=ANSWER_SECONDS, limits=limits, trust_env=False
        ) as self._http:
            async with asyncio.TaskGroup() as beforehand:
                for _ in range(KNOWN_TOPICS):
                    beforehand.create_task(self._open())
            self._ready.set()
            await self._send_on_time()

    async def _send_on_time(self) -> None:
        order = [one for one, count in A_SECOND.items() for _ in range(count)]
        # The same each time, and no kind in a bunch.
        random.Random(1).shuffle(order)  # noqa: S311 -- no secret
        began = time.monotonic()
        async with asyncio.TaskGroup() as sent:
            for number, (service, kind) in enumerate(itertools.cycle(order)):
                await asyncio.sleep(max(0.0, began + number / self._rate - time.monotonic()))
                if self._stop.is_set():
                    self.seconds = time.monotonic() - began
                    return
                if not self._room[service].locked():
                    self._sent += 1
                    sent.create_task(self._one(kind))

    async def _one(self, kind: str) -> None:
        match kind:
            case "register":
                await self._register()
            case "open":
                await self._open()
            case "post":
                await self._post(kind, random.choice(self._known))  # noqa: S311
            case _:
                await self._read(kind)

    async def _read(self, kind: str) -> None:
        service, path = {
            "person": ("users", f"/api/users/{random.choice(self.people).id}"),  # noqa: S311
            "list topics": ("topics", "/api/topics?limit=20"),
            "topic": ("topics", f"/api/topics/{random.choice(self._known)}"),  # noqa: S311
            "list messages": (
                "messages",
                f"/api/messages?topic_id={random.choice(self._known)}",  # noqa: S311
            ),
        }[kind]
        await self._send(service, kind, 1, "GET", path, {})

    async def _register(self) -> None:
        person = Person()
        made = await self._write("users", "register", person, "/api/users", person.registration)
        self.ledger.people[made["id"]] = person.name

    async def _open(self) -> None:
        person, title = next(self._turns), f"topic {next(self._numbers)} of {self.ledger.tag}"
        topic = {"title": title, "body": "text", "category": "general", "tags": [self.ledger.tag]}
        made = await self._write("topics", "open", person, "/api/topics", topic)
        self.ledger.topics[made["id"]] = Topic(made["id"], title, person.id)
        await asyncio.sleep(HEARD_SECONDS)
        await self._post("first post", made["id"])
        # From here on messages has heard of it.
        self._known.append(made["id"])

    async def _post(self, kind: str, topic_id: int) -> None:
        person, body = next(self._turns), f"message {next(self._numbers)} of {self.ledger.tag}"
        message = {"topic_id": topic_id, "body": body}
        made = await self._write("messages", kind, person, "/api/messages", message)
        self.ledger.messages[made["id"]] = Message(
            made["id"], topic_id, made["position"], body, person.id
        )

    async def _write(
        self, service: str, kind: str, person: Person, path: str, thing: dict[str, Any]
    ) -> dict[str, Any]:
        """POST with a key until it is acknowledged; what was made."""
        headers = {**person.headers, "Idempotency-Key": secrets.token_hex(16)}
        began = time.monotonic()
        attempt = 0
        while True:
            attempt += 1
            answer = await self._send(service, kind, attempt, "POST", path, headers, thing)
            if answer is not None and answer.status_code == 201:
                made: dict[str, Any] = answer.json()
                return made
            said = answer.text if answer is not None else "no answer"
            refused = answer is not None and answer.status_code not in TRY_AGAIN
            if refused or time.monotonic() - began > PATIENCE_SECONDS:
                raise ForumError(f"{kind} is refused at attempt {attempt}: {said}")
            await asyncio.sleep(REPEAT_SECONDS)

    async def _send(
        self,
        service: str,
        kind: str,
        attempt: int,
        method: str,
        path: str,
        headers: dict[str, str],
        thing: dict[str, Any] | None = None,
    ) -> httpx.Response | None:
        """One request, written down; None where no answer came."""
        async with self._room[service]:
            number, sent = next(self._numbers), time.monotonic()
            self._waiting[number] = sent
            answer, status, problem = None, 0, ""
            try:
                answer = await self._http.request(method, path, headers=headers, json=thing)
                status = answer.status_code
                if status != (200 if method == "GET" else 201):
                    problem = _code(answer)
            except httpx.TransportError as error:
                problem = type(error).__name__
            del self._waiting[number]
            seconds = time.monotonic() - sent
        self.requests.append(Request(service, kind, sent, seconds, attempt, status, problem))
        return answer


def _code(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["code"])
    except (ValueError, KeyError):
        return f"status {answer.status_code}"
