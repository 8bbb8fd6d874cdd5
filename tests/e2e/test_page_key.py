"""Talking on the page by holding a key: the button, the space bar, a touch, a click of a screen reader."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import expect

from tests.e2e.page_browser import Stand, Visit
from tests.e2e.page_server import PageCall

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

FOCUSED = "() => document.activeElement.id || document.activeElement.tagName"


@asynccontextmanager
async def keyed(stand: Stand) -> AsyncIterator[tuple[Visit, PageCall]]:
    """A call of somebody who has chosen to hold a key, before it."""
    async with stand.visit() as visit:
        await visit.page.click("#settings-toggle")
        await visit.page.select_option("#talking", "key")
        await visit.page.keyboard.press("Escape")
        call = await visit.talk()
        await call.expect("mute", key=True)
        await visit.sees("#phase", "Hold to talk")
        yield visit, call


async def holds(visit: Visit, call: PageCall) -> None:
    """The key is held: the server knows, and hears."""
    await call.expect("unmute", key=True)
    await call.heard(call.pcm_at["unmute"] // 2 + 1)
    await visit.sees("#microphone-label", "Let go")


async def let_go(visit: Visit, call: PageCall) -> None:
    await call.expect("mute", key=True)
    await visit.sees("#phase", "Hold to talk")


async def test_the_space_bar_is_held_to_talk_and_is_a_space_where_text_is_written(stand: Stand) -> None:
    async with keyed(stand) as (visit, call):
        assert await visit.page.evaluate(FOCUSED) == "microphone", "the space bar would end the call on `talk`"
        await visit.page.focus("#text")
        await visit.page.keyboard.type("a b")
        await visit.page.keyboard.press("Enter")
        await call.expect("text", text="a b")
        assert call.pcm == b"", "nothing is sent before"
        for focus in ("#microphone", "#scroller"):
            await visit.page.focus(focus)
            await visit.page.keyboard.down("Space")
            await visit.page.keyboard.down("Space")  # it repeats itself
            await holds(visit, call)
            await visit.page.keyboard.up("Space")
            await let_go(visit, call)


async def test_the_button_is_held_until_it_is_let_go_wherever_or_lost(stand: Stand) -> None:
    async with keyed(stand) as (visit, call):
        page = visit.page
        for lost in (
            "window.dispatchEvent(new Event('blur'))",
            "microphone.dispatchEvent(new Event('pointercancel'))",
            "",
        ):
            await page.hover("#microphone")
            await page.mouse.down()
            await holds(visit, call)
            if lost:
                await page.evaluate(lost)
                await let_go(visit, call)
            await page.mouse.move(5, 5)
            await page.mouse.up()
        await let_go(visit, call)
        click = "document.getElementById('microphone').click()"
        await page.evaluate(click)  # as a screen reader does
        await holds(visit, call)
        await page.evaluate(click)
        await let_go(visit, call)


async def test_it_can_be_chosen_in_a_call_and_is_remembered(stand: Stand) -> None:
    async with stand.visit() as visit:
        call = await visit.talk()
        await call.heard(1)
        await visit.page.click("#settings-toggle")
        await visit.page.select_option("#talking", "key")
        await let_go(visit, call)
        await visit.page.select_option("#talking", "open")
        assert "key" not in await call.expect("unmute")
        await visit.sees("#phase", "Listening")
        await visit.page.select_option("#talking", "key")
        await visit.page.reload()
        await visit.page.click("#settings-toggle")
        await expect(visit.page.locator("#talking")).to_have_value("key")


async def test_after_a_lost_connection_the_server_is_told_again(stand: Stand) -> None:
    async with keyed(stand) as (visit, call):
        await visit.page.keyboard.down("Space")
        await holds(visit, call)
        call.drop()
        again = await stand.server.call()
        await again.ready()
        await again.expect("unmute", key=True)
        await visit.page.keyboard.up("Space")
        await again.expect("mute", key=True)


async def test_a_typed_call_in_which_the_microphone_comes_later(stand: Stand) -> None:
    async with stand.visit() as visit:
        await visit.page.click("#settings-toggle")
        await visit.page.select_option("#talking", "key")
        await visit.page.fill("#text", "Hello")
        await visit.page.press("#text", "Enter")
        call = await stand.server.call()
        await call.ready()
        await call.expect("mute", key=True)
        await visit.sees("#microphone-label", "Use microphone")
        await visit.page.click("#microphone")
        await visit.sees("#phase", "Hold to talk")
        assert call.pcm == b""
        await visit.page.focus("#microphone")
        await visit.page.keyboard.down("Enter")
        await holds(visit, call)
