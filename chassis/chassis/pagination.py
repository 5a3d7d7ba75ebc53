"""Keyset pages. A cursor is opaque, URL-safe and bound to its list: its sort and its filters."""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import Query

from chassis.problems import BadRequest
from chassis.text import LARGEST_ID

Limit = Annotated[int, Query(ge=1, le=100, description="How many items at most.")]
CursorText = Annotated[str | None, Query(description="The `next_cursor` of the page before.")]
R = TypeVar("R")
Scope = Sequence[str | int | bool | None]


class CursorInvalid(BadRequest):
    code, title = "cursor_invalid", "The cursor is not of this list"


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, and the cursor of the next, None on the last."""

    items: list[Any]
    next_cursor: str | None


class Pages:
    """The pages of one list. `kinds` are the types of the sort key's values, in order.

    `scope` is what the list is: its name, sort and filters. A cursor of another scope is a 400.
    """

    def __init__(self, limit: int, cursor: str | None, scope: Scope, kinds: Sequence[type]) -> None:
        self.limit = limit
        self.fetch = limit + 1
        self._scope = hashlib.blake2b(repr(tuple(scope)).encode(), digest_size=6).hexdigest()
        self._kinds = kinds
        self.after = None if cursor is None else self._decode(cursor)

    def page(
        self,
        rows: Sequence[R],
        key: Callable[[R], Sequence[Any]],
        build: Callable[[R], Any],
    ) -> Page:
        """The page of `rows`, fetched with `LIMIT fetch`: one too many says that there is more."""
        items = [build(row) for row in rows[: self.limit]]
        if len(rows) <= self.limit:
            return Page(items, None)
        return Page(items, self._encode(key(rows[self.limit - 1])))

    def _encode(self, values: Sequence[Any]) -> str:
        plain = [v.isoformat() if isinstance(v, datetime) else v for v in values]
        text = json.dumps([self._scope, *plain], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()

    def _decode(self, cursor: str) -> tuple[Any, ...]:
        try:
            padded = cursor.encode() + b"=" * (-len(cursor) % 4)
            scope, *values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
            if scope == self._scope:
                return tuple(
                    _value(value, kind) for value, kind in zip(values, self._kinds, strict=True)
                )
        except (ValueError, TypeError, RecursionError, binascii.Error):
            pass
        raise CursorInvalid(
            f"The cursor '{cursor[:60]}' belongs to no list, or to one with another sort or other"
            " filters. Start again without a cursor."
        )


def _value(value: Any, kind: type[Any]) -> Any:
    if kind is datetime and isinstance(value, str):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("a cursor's time has a zone")
        return moment
    if type(value) is not kind:
        raise TypeError("a cursor's value is of the list's own type")
    if isinstance(value, int) and abs(value) > LARGEST_ID:
        raise ValueError("a cursor's number fits a bigint")
    if isinstance(value, str) and "\x00" in value:
        raise ValueError("a cursor's text has no NUL")
    return value
