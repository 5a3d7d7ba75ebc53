"""Text and numbers as the API takes them: NFC, LF, no control characters, code points."""

import re
import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

LARGEST_ID = 2**63 - 1
_CONTROL_IN_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_CONTROL_IN_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Input(BaseModel):
    """A body that the API takes: JSON's own types, and no field that the API does not know."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _normal(value: str, forbidden: re.Pattern[str]) -> str:
    value = unicodedata.normalize("NFC", value.replace("\r\n", "\n"))
    if found := forbidden.search(value):
        raise PydanticCustomError(
            "control_character",
            "the control character U+{code} at position {position} is not allowed",
            {"code": f"{ord(found[0]):04X}", "position": found.start()},
        )
    return value


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


def line_type(least: int, most: int) -> Any:
    """The type of a one-line text, outer white space cut, `least` to `most` code points."""

    def check(value: str) -> str:
        return _measure(_normal(value, _CONTROL_IN_LINE).strip(), least, most)

    return Annotated[str, AfterValidator(check), _length_in_schema(least, most)]


def text_type(least: int, most: int) -> Any:
    """The type of a text of lines, `least` to `most` code points in NFC; tab and LF stay."""

    def check(value: str) -> str:
        value = _measure(_normal(value, _CONTROL_IN_TEXT), least, most)
        if least and not value.strip():
            raise PydanticCustomError("string_blank", "something other than white space is needed")
        return value

    return Annotated[str, AfterValidator(check), _length_in_schema(least, most)]


def _length_in_schema(least: int, most: int) -> Any:
    # The length counts after NFC, so the validator above owns it; this only documents it.
    return Field(json_schema_extra={"minLength": least, "maxLength": most})


def _clamp(value: int) -> int:
    return max(-LARGEST_ID, min(value, LARGEST_ID))


# No row has the largest number, so what is too large for the database is looked up and not found.
Identifier = Annotated[int, AfterValidator(_clamp)]
