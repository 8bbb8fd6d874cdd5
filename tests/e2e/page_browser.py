"""Debian's chromium for the tests of the page, with a recorded tone as its microphone."""

from __future__ import annotations

import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright, expect

from tests.e2e.page_server import DEADLINE_S, PageCall, PageServer

CHROMIUM = "/usr/bin/chromium"
TONE_HZ = 440
FOREIGN_HOST = "voicewire.test"  # not this computer, as far as the browser knows: no secure context on plain http
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    f"--host-resolver-rules=MAP {FOREIGN_HOST} 127.0.0.1",
]


def write_tone(path: Path, seconds: float = 20.0, rate: int = 48000) -> None:
    """A sine as a WAV file."""
    samples = 0.3 * np.sin(2 * np.pi * TONE_HZ * np.arange(int(seconds * rate)) / rate)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())


@asynccontextmanager
async def chromium(folder: Path) -> AsyncIterator[Browser]:
    """A browser whose microphone hears the tone. Each of its contexts refuses the microphone until it is granted."""
    tone = folder / "tone.wav"
    write_tone(tone)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*FLAGS, f"--use-file-for-fake-audio-capture={tone}"]
        )
        try:
            yield browser
        finally:
            await browser.close()


class Visit:
    """One person on the page, and what went wrong in the browser meanwhile."""

    def __init__(self, page: Page, server: PageServer) -> None:
        self.page = page
        self.server = server
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", self._note)

    def _note(self, message: ConsoleMessage) -> None:
        # The browser itself reports sockets that could not be opened; some tests refuse them.
        if message.type == "error" and "WebSocket connection" not in message.text:
            self.problems.append(message.text)

    async def talk(self, **ready: object) -> PageCall:
        """Press the button; the call that comes of it, ready."""
        await self.page.click("#talk")
        call = await self.server.call()
        await call.ready(**ready)
        return call

    async def sees(self, selector: str, text: str, *, visible: bool = True) -> None:
        """Wait until an element holds exactly this text."""
        locator = self.page.locator(selector)
        await expect(locator).to_have_text(text)
        if visible:
            await expect(locator).to_be_visible()


class Stand:
    """A browser and a server for a whole run of tests."""

    def __init__(self, browser: Browser, server: PageServer) -> None:
        self.browser = browser
        self.server = server

    @asynccontextmanager
    async def visit(
        self,
        *,
        microphone: bool = True,
        path: str = "",
        host: str = "127.0.0.1",
        script: str = "",
    ) -> AsyncIterator[Visit]:
        """Open the page as somebody new. `script` runs before the page's own. Fails if the browser saw any error."""
        context = await self.browser.new_context(viewport={"width": 1280, "height": 800})
        context.set_default_timeout(DEADLINE_S * 1000)
        if microphone:
            await context.grant_permissions(["microphone"])
        try:
            page = await context.new_page()
            if script:
                await page.add_init_script(script)
            visit = Visit(page, self.server)
            await page.goto(f"http://{host}:{self.server.port}/{path}")
            yield visit
            assert not visit.problems, visit.problems
        finally:
            await context.close()
            self.server.forget_calls()
