"""The scripted voice: its length, its words, and reading back what was played."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

from audio.events import Word
from audio.tts.scripted import CHUNK_MS, LEVELS, Heard, ScriptedTextToSpeech, decode
from tests.unit.audio.tts.sinks import SpeakingCall

TEXT = " Hello big  world. "


async def recorded(voice: ScriptedTextToSpeech, *texts: str) -> SpeakingCall:
    """Frames 0, 1, … spoken to the end."""
    call = SpeakingCall(voice)
    for frame, text in enumerate(texts):
        assert await call.speak(frame, text) == "done"
    await call.stop()
    return call


@pytest.mark.asyncio
@pytest.mark.parametrize("rate_hz", [8000, 16000, 24000])
async def test_length_and_words(rate_hz: int) -> None:
    call = await recorded(ScriptedTextToSpeech(rate_hz), TEXT)
    assert len(call.sink.pcm[0]) == 2 * len(TEXT) * 60 * rate_hz // 1000
    assert call.sink.words[0] == [Word(0, 6), Word(420, 10), Word(720, 18)]


@pytest.mark.asyncio
async def test_chunks_hold_the_words_that_begin_in_them() -> None:
    call = await recorded(ScriptedTextToSpeech(), TEXT)
    sizes = [size for _, size, _ in call.sink.chunks]
    assert set(sizes[:-1]) == {2 * 16 * CHUNK_MS}
    assert 0 < sizes[-1] <= 2 * 16 * CHUNK_MS
    for number, (_, _, words) in enumerate(call.sink.chunks):
        assert all(number * CHUNK_MS <= word.start_ms < (number + 1) * CHUNK_MS for word in words)


@pytest.mark.asyncio
@pytest.mark.parametrize("text", ["", "  \n"])
async def test_nothing_to_say(text: str) -> None:
    call = await recorded(ScriptedTextToSpeech(), text)
    assert call.sink.chunks == []


@pytest.mark.asyncio
async def test_a_dropped_frame_stops() -> None:
    call = SpeakingCall(ScriptedTextToSpeech())
    call.sink.room.clear()
    call.say(1, TEXT)
    await call.sink.waiting.wait()
    call.sink.dropped.update({1, 2})
    call.sink.room.set()
    call.say(2, TEXT)
    assert await call.speak(3, TEXT) == "done"
    assert set(call.sink.pcm) == {3}
    assert call.sink.ends == [(3, "done")]
    await call.stop()


@pytest.mark.asyncio
async def test_a_frame_dropped_in_the_delay_is_not_spoken() -> None:
    call = SpeakingCall(ScriptedTextToSpeech(delay_ms=1))
    call.say(1, TEXT)
    await asyncio.sleep(0)
    assert call.sink.chunks == []
    call.sink.dropped.add(1)
    assert await call.speak(2, TEXT) == "done"
    assert set(call.sink.pcm) == {2}
    await call.stop()


@pytest.mark.asyncio
async def test_the_same_text_has_the_same_samples() -> None:
    one = await recorded(ScriptedTextToSpeech(), TEXT)
    two = await recorded(ScriptedTextToSpeech(), TEXT)
    assert one.sink.pcm == two.sink.pcm


def test_decode_nothing() -> None:
    assert decode(b"") == []
    assert decode(bytes(3200)) == []


@pytest.mark.asyncio
async def test_decode_tells_frames_and_words() -> None:
    call = await recorded(ScriptedTextToSpeech(), TEXT, "I am")
    assert decode(call.sink.pcm[0] + bytes(6400) + call.sink.pcm[1]) == [
        Heard(0, 0, 420 * 16),
        Heard(0, 1, 300 * 16),
        Heard(0, 2, 420 * 16),
        Heard(1, 0, 120 * 16),
        Heard(1, 1, 120 * 16),
    ]


@pytest.mark.asyncio
async def test_decode_after_a_cut_and_a_pause() -> None:
    pcm = (await recorded(ScriptedTextToSpeech(), "Hello you")).sink.pcm[0]
    cut = 2 * 16 * 45  # in the middle of the upper half of the third period
    assert decode(pcm[:cut] + bytes(1600) + pcm[cut:]) == [
        Heard(0, 0, 45 * 16),
        Heard(0, 0, 315 * 16),
        Heard(0, 1, 180 * 16),
    ]
    assert decode(pcm[: 2 * 16 * 5]) == [Heard(0, None, 5 * 16)]
    assert decode(pcm[2 * 16 * 12 : 2 * 16 * 18]) == [Heard(None, 0, 6 * 16)]


@pytest.mark.asyncio
async def test_every_frame_and_word_survives_a_telephone_line() -> None:
    texts = [""] * 30 + ["a " * 64] + [""] * 33 + ["b"]
    call = await recorded(ScriptedTextToSpeech(ms_per_char=60), *texts)
    pcm = call.sink.pcm[30] + call.sink.pcm[64]
    line = mu_law(soxr.resample(np.frombuffer(pcm, "<i2"), 16000, 8000))
    heard = decode(line.tobytes(), 8000)
    assert [(each.frame, each.word) for each in heard] == [(30, word) for word in range(64)] + [(0, 0)]
    assert all(abs(each.samples - 960) < 40 for each in heard[:-1])


def test_the_levels_are_those_of_mu_law() -> None:
    assert len(set(LEVELS.tolist())) == 64
    assert LEVELS.max() < 4096
    assert (mu_law(LEVELS) == LEVELS).all()


def mu_law(samples: NDArray[np.integer]) -> NDArray[np.int16]:
    """There and back through G.711, by its segments."""
    loud = np.minimum(np.abs(samples.astype(np.int32)), 32635) + 132
    segment = np.floor(np.log2(loud)).astype(np.int32) - 7
    step = (loud >> (segment + 3)) & 15
    decoded: NDArray[np.int16] = (np.sign(samples) * ((((step << 3) + 132) << segment) - 132)).astype("<i2")
    return decoded
