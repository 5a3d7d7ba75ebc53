"""The whole shape of each thing: which fields, of which types, in which format."""

import re
from typing import Any

import httpx

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|\+00:00)")
SINGLE_TAG = re.compile(r'"\d+\.[0-9a-z]+"')
CURSOR = re.compile(r"[A-Za-z0-9_.~-]+")

AUTHOR_FIELDS = {"id", "username", "display_name", "avatar_url", "state"}
USER_FIELDS = {
    *("id", "username", "display_name", "bio", "avatar_url", "role", "state"),
    *("topic_count", "message_count", "created_at", "updated_at"),
}
TOPIC_ITEM_FIELDS = {
    *("id", "title", "slug", "excerpt", "category", "tags", "author", "locked", "pinned"),
    *("message_count", "last_activity_at", "last_author", "created_at", "updated_at", "version"),
}
TOPIC_FIELDS = TOPIC_ITEM_FIELDS - {"excerpt"} | {"body", "body_html"}
MESSAGE_FIELDS = {
    *("id", "topic_id", "position", "author", "body", "body_html", "reply_to", "reactions"),
    *("created_at", "edited_at", "deleted_at", "version"),
}


def is_time(value: object) -> bool:
    """RFC 3339 in UTC."""
    return isinstance(value, str) and TIME.fullmatch(value) is not None


def is_number(value: object) -> bool:
    """A whole number, and not JSON's true or false."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def has_types(thing: dict[str, Any], kinds: dict[str, type | tuple[type, ...]]) -> bool:
    """Whether the fields named have JSON's types named."""
    wrong = {name: thing[name] for name, kind in kinds.items() if not isinstance(thing[name], kind)}
    assert not wrong
    return True


def is_author(card: dict[str, Any]) -> bool:
    assert set(card) == AUTHOR_FIELDS
    assert card["state"] in {"active", "suspended", "erased"}
    kinds: dict[str, type | tuple[type, ...]] = {
        "username": str,
        "display_name": str,
        "avatar_url": (str, type(None)),
    }
    return is_number(card["id"]) and has_types(card, kinds)


def is_user(user: dict[str, Any], *more: str) -> bool:
    assert set(user) == USER_FIELDS | set(more)
    assert user["role"] in {"member", "moderator", "admin"}
    assert user["state"] in {"active", "suspended", "erased"}
    assert all(is_number(user[name]) for name in ("id", "topic_count", "message_count"))
    assert all(is_time(user[name]) for name in ("created_at", "updated_at"))
    return has_types(
        user,
        {"username": str, "display_name": str, "bio": str, "avatar_url": (str, type(None))},
    )


def _has_topic_fields(topic: dict[str, Any]) -> bool:
    assert all(is_number(topic[name]) for name in ("id", "message_count", "version"))
    times = ("last_activity_at", "created_at", "updated_at")
    assert all(is_time(topic[name]) for name in times)
    assert is_author(topic["author"])
    assert topic["last_author"] is None or is_author(topic["last_author"])
    assert all(isinstance(tag, str) for tag in topic["tags"])
    texts: dict[str, type | tuple[type, ...]] = {"title": str, "slug": str, "category": str}
    return has_types(topic, {**texts, "tags": list, "locked": bool, "pinned": bool})


def is_topic(topic: dict[str, Any]) -> bool:
    assert set(topic) == TOPIC_FIELDS
    return _has_topic_fields(topic) and has_types(topic, {"body": str, "body_html": str})


def is_topic_item(topic: dict[str, Any]) -> bool:
    assert set(topic) == TOPIC_ITEM_FIELDS
    return _has_topic_fields(topic) and has_types(topic, {"excerpt": str})


def is_message(message: dict[str, Any]) -> bool:
    assert set(message) == MESSAGE_FIELDS
    assert all(is_number(message[name]) for name in ("id", "topic_id", "position", "version"))
    assert is_time(message["created_at"])
    assert message["edited_at"] is None or is_time(message["edited_at"])
    assert message["deleted_at"] is None or is_time(message["deleted_at"])
    assert message["reply_to"] is None or is_number(message["reply_to"])
    assert all(is_number(count) and count > 0 for count in message["reactions"].values())
    return is_author(message["author"]) and has_types(message, {"body": str, "body_html": str})


def problem(response: httpx.Response, status: int, code: str | None = None) -> dict[str, Any]:
    """The problem that an error answer carries, after a look at its whole shape."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"].split(";")[0] == "application/problem+json"
    body: dict[str, Any] = response.json()
    fields = {"type", "title", "status", "detail", "instance", "code", "request_id"}
    assert set(body) - {"errors"} == fields
    assert body["status"] == status
    assert re.fullmatch(r"[a-z][a-z0-9_]*", body["code"])
    assert body["type"] == f"urn:forum:problem:{body['code']}"
    assert body["instance"] == response.request.url.path
    assert body["title"]
    assert body["detail"]
    assert body["request_id"] == response.headers["X-Request-ID"]
    assert code in (None, body["code"]), body
    for error in body.get("errors", []):
        assert set(error) == {"pointer", "code", "detail"}
        assert all(isinstance(value, str) for value in error.values())
    assert "errors" not in body or status == 422
    if status == 401:
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
    return body


def refused(response: httpx.Response, *pointers: str) -> None:
    """A 422 that names each of these fields, and no other."""
    body = problem(response, 422)
    assert {error["pointer"] for error in body["errors"]} == set(pointers), body
