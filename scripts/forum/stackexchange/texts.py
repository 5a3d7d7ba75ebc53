"""Texts of a dump as the forum keeps texts: Markdown, NFC, LF, no control characters."""

import re
import unicodedata
from typing import Any

from markdownify import MarkdownConverter

CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
LINE_BREAKS = re.compile(r"[\s\x1c-\x1f\x85\u2028\u2029]+")
SPECIAL = re.compile(r"[\\`*\[\]<]|(?<!\w)_|_(?!\w)|~(?=~)|&(?=#?\w+;)")
LINE_START = re.compile(r"(?m)^(\s*)(#{1,6}(?=\s|$)|[-+=>](?=[\s=>-]|$)|\d+(?=[.)](?:\s|$)))")
BLANK_LINES = re.compile(r"\n{3,}")


class _Converter(MarkdownConverter):
    """HTML to Markdown, where what is text in the HTML stays text."""

    def escape(self, text: str, parent_tags: set[str]) -> str:
        """Escape what Markdown would take for markup, and no more: people edit what comes out."""
        text = SPECIAL.sub(r"\\\g<0>", text)
        text = LINE_START.sub(_escape_start, text)
        return text.replace("|", r"\|") if parent_tags & {"td", "th"} else text


def _escape_start(found: re.Match[str]) -> str:
    space, mark = found.groups()
    # Behind a number it is the dot that makes a list.
    return f"{space}{mark}\\" if mark.isdigit() else f"{space}\\{mark}"


_CONVERTER: Any = _Converter(heading_style="ATX", bullets="-")


def markdown(html: str) -> str:
    """HTML as Markdown; RecursionError where it is nested too deep."""
    return BLANK_LINES.sub("\n\n", str(_CONVERTER.convert(html)))


def unix(text: str) -> str:
    """The text with LF at its line ends."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def normal(text: str) -> str:
    """A text of several lines as the forum keeps it."""
    return unicodedata.normalize("NFC", CONTROLS.sub("", unix(text)))


def line(text: str) -> str:
    """A text as one line."""
    return LINE_BREAKS.sub(" ", CONTROLS.sub("", LINE_BREAKS.sub(" ", normal(text)))).strip()


def cut(text: str, most: int) -> str:
    """The text, at its end an ellipsis where it is longer."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
