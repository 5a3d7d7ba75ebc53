"""Markdown to HTML that holds nothing active: rendered without raw HTML, then sanitised."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor

import nh3
from markdown_it import MarkdownIt

_MARKDOWN = MarkdownIt("commonmark", {"html": False, "linkify": False, "maxNesting": 20}).enable(
    ["table", "strikethrough"]
)
_CLEANER = nh3.Cleaner(
    tags={
        "a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr",
        "img", "li", "ol", "p", "pre", "s", "strong", "table", "tbody", "td", "th", "thead", "tr",
        "ul",
    },
    attributes={"a": {"href", "title"}, "img": {"src", "alt", "title"}, "ol": {"start"}},
    url_schemes={"http", "https", "mailto"},
    link_rel="nofollow ugc noopener",
)  # fmt: skip
_SPACE = re.compile(r"\s+")
# Up to here a text that is made to cost time costs milliseconds; a longer one, up to seconds.
_SHORT = 2000
_BESIDE = ThreadPoolExecutor(1, "markdown")


def render(text: str) -> str:
    """The HTML of a Markdown text."""
    return _CLEANER.clean(_MARKDOWN.render(text))


async def render_beside(text: str) -> str:
    """As `render`; a long text is done beside the event loop, one after the other.

    Await it before a transaction: a connection must not wait for somebody's hostile text.
    """
    if len(text) <= _SHORT:
        return render(text)
    return await asyncio.get_running_loop().run_in_executor(_BESIDE, render, text)


def excerpt(text: str, most: int = 200) -> str:
    """The first characters of a Markdown text as one plain line, cut at a word."""
    plain = _SPACE.sub(" ", re.sub(r"[*_`#>~\[\]|]|\]\([^)]*\)|!\[", "", text[: most * 4])).strip()
    if len(plain) <= most:
        return plain
    return plain[: most - 1].rsplit(" ", 1)[0] + "…"
