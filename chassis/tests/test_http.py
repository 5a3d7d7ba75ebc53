"""The chassis' HTTP, through the front door of a small service on real PostgreSQL."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from notes import create_app

from chassis.settings import ServiceSettings
from chassis.testing import SECRET, Signer, running

ANN = 7


@pytest.fixture
async def client(database_url: str, signer: Signer) -> AsyncIterator[httpx.AsyncClient]:
    settings = ServiceSettings(
        database_url=database_url,
        idempotency_secret=SECRET,
        trusted_proxies="127.0.0.0/8",
        writes_burst=30,
        writes_per_second=0.1,
    )
    async with running(create_app(settings, signer)) as client:
        client.headers.update(signer.headers(ANN, "ann"))
        yield client


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (response.status_code, response.headers["content-type"]) == (
        status,
        "application/problem+json",
    )
    body: dict[str, Any] = response.json()
    assert body["code"] == code
    assert body["type"] == f"urn:forum:problem:{code}"
    assert body["request_id"] == response.headers["x-request-id"]
    return body


async def test_a_thing_is_made_read_and_deleted(client: httpx.AsyncClient) -> None:
    made = await client.post("/api/notes", json={"text": "hello"})
    assert made.status_code == 201
    url, tag = made.headers["location"], made.headers["etag"]
    read = await client.get(url)
    assert (read.content, read.headers["etag"]) == (made.content, tag)
    assert (await client.get(url, headers={"If-None-Match": tag})).status_code == 304
    problem(await client.delete(url), 428, "precondition_required")
    stale = {"If-Match": '"2.0000000000000000"'}
    problem(await client.delete(url, headers=stale), 412, "precondition_failed")
    assert (await client.delete(url, headers={"If-Match": tag})).status_code == 204
    problem(await client.get(url), 404, "note_not_found")


@pytest.mark.parametrize(
    ("raw", "status", "pointer"),
    [
        (b"{", 400, None),
        (b'\xff{"text": "x"}', 400, None),
        (b'{"text": NaN}', 422, "/text"),
        (b"[" * 100_000, 400, None),
        (b'{"text": "\\ud800"}', 422, "/text"),
        (b'{"text": "a\\u0000"}', 422, "/text"),
        (b'{"text": "\\u0085"}', 422, "/text"),
        (b'{"text": ""}', 422, "/text"),
        (b'{"text": " \\n "}', 422, "/text"),
        (b'{"text": 1}', 422, "/text"),
        (b'{"text": "x", "more": 1}', 422, "/more"),
        (b"[]", 422, ""),
        (b'{"title": "a\\nb", "text": "x"}', 422, "/title"),
        (b"{}", 422, "/text"),
    ],
)
async def test_a_bad_body_is_told_what_is_wrong(
    client: httpx.AsyncClient, raw: bytes, status: int, pointer: str | None
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await client.post("/api/notes", content=raw, headers=headers)
    body = problem(answer, status, "invalid" if status == 422 else "not_json")
    if pointer is not None:
        assert pointer in [error["pointer"] for error in body["errors"]]


async def test_lengths_count_code_points_after_normalising(client: httpx.AsyncClient) -> None:
    decomposed = "e\u0301" * 20
    made = await client.post("/api/notes", json={"text": decomposed})
    assert made.json()["text"] == "\u00e9" * 20
    problem(await client.post("/api/notes", json={"text": decomposed + "x"}), 422, "invalid")
    lines = await client.post("/api/notes", json={"text": "a\r\nb\tc"})
    assert lines.json()["text"] == "a\nb\tc"


async def test_other_bodies_are_refused(client: httpx.AsyncClient) -> None:
    plain = await client.post("/api/notes", content=b"text=x")
    problem(plain, 415, "unsupported_media_type")
    large = await client.post("/api/notes", json={"text": "x" * 600_000})
    problem(large, 413, "body_too_large")


async def test_unknown_paths_methods_and_crashes_are_problems(client: httpx.AsyncClient) -> None:
    problem(await client.get("/api/nothing"), 404, "not_found")
    problem(await client.get("/api/notes/abc"), 404, "not_found")
    problem(await client.get("/api/notes/" + "9" * 30), 404, "note_not_found")
    refused = await client.put("/api/notes", json={})
    problem(refused, 405, "method_not_allowed")
    crash = problem(await client.get("/api/notes/crash"), 500, "internal_error")
    assert "purpose" not in json.dumps(crash)


async def test_twenty_equal_posts_make_one_thing(client: httpx.AsyncClient) -> None:
    async def post(text: str) -> httpx.Response:
        headers = {"Idempotency-Key": "k"}
        return await client.post("/api/notes", json={"text": text}, headers=headers)

    answers = await asyncio.gather(*(post("x") for _ in range(20)))
    seen = {(a.status_code, a.content, a.headers["location"], a.headers["etag"]) for a in answers}
    assert len(seen) == 1
    assert sum("idempotency-replayed" in a.headers for a in answers) == 19
    assert len((await client.get("/api/notes")).json()["items"]) == 1
    problem(await post("y"), 422, "idempotency_key_reused")


async def test_a_failed_request_frees_its_key(client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k"}
    problem(await client.post("/api/notes", json={}, headers=headers), 422, "invalid")
    made = await client.post("/api/notes", json={"text": "x"}, headers=headers)
    assert made.status_code == 201


async def test_a_guests_key_belongs_to_the_address(client: httpx.AsyncClient) -> None:
    def headers(address: str) -> dict[str, str]:
        return {"Idempotency-Key": "k", "X-Forwarded-For": address}

    first, again, other, same_home = [
        (await client.post("/api/notes/guest", json={"text": "x"}, headers=headers(a))).json()["id"]
        for a in ("2001:db8::1", "2001:db8::1", "2001:db8:1::1", "2001:db8::2")
    ]
    assert first == again == same_home != other


async def test_pages_give_everything_once(client: httpx.AsyncClient) -> None:
    for number in range(5):
        await client.post("/api/notes", json={"text": f"n{number}"})
    seen, url = [], "/api/notes?limit=2"
    while url:
        page = await client.get(url)
        seen += [note["text"] for note in page.json()["items"]]
        assert ("next" in page.links) == (page.json()["next_cursor"] is not None)
        url = page.links.get("next", {}).get("url", "")
    assert seen == ["n0", "n1", "n2", "n3", "n4"]
    for bad in ("x", "W10", "é", "bnVsbA"):
        problem(await client.get("/api/notes", params={"cursor": bad}), 400, "cursor_invalid")
    problem(await client.get("/api/notes?limit=0"), 422, "invalid")


async def test_writes_are_limited_and_say_so(client: httpx.AsyncClient) -> None:
    answers = [await client.post("/api/notes", json={"text": "x"}) for _ in range(31)]
    assert [a.status_code for a in answers] == [201] * 30 + [429]
    assert answers[0].headers["ratelimit"].startswith('"writes";r=29;')
    assert answers[0].headers["ratelimit-policy"] == '"writes";q=30;w=300'
    problem(answers[30], 429, "too_many_requests")
    assert 8 <= int(answers[30].headers["retry-after"]) <= 10


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "other"},
        {"aud": "other"},
        {"exp": 1},
        {"sub": "x"},
        {"role": "king"},
        {"sid": "1"},
    ],
)
async def test_a_token_with_wrong_claims_is_refused(
    client: httpx.AsyncClient, signer: Signer, claims: dict[str, Any]
) -> None:
    headers = {"Authorization": f"Bearer {signer.token(ANN, 'ann', **claims)}"}
    answer = await client.post("/api/notes", json={"text": "x"}, headers=headers)
    problem(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_liveness_readiness_and_metrics(client: httpx.AsyncClient) -> None:
    assert (await client.get("/livez")).status_code == 200
    assert (await client.get("/readyz")).text == "ok\n"
    await client.get("/api/notes/1")
    metrics = (await client.get("/metrics")).text
    assert 'route="/api/notes/{note_id:id}",status="404"' in metrics


async def test_ids_of_requests_are_kept_or_made(client: httpx.AsyncClient) -> None:
    given = await client.get("/api/notes", headers={"X-Request-ID": "mine-1"})
    assert given.headers["x-request-id"] == "mine-1"
    made = await client.get("/api/notes", headers={"X-Request-ID": "no spaces"})
    assert len(made.headers["x-request-id"]) == 32


async def test_only_named_origins_may_call_from_a_page(database_url: str, signer: Signer) -> None:
    settings = ServiceSettings.model_validate(
        {
            "database_url": database_url,
            "idempotency_secret": SECRET,
            "cors_origins": "https://forum.example.org",
        }
    )
    preflight = {"Access-Control-Request-Method": "POST"}
    async with running(create_app(settings, signer)) as client:
        for origin, allowed in (("https://forum.example.org", True), ("https://evil.org", False)):
            headers = {"Origin": origin}
            asked = await client.options("/api/notes", headers=headers | preflight)
            read = await client.get("/api/notes", headers=headers)
            for answer in (asked, read):
                granted = answer.headers.get("access-control-allow-origin")
                assert granted == (origin if allowed else None)
