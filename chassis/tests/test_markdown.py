"""Rendering that takes long, and who waits for it."""

import asyncio

from chassis.markdown import render, render_beside

# Each bracket makes the parser look at all that follow.
HOSTILE = "[" * 32_000


async def test_who_renders_a_hostile_text_keeps_nobody_waiting() -> None:
    rendering = asyncio.create_task(render_beside(HOSTILE))
    turns = 0
    while not rendering.done():
        turns += 1
        await asyncio.sleep(0.001)
    assert turns > 3
    assert await rendering == render(HOSTILE)


async def test_a_short_text_is_rendered_the_same() -> None:
    assert await render_beside("*a*") == render("*a*") == "<p><em>a</em></p>\n"
