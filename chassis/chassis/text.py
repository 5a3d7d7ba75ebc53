"""Text and numbers as the API takes them: NFC, LF, no control characters, code points."""

import re
import unicodedata
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
)
from pydantic_core import PydanticCustomError, core_schema

LARGEST_ID = 2**63 - 1
_CONTROL_IN_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_CONTROL_IN_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# No language stacks more than a few marks on a letter.
_MOST_MARKS = 100
# The only characters that are no marks themselves, and yet fall apart into marks alone.
_MARKS_IN_ONE = "\u0f73\u0f75\u0f81"


class Input(BaseModel):
    """A body that the API takes: JSON's own types, and no field that the API does not know."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _normal(value: str, forbidden: re.Pattern[str]) -> str:
    value = _composed(value.replace("\r\n", "\n"))
    if found := forbidden.search(value):
        raise PydanticCustomError(
            "control_character",
            "the character U+{code} at position {position} is not allowed",
            {"code": f"{ord(found[0]):04X}", "position": found.start()},
        )
    return value


def _composed(value: str) -> str:
    """NFC. Sorting a run of marks takes time with its square: a body full of them, a minute."""
    if value.isascii():
        return value
    run = 0
    for position, character in enumerate(value):
        if unicodedata.combining(character) or character in _MARKS_IN_ONE:
            run += 1
            if run > _MOST_MARKS:
                raise PydanticCustomError(
                    "too_many_marks",
                    "at most {most} combining marks may follow each other, at position {position}",
                    {"most": _MOST_MARKS, "position": position},
                )
        else:
            run = 0
    return unicodedata.normalize("NFC", value)


def _measure(value: str, least: int, most: int) -> str:
    if len(value) < least:
        raise PydanticCustomError(
            "string_too_short", "at least {least} characters are needed", {"least": least}
        )
    if len(value) > most:
        raise PydanticCustomError(
            "string_too_long", "at most {most} characters are allowed", {"most": most}
        )
    return value


class _Length:
    """Metadata of a text type, `Annotated[str, Line(1, 80)]`: `least` to `most` code points."""

    def __init__(self, least: int, most: int) -> None:
        self.least = least
        self.most = most

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        # The length counts after NFC, so `check` owns it; this only documents it.
        return {**handler(schema), "minLength": self.least, "maxLength": self.most}

    def check(self, value: str) -> str:
        raise NotImplementedError


class Line(_Length):
    """A text of one line, outer white space cut off."""

    def check(self, value: str) -> str:
        return _measure(_normal(value, _CONTROL_IN_LINE).strip(), self.least, self.most)


class Text(_Length):
    """A text of several lines; tab and LF stay. Where `least` is above 0, not all white space."""

    def check(self, value: str) -> str:
        value = _measure(_normal(value, _CONTROL_IN_TEXT), self.least, self.most)
        if self.least and not value.strip():
            raise PydanticCustomError("string_blank", "something other than white space is needed")
        return value


def _clamp(value: int) -> int:
    return max(-LARGEST_ID, min(value, LARGEST_ID))


# No row has the largest number, so what is too large for the database is looked up and not found.
Identifier = Annotated[int, AfterValidator(_clamp)]
