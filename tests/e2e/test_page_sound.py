"""The page's ears and mouth: what its microphone sends, what its speaker plays, and the exactness of its accounts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.e2e.page_browser import TONE_HZ, Stand, Visit
from tests.e2e.page_server import ROOT, PageCall

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

RATE = 24000
FADE = 128  # samples: one block of the audio thread
LISTEN = (ROOT / "tests" / "e2e" / "listen.js").read_text()
HEARD = "() => window.heard.at(-1).map(block => [block.frame, Array.from(block.samples)])"
ARRIVED = "type => window.arrived.filter(message => message.type === type).map(message => message.contextTime)"
# The recorder's last blocks are still on their way when the page has already reported.
CAUGHT_UP = """count => window.heard.at(-1).reduce(
  (sum, block) => sum + block.samples.filter(sample => sample !== 0).length, 0) >= count"""
SILENT = "() => window.heard.at(-1).slice(-20).every(block => block.samples.every(sample => sample === 0))"


class Output(NamedTuple):
    """What left the playback worklet: `samples` that were not silent, and the frame of the context at each."""

    frames: NDArray[np.int64]
    samples: NDArray[np.float64]


def ramp(samples: int) -> bytes:
    """PCM16 in which each sample tells its place, and none is zero."""
    return (1 + np.arange(samples) % 30000).astype("<i2").tobytes()


@asynccontextmanager
async def listening(stand: Stand) -> AsyncIterator[tuple[Visit, PageCall]]:
    """A call on a page whose output is recorded."""
    async with stand.visit(script=LISTEN) as visit:
        yield visit, await visit.talk()


async def output(visit: Visit, count: int) -> Output:
    """The page's output, once so many samples of it were heard."""
    await visit.page.wait_for_function(CAUGHT_UP, arg=count)
    blocks = await visit.page.evaluate(HEARD)
    frames = np.concatenate([frame + np.arange(len(samples)) for frame, samples in blocks])
    samples = np.concatenate([samples for _, samples in blocks])
    return Output(frames[samples != 0], samples[samples != 0])


async def silence_ms(visit: Visit, message: str, frames: NDArray[np.int64]) -> float:
    """From the arrival of a message in the page to the last sample before the first silence after it."""
    [arrived_s] = await visit.page.evaluate(ARRIVED, message)
    gaps = np.append(np.flatnonzero(np.diff(frames) > 1), len(frames) - 1)
    ends_s = (frames[gaps] + 1) / RATE
    return float(min(end for end in ends_s if end > arrived_s - 0.02) - arrived_s) * 1000


async def test_the_microphone_is_sent_at_16_khz(stand: Stand) -> None:
    async with stand.visit() as visit:
        call = await visit.talk()
        pcm = np.frombuffer(await call.heard(32000), "<i2")[16000:32000]
        spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
        assert abs(int(spectrum.argmax()) - TONE_HZ) <= 2
        assert set(call.audio_bytes) == {1024}, "messages of 32 ms"


async def test_all_that_was_sent_is_played_once_in_order_and_reported(stand: Stand) -> None:
    async with listening(stand) as (visit, call):
        for start in range(0, 12000, 960):
            await call.audio(ramp(12000)[start * 2 : (start + 960) * 2])
        await call.expect("played", samples=12000)
        heard = await output(visit, 12000)
        assert len(heard.samples) == 12000
        whole = np.round(heard.samples[FADE:-FADE] * 32768).astype(int)
        assert (whole == 1 + np.arange(FADE, 12000 - FADE)).all()
        assert (np.diff(heard.frames) == 1).all(), "without a gap"


async def test_a_clear_silences_and_the_account_is_exact(stand: Stand) -> None:
    async with listening(stand) as (visit, call):
        await call.audio(ramp(RATE * 3))
        assert (await call.expect("played"))["samples"] > 0
        await call.send("clear")
        cleared = (await call.expect("cleared"))["samples"]
        assert 0 < cleared < RATE * 3
        heard = await output(visit, cleared)
        assert len(heard.samples) == cleared
        assert await silence_ms(visit, "clear", heard.frames) <= 60
        await call.audio(ramp(4800))
        await call.expect("played", samples=cleared + 4800)
        assert len((await output(visit, cleared + 4800)).samples) == cleared + 4800


async def test_each_clear_is_answered(stand: Stand) -> None:
    async with listening(stand) as (_, call):
        await call.send("clear")
        await call.expect("cleared", samples=0)
        await call.audio(ramp(2400))
        await call.expect("played", samples=2400)
        await call.send("clear")
        await call.expect("cleared", samples=2400)


async def test_a_pause_silences_and_loses_nothing(stand: Stand) -> None:
    async with listening(stand) as (visit, call):
        await call.audio(ramp(12000))
        await call.expect("played")
        await call.send("pause")
        await call.audio(ramp(4800))
        await visit.page.wait_for_function(SILENT)
        held = len((await output(visit, 1)).samples)
        await call.expect("played", samples=held)
        await call.send("resume")
        await call.expect("played", samples=12000 + 4800)
        heard = await output(visit, 12000 + 4800)
        assert len(heard.samples) == 12000 + 4800
        assert held < 12000
        assert await silence_ms(visit, "pause", heard.frames) <= 60


async def test_counts_begin_anew_with_each_call(stand: Stand) -> None:
    async with listening(stand) as (visit, call):
        await call.audio(ramp(2400))
        await call.expect("played", samples=2400)
        call.drop()
        second = await stand.server.call()
        await second.ready()
        await second.audio(ramp(4800))
        await second.expect("played", samples=4800)
        assert len((await output(visit, 4800)).samples) == 4800


async def test_the_server_may_choose_another_rate(stand: Stand) -> None:
    async with stand.visit(script=LISTEN) as visit:
        call = await visit.talk(output_sample_rate=16000)
        await call.audio(ramp(8000))
        await call.expect("played", samples=8000)
        assert await visit.page.evaluate("window.output.sampleRate") == 16000
