"""Rendering that takes long, and who waits for it."""

import asyncio
import html
import time

import pytest

from chassis.markdown import render, render_beside

# Each bracket makes the parser look at all that follow.
HOSTILE = "[" * 32_000


async def test_who_renders_a_hostile_text_keeps_nobody_waiting() -> None:
    rendering = asyncio.create_task(render_beside(HOSTILE))
    # One turn of the loop begins it; done in the loop itself, it would have ended in that turn.
    await asyncio.sleep(0)
    assert not rendering.done()
    assert await rendering == render(HOSTILE)


async def test_a_short_text_is_rendered_the_same() -> None:
    assert await render_beside("*a*") == render("*a*") == "<p><em>a</em></p>\n"


MOST = 32_000
WIDE = "-|" * 1000 + "\n"
COSTLY = {
    "brackets": HOSTILE,
    "links": "[]()" * 8000,
    "addresses": "<http://a>" * 3200,
    "emphasis": "*_" * 16_000,
    "strong": "**a" * 10_000,
    "wide table": WIDE + WIDE + "a\n" * 14_000,
    "long table": "-|-|\n-|-|\n" + "|\n" * 15_000,
    "many tables": "|a|b|\n|-|-|\n" * 2400,
    "table in a quote": "> -|-|\n> -|-|\n" + "> a\n" * 7900,
    "quotes": ">" * 16_000 + "\n" + "a\n" * 8000,
    "lists": "- a\n" * 8000,
    "expanded reference": "[a]: http://" + "x" * 1000 + "\n\n" + "[a]" * 10_000,
}


def seconds(text: str) -> float:
    began = time.process_time()
    render(text)
    return time.process_time() - began


@pytest.mark.parametrize("text", COSTLY.values(), ids=COSTLY)
def test_a_text_made_to_cost_time_is_shown_as_it_is_written(text: str) -> None:
    paragraphs = [one for one in text.strip("\n").split("\n\n") if one]
    assert render(text) == "".join(f"<p>{html.escape(one)}</p>\n" for one in paragraphs)


@pytest.mark.parametrize(
    "text",
    [
        *COSTLY.values(),
        *(
            (piece * MOST)[:MOST]
            for piece in ("`[", "&amp;", "`a", "> - ", "a_a_", "<a b='c' ", "<")
        ),
        "[a](" + "(" * 31_000,
        "".join(f"[{number}]: b\n" for number in range(3000))[:MOST],
    ],
    ids=lambda text: text[:8],
)
def test_no_text_costs_much_more_than_a_dense_ordinary_one(text: str) -> None:
    ordinary = (
        "- A *list* with `code` and [a link](https://example.org/some/path), and words.\n" * MOST
    )[:MOST]
    most = 6 * min(seconds(ordinary) for _ in range(3))
    assert min(seconds(text) for _ in range(3)) < most
    assert len(render(text)) <= 8 * len(text) + 1000


def test_a_long_ordinary_text_is_markdown_to_its_end() -> None:
    piece = (
        "A paragraph of *some* words, with `code` and [a link](https://example.org/a).\n\n"
        "- one item\n- another **item**\n\n| name | number |\n|---|---|\n| a name | 12 |\n\n"
    )
    rendered = render(piece * (MOST // len(piece)))
    assert rendered == render(piece) * (MOST // len(piece))
    assert rendered.count("<table>") == MOST // len(piece)
