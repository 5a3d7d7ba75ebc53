"""Conditional requests (RFC 9110, section 13): `"<version>.<hash of the body>"` as the strong ETag.

The hash makes a cached copy exact, counters included. An edit compares the version alone, so that a
counter that moved meanwhile does not refuse it.
"""

import hashlib
import re
from typing import Annotated

from fastapi import Depends, Header

from chassis.problems import PreconditionFailed, PreconditionRequired

# A weak tag (W/"…") never matches here: an edit compares strongly (RFC 9110, 13.1.1).
_TAG = re.compile(r'(?<!W/)"(\d{1,18})\.[0-9a-f]{16}"')
_ANY_TAG = re.compile(r'(?:W/)?("[^"]*")')


def etag(version: int, content: bytes) -> str:
    """The strong ETag of a thing in this version with these bytes."""
    return f'"{version}.{hashlib.blake2b(content, digest_size=8).hexdigest()}"'


def matches(if_none_match: str | None, tag: str) -> bool:
    """Whether the client's `If-None-Match` names `tag` (weak comparison, RFC 9110, 13.1.2)."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or tag in _ANY_TAG.findall(if_none_match)


class Precondition:
    """The `If-Match` of a request that changes a thing."""

    def __init__(self, header: str | None) -> None:
        self._header = header

    def check(self, version: int) -> None:
        """428 without the header; 412 where none of its tags has this version."""
        if self._header is None:
            raise PreconditionRequired(
                "Send If-Match with the ETag of the version that you read, or * for any."
            )
        versions = {int(number) for number in _TAG.findall(self._header)}
        if self._header.strip() != "*" and version not in versions:
            raise PreconditionFailed(
                f"If-Match says {self._header[:100]}, but the version is {version}."
                " Read it again and repeat your change on that."
            )


def _if_match(if_match: Annotated[str | None, Header()] = None) -> Precondition:
    return Precondition(if_match)


IfMatch = Annotated[Precondition, Depends(_if_match)]
