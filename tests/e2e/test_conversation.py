"""The whole thing as a person meets it: chromium with recorded speech as its microphone, and the server with its
embedded ears, brain and voice. Real time; the recording is 45 s long.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from playwright.async_api import Locator, Page, async_playwright, expect

from llm.local.server import LocalBrain
from tests.e2e.page_browser import CHROMIUM, FLAGS
from tests.e2e.page_server import ROOT
from tests.e2e.real_server import RATE_HZ, recording, serving

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="function")]

# The real server does not serve the tests' recorder, so it is given as text; the page's own policy forbids that, and is
# put aside here (tests/e2e/test_page.py runs under it).
RECORDER = json.dumps((ROOT / "tests" / "e2e" / "recorder.js").read_text())
BLOB = f"URL.createObjectURL(new Blob([{RECORDER}], {{type: 'text/javascript'}}))"
LISTEN = (ROOT / "tests" / "e2e" / "listen.js").read_text().replace('"/tests/e2e/recorder.js"', BLOB)
HEARD = "() => window.heard.flat().map(block => [block.frame, Math.max(...block.samples.map(Math.abs))])"
TOLD = "() => window.arrived.map(message => [message.type, message.contextTime])"
CHROMIUM_RATE_HZ = 48_000
BLOCK = 128  # samples: one block of the audio thread
PAUSE_LIMIT_S = 0.060
SPOKEN = ("what time is it", "tell me a story", "wait stop", "goodbye")
# Each phrase falls into what the bot says then, except the last two: the greeting, the time, the story; a person
# reading a novel, of whom the demo understands nothing; and goodbye.
CALLER = (
    2.0, "caller/time.wav", 6.0, "caller/story.wav", 7.0, "caller/stop.wav", 7.0, "librivox_0870.flac", 7.0,
    "caller/goodbye.wav", 30.0,
)  # fmt: skip


@asynccontextmanager
async def page_with_microphone(folder: Path, pcm: bytes) -> AsyncIterator[Page]:
    """A page whose microphone plays a recording once, and whose output can be looked at."""
    microphone = folder / "caller.wav"
    samples = soxr.resample(np.frombuffer(pcm, np.int16), RATE_HZ, CHROMIUM_RATE_HZ)
    soundfile.write(microphone, samples, CHROMIUM_RATE_HZ)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*FLAGS, f"--use-file-for-fake-audio-capture={microphone}%noloop"]
        )
        context = await browser.new_context(viewport={"width": 1280, "height": 800}, bypass_csp=True)
        await context.grant_permissions(["microphone"])
        page = await context.new_page()
        await page.add_init_script(LISTEN)
        yield page
        await browser.close()


def bubbles(page: Page, role: str, text: str) -> Locator:
    """The bubbles of a role that hold a text."""
    return page.locator(f".bubble[data-role={role}] .words").filter(has_text=re.compile(text, re.IGNORECASE))


async def test_a_person_speaks_is_answered_interrupts_and_is_understood(tmp_path: Path) -> None:
    config = tmp_path / "voicewire.toml"
    config.write_text('log_level = "DEBUG"\n')
    async with serving(config) as server, page_with_microphone(tmp_path, recording(CALLER)) as page:
        await page.goto(server.url)
        await page.click("#talk")
        for text in SPOKEN:
            await expect(bubbles(page, "user", text).first).to_be_visible(timeout=40_000)
        await expect(page.locator("#phase")).to_contain_text(re.compile("ended", re.IGNORECASE), timeout=20_000)
        words = await page.locator(".bubble[data-role=assistant] .words").all_text_contents()
        said = " | ".join(words)
        assert re.search(r"It is \w+", said), "the time was told"
        assert re.search(r"story", said), "the story began"
        assert re.search(r"sorry|not (catch|understand)", said, re.IGNORECASE), f"nothing was guessed: {said}"
        assert re.search(r"bye", said, re.IGNORECASE), "it said goodbye before it hung up"
        assert await page.locator(".bubble .cut").count() >= 2, "greeting and story were interrupted"
        await check_sound(page)
        await page.screenshot(path=str(tmp_path / "page.png"))


async def check_sound(page: Page) -> None:
    """The bot was heard, and fell silent soon at each `pause`, until it went on or spoke of something else."""
    rate = await page.evaluate("() => window.output.sampleRate")
    blocks = np.array(await page.evaluate(HEARD))
    loud_s = blocks[blocks[:, 1] > 0.001][:, 0] / rate
    assert len(loud_s) * BLOCK / rate > 8.0, "the bot reached the page's output"
    told = [each for each in await page.evaluate(TOLD) if each[0] in ("pause", "resume", "clear")]
    pauses = [(at, until) for (kind, at), (_, until) in pairwise(told) if kind == "pause"]
    assert [kind for kind, _ in told].count("clear") >= 2
    assert len(pauses) >= 2
    for at, until in pauses:
        during = loud_s[(loud_s > at + PAUSE_LIMIT_S) & (loud_s < until)]
        assert not len(during), f"still audible {during[-1] - at:.3f} s after a pause"


async def test_a_killed_link_shows_and_heals(tmp_path: Path) -> None:
    brain = LocalBrain()
    url = await brain.start()
    port = int(url.split(":")[2].split("/")[0])
    config = tmp_path / "voicewire.toml"
    config.write_text(
        'stt = "scripted"\n[llm]\nname = "openai-responses"\nmodel = "brain"\nlanes = true\n' + f'url = "{url}"\n'
    )
    try:
        async with serving(config) as server, page_with_microphone(tmp_path, recording([60.0])) as page:
            await page.goto(server.url)
            await page.fill("#text", "what is nine plus five")
            await page.keyboard.press("Enter")
            await expect(bubbles(page, "assistant", "fourteen").first).to_be_visible(timeout=20_000)
            await brain.close()
            await expect(page.locator("#link")).to_contain_text(re.compile("reconnect", re.IGNORECASE), timeout=10_000)
            await page.fill("#text", "what is two times three")
            await page.keyboard.press("Enter")
            await brain.start(port=port)
            await expect(bubbles(page, "assistant", r"\bsix\b").first).to_be_visible(timeout=20_000)
            await expect(page.locator("#link")).to_have_text("Connected")
            assert await bubbles(page, "assistant", "fourteen").count() == 1
    finally:
        await brain.close()
