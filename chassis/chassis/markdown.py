"""Markdown to HTML that holds nothing active: rendered without raw HTML, then sanitised."""

import asyncio
import html
import re
from concurrent.futures import ThreadPoolExecutor

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.utils import EnvType

# Far above what people write, far below what a text can be made to cost. They are counts, not
# time, so that a text gives the same HTML on every machine and when an archive is loaded.
_MOST_STEPS = 9_000
_MOST_TOKENS = 9_000
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
_EXCERPT = 200
# Up to here a text that is made to cost time costs milliseconds; a longer one, up to a tenth of a
# second.
_SHORT = 2000
_BESIDE = ThreadPoolExecutor(1, "markdown")


class _CostlyError(Exception):
    """The text was made to cost time."""


def _step(env: EnvType, weight: int = 1) -> None:
    env["steps"] = env.get("steps", 0) + weight
    if env["steps"] > _MOST_STEPS:
        raise _CostlyError


def _count_inline(state: StateInline, _silent: bool) -> bool:
    # What may be a link costs the most.
    _step(state.env, 3 if state.src[state.pos] in "[<" else 1)
    return False


def _count_block(state: StateBlock, _start: int, _end: int, _silent: bool) -> bool:
    # A table asks before each row, so that its cells are seen while they are made.
    if len(state.tokens) > _MOST_TOKENS:
        raise _CostlyError
    _step(state.env)
    return False


# The parser asks the first rule before all others, at every place of a text where it tries any.
_MARKDOWN.inline.ruler.before("text", "count", _count_inline)
_MARKDOWN.block.ruler.before(
    "table", "count", _count_block, {"alt": ["paragraph", "reference", "blockquote", "list"]}
)


def render(text: str) -> str:
    """The HTML of a Markdown text; of one made to cost time or space, its escaped paragraphs."""
    try:
        rendered = _MARKDOWN.render(text, {})
    except _CostlyError:
        return _escaped(text)
    if len(rendered) > 8 * len(text) + 1000:
        return _escaped(text)
    return _CLEANER.clean(rendered)


def _escaped(text: str) -> str:
    paragraphs = re.split(r"\n{2,}", text.strip("\n"))
    return "".join(f"<p>{html.escape(one, quote=False)}</p>\n" for one in paragraphs)


async def render_beside(text: str) -> str:
    """As `render`; a long text is done beside the event loop, one after the other.

    Await it before a transaction: a connection must not wait for somebody's hostile text.
    """
    if len(text) <= _SHORT:
        return render(text)
    return await asyncio.get_running_loop().run_in_executor(_BESIDE, render, text)


def excerpt(text: str) -> str:
    """The first characters of a Markdown text as one plain line, cut at a word."""
    beginning = text[: _EXCERPT * 4]
    plain = _SPACE.sub(" ", re.sub(r"[*_`#>~\[\]|]|\]\([^)]*\)|!\[", "", beginning)).strip()
    if len(plain) <= _EXCERPT:
        return plain
    return plain[: _EXCERPT - 1].rsplit(" ", 1)[0] + "…"
