"""Markdown to HTML that holds nothing active: rendered without raw HTML, then sanitised."""

import re

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


def render(text: str) -> str:
    """The HTML of a Markdown text."""
    return _CLEANER.clean(_MARKDOWN.render(text))


def excerpt(text: str, most: int = 200) -> str:
    """The first characters of a Markdown text as one plain line, cut at a word."""
    plain = _SPACE.sub(" ", re.sub(r"[*_`#>~\[\]|]|\]\([^)]*\)|!\[", "", text[: most * 4])).strip()
    if len(plain) <= most:
        return plain
    return plain[: most - 1].rsplit(" ", 1)[0] + "…"
