"""The measurements: each target in turn, again each round: a busy machine hits all alike."""

import asyncio
import contextlib
import itertools
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg

from benchmark import made
from benchmark.cost import cpu_seconds, memory_mib
from benchmark.load import Request, drive, get, post
from chassis.relay import LOCK_KEY
from forum import ports
from forum.instance import Forum
from forum.places import ROOT, SERVICES

FEW_TOPICS = 1000
WRITERS = 8
LAG_SAMPLES = 200
PASSWORD = "a bench's own password"  # noqa: S105 -- of people that live as long as the run
LIMITS_OFF = {
    "WRITES_BURST": "1000000000",
    "WRITES_PER_SECOND": "1000000",
    "REGISTRATIONS_PER_ADDRESS": "1000000",
    "LOGINS_PER_ADDRESS": "1000000",
    "LOG_LEVEL": "info",
}
UNDELIVERED = """
SELECT EXISTS (SELECT FROM outbox WHERE seq IS NULL)
    OR (SELECT min(seq) FROM relay_cursors) < (SELECT max(seq) FROM outbox)
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """One drive at one target; `cpu` is µs for each request, `p50` and `p99` are milliseconds."""

    cpu: float
    per_second: float
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Target:
    """Where a drive goes, and the processes that it costs."""

    url: str
    roots: list[int]

    def measure(self, request: Request, seconds: float) -> Sample:
        """Drive for a while and count; a short drive first, not counted, warms it up."""
        asyncio.run(drive(self.url, request, min(0.5, seconds / 4)))
        before = cpu_seconds(self.roots)
        load = asyncio.run(drive(self.url, request, seconds))
        spent = cpu_seconds(self.roots) - before
        return Sample(
            cpu=spent / load.requests * 1e6,
            per_second=load.requests / load.seconds,
            p50=load.percentile(0.5),
            p99=load.percentile(0.99),
        )


class Samples:
    """All samples by name; the medians of their figures are what is reported."""

    def __init__(self) -> None:
        self._samples: dict[str, list[Sample]] = defaultdict(list)

    def add(self, name: str, sample: Sample) -> None:
        self._samples[name].append(sample)

    def median(self, name: str) -> Sample:
        samples = self._samples[name]
        return Sample(
            *(
                statistics.median(getattr(sample, figure) for sample in samples)
                for figure in ("cpu", "per_second", "p50", "p99")
            )
        )


class Subject:
    """A forum under measurement: its parts as targets, and the requests that they get."""

    def __init__(self, forum: Forum, topics: int, messages: int) -> None:
        self.forum = forum
        self.short = max(made.short_topics(topics, messages), 1)
        self.topics = topics
        self.last_position = messages - made.short_topics(topics, messages) * made.SHORT
        self._tokens: list[str] = []

    def target(self, service: str) -> Target:
        """The service of that name, or the monolith, with its database; no gateway between."""
        part = self.forum.services.get(service) or self.forum.services["monolith"]
        return Target(part.url, [part.pid, self.forum.parts["postgres"].pid])

    def reads(self) -> Iterator[tuple[str, Target, Request]]:
        """The reads by name."""
        topics, messages = self.target("topics"), self.target("messages")
        last = f"/api/messages?topic_id=1&limit=20&from={self.last_position - 19}"
        yield "list", topics, lambda: get("/api/topics?limit=20")
        yield "topic", topics, lambda: get(f"/api/topics/{_one_to(self.topics)}")
        yield (
            "messages",
            messages,
            lambda: get(f"/api/messages?topic_id={1 + _one_to(self.short)}&limit=20"),
        )
        yield "first page", messages, lambda: get("/api/messages?topic_id=1&limit=20")
        yield "last page", messages, lambda: get(last)

    def log_in(self) -> None:
        """Get fresh tokens of a few people: one lives for ten minutes."""
        with httpx.Client(base_url=self.forum.url, timeout=30) as client:
            if not self._tokens:
                for number in range(WRITERS):
                    person = {"username": f"bench-{number}", "password": PASSWORD}
                    person["email"] = f"bench-{number}@example.org"
                    client.post("/api/users", json=person).raise_for_status()
            self._tokens = [
                client.post(
                    "/api/users/sessions", json={"login": f"bench-{number}", "password": PASSWORD}
                ).json()["access_token"]
                for number in range(WRITERS)
            ]

    def message(self) -> bytes:
        """A POST of a message by one of a few people into one of many topics."""
        body = {"topic_id": _one_to(self.topics), "body": random.choice(made.WORDS)}  # noqa: S311
        token = random.choice(self._tokens)  # noqa: S311
        return post("/api/messages", token, uuid.uuid4().hex, json.dumps(body).encode())

    @contextlib.contextmanager
    def relay_held(self) -> Iterator[None]:
        """No relay of the messages service leads: another session holds its lock."""
        url = self.forum.database_url("messages")
        with psycopg.connect(url, autocommit=True, application_name="bench") as conn:
            self.forum.stop("messages")
            conn.execute("SELECT pg_advisory_lock(%s)", (LOCK_KEY,))
            self.forum.start("messages")
            yield

    def drained(self) -> None:
        """Wait until every event of the messages service is delivered."""
        with psycopg.connect(self.forum.database_url("messages"), autocommit=True) as conn:
            while conn.execute(UNDELIVERED).fetchone() == (True,):
                time.sleep(0.2)

    def lags(self) -> list[float]:
        """Milliseconds from the answer to a POST until the topic's counter shows it, sorted."""
        found = []
        with httpx.Client() as client:
            messages, topics = self.target("messages").url, self.target("topics").url
            for number in range(LAG_SAMPLES):
                topic = 1 + number % self.topics
                before = client.get(f"{topics}/api/topics/{topic}").json()["message_count"]
                token = self._tokens[number % WRITERS]
                client.post(
                    f"{messages}/api/messages",
                    json={"topic_id": topic, "body": "Is it counted?"},
                    headers={"Authorization": f"Bearer {token}"},
                ).raise_for_status()
                answered = time.perf_counter()
                while client.get(f"{topics}/api/topics/{topic}").json()["message_count"] == before:
                    pass
                found.append((time.perf_counter() - answered) * 1000)
        return sorted(found)


def _one_to(most: int) -> int:
    return random.randint(1, most)  # noqa: S311 -- which topic is asked for is no secret


@contextlib.contextmanager
def subject(mode: str, topics: int, messages: int) -> Iterator[Subject]:
    """A forum of that kind with a made archive in it."""
    print(f"{mode}: loading {topics:,} topics and {messages:,} messages …", flush=True)
    kind = "monolith" if mode == "monolith" else "services"
    with (
        Forum(mode=kind, environment="production", env=LIMITS_OFF) as forum,  # type: ignore[arg-type]
        tempfile.TemporaryDirectory() as folder,
    ):
        made.write(Path(folder), topics, messages)
        names = SERVICES if kind == "services" else ("monolith",)
        for name in names:
            forum.run(name, "load", folder)
        if kind == "services":
            for name in names:
                forum.run(name, "rebuild")
        yield Subject(forum, topics, messages)


@contextlib.contextmanager
def floor(forum: Forum) -> Iterator[Target]:
    """The bare endpoint, on a table of its own beside the monolith's."""
    [port] = ports.free(1)
    url = forum.database_url("monolith")
    with subprocess.Popen(
        [sys.executable, "-m", "benchmark.floor", url, str(port)], cwd=ROOT / "scripts"
    ) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            for _ in itertools.repeat(None):
                with contextlib.suppress(httpx.TransportError):
                    httpx.get(f"{address}/things/1").raise_for_status()
                    break
                time.sleep(0.05)
            yield Target(address, [process.pid, forum.parts["postgres"].pid])
        finally:
            process.terminate()


def measure_posts(name: str, subject: Subject, samples: Samples, seconds: float) -> None:
    """A POST's own cost; for the services that of its events, delivered afterwards, apart."""
    subject.log_in()
    if subject.forum.mode == "monolith":
        samples.add(f"{name} post", subject.target("messages").measure(subject.message, seconds))
        return
    with subject.relay_held():
        sample = subject.target("messages").measure(subject.message, seconds)
        samples.add(f"{name} post", sample)
        everyone = [part.pid for part in subject.forum.parts.values()]
        before = cpu_seconds(everyone)
    subject.drained()
    events = cpu_seconds(everyone) - before
    # The warm-up's messages are delivered too.
    posted = sample.per_second * (seconds + min(0.5, seconds / 4))
    samples.add(f"{name} events", Sample(events / posted * 1e6, 0, 0, 0))


def memory(subject: Subject) -> dict[str, float]:
    """MiB of each service as it stands."""
    return {name: memory_mib(part.pid) for name, part in subject.forum.services.items()}
