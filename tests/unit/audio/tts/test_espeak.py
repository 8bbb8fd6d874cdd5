"""The embedded voice: the real espeak-ng in its real process."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from audio.tts import worker_voice
from audio.tts.espeak import espeak_voices
from audio.tts.espeak_ng import RATE_HZ
from audio.tts.worker_voice import MAX_TEXT_CHARS, VoicePool
from link.errors import ConfigError, Overloaded
from tests.unit.audio.tts.sinks import SpeakingCall

THREE_SENTENCES = "The first one is here. The second one follows it, slowly. And the third one ends it."

NASTY = [
    "Hello, this is the bicycle shop.",
    "It costs $3.14, i.e. about €1,200.50 or £3.5 million — 15% off!",
    "Call (555) 123-4567 or +1 555 123 4567 at 9:30 a.m. Tomorrow, 9:05 pm, 14:00, 10am.",
    "Mail bob.smith42@example.co.uk or see https://www.example.com/a/b?c=1. Then www.foo.org!",
    "It’s “fine” — really… don't worry...  He said: ‘hi’.",  # noqa: RUF001
    "**Bold**, *it*, `code`, _under_ and snake_case and ~~strike~~.",
    "# Heading\n\n- one\n- [x] two\n\n1. First\n2. Second",
    'See [our site](https://x.y/z "t") now. 👋🏽 Bye 👨\u200d👩\u200d👧!',
    "On March 5, 2024 and 2024-12-25 and 3/4/2023; in 1984, the 1990s, 21st, 3rd, 112th.",
    "1/2 cup, 3/4, 24/7, 2½ miles, -5°C, 98.6°F, 60 mph, 5 km, 100 km/h, 3x4, 5 - 3, 5-7, 2+2=4.",
    "B2B mp3 COVID-19 iPhone15 v1.2.3 192.168.0.1 007 .5 1234567890 3:1 #1 ~5 A&B AT&T C++ @home.",
    "Mr. Smith vs. Dr. Who, St. Louis, etc. No. 5. e.g. this.",
    "Café naïve e\u0301clair ﬁne ２３ Ａ №5 ™ © ² x² ½",  # noqa: RUF001
    "(hello) word(s) f() a/b and/or {x} [y] <z> | a | b |",
    "你好。世界！",  # noqa: RUF001
    "Привет мир, مرحبا and back.",
    "Hello.World a,b end?! What??",
    "I'm going to be in the house, at a time, of the people, do not.",
    "  leading and trailing  \n",
    "well-known four-five twenty-four co-op re-enter",
    "A b c. W W W. X.",
    "WOW! AMAZING!!! NO WAY???",
    "xkcd brrr pfft hmm zzz",
    "one,two;three:four",
    "word -- word --- word – word — word―word",  # noqa: RUF001
    "'quoted' \"double\" ''two'' o'clock rock 'n' roll dogs' can't've",
    "Zero\u200bwidth soft\u00adhyphen no\u00a0break tab\tnew\r\nline",
    "ends with an emoji 🎉",
    "🎉 begins with one",
    "a" * 400,
    "the quick brown fox " * 40,
    "C:\\path\\file.txt and $HOME/x_y-z.tar.gz and 100% #hash @at ~ ^ ` | < >",
    "$1 $0.50 $1.01 12,345,678,901 0.001 1e5 1.5x 3D 4K 5G",
]


@asynccontextmanager
async def speaking(voice: str = "en-us", slots: int = 4) -> AsyncIterator[VoicePool]:
    engine = espeak_voices(spawn=asyncio.create_task, voice=voice, slots=slots)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.close()


def samples(pcm: bytes) -> NDArray[np.int32]:
    return np.frombuffer(pcm, "<i2").astype(np.int32)


@pytest.mark.asyncio
async def test_word_times_of_nasty_sentences() -> None:
    async with speaking() as engine:
        call = SpeakingCall(engine.open())
        for frame, text in enumerate(NASTY):
            assert await call.speak(frame, text) == "done", text
            length_ms = len(call.sink.pcm[frame]) / 2 / RATE_HZ * 1000
            words = call.sink.words[frame]
            assert all(one.end < two.end and one.start_ms < two.start_ms for one, two in pairwise(words)), text
            assert words[-1].end == len(text.rstrip()), text
            assert 0 <= words[0].start_ms < 10, text
            assert words[-1].start_ms < length_ms, text
            assert all(text[: word.end] == text[: word.end].rstrip() for word in words), text
        await call.stop()


@pytest.mark.asyncio
async def test_words_come_with_the_chunk_in_which_they_begin() -> None:
    async with speaking() as engine:
        call = SpeakingCall(engine.open())
        await call.speak(1, "Hello, it is $5 — for two!")
        assert [word.end for word in call.sink.words[1]] == [6, 9, 12, 15, 21, 26]
        begin = 0.0
        for _, size, words in call.sink.chunks:
            end = begin + size / 2 / RATE_HZ * 1000
            assert all(begin - 0.1 <= word.start_ms <= end for word in words)
            begin = end
        assert len(call.sink.chunks) > 2
        await call.stop()


@pytest.mark.asyncio
async def test_silence_before_and_after_and_the_level() -> None:
    async with speaking() as engine:
        call = SpeakingCall(engine.open())
        for frame, text in enumerate(("Hello.", "Can you?", "Two of them.", "Well, yes,", "no mark")):
            await call.speak(frame, text)
            wave = np.abs(samples(call.sink.pcm[frame]))
            loud = np.flatnonzero(wave > 100)
            assert loud[0] / RATE_HZ < 0.010, text
            assert 0.1 <= (len(wave) - loud[-1]) / RATE_HZ <= 0.25, text
            assert 0.2 < wave.max() / 32768 < 0.8, text
        await call.stop()


@pytest.mark.asyncio
@pytest.mark.parametrize("text", ["", " \n", "👋", "**", "...", "!?"])
async def test_nothing_to_say(text: str) -> None:
    async with speaking() as engine:
        call = SpeakingCall(engine.open())
        assert await call.speak(1, text) == "done"
        assert call.sink.chunks == []
        await call.stop()


@pytest.mark.asyncio
async def test_a_text_that_is_too_long_is_refused() -> None:
    async with speaking() as engine:
        call = SpeakingCall(engine.open())
        assert "too long" in await call.speak(1, "a " * MAX_TEXT_CHARS)
        assert await call.speak(2, "Short.") == "done"
        await call.stop()


@pytest.mark.asyncio
async def test_a_dropped_frame_stops_and_the_next_one_is_whole() -> None:
    async with speaking() as engine:
        call = SpeakingCall(engine.open())
        await call.speak(1, "Quite another thing.")
        call.sink.room.clear()
        call.say(2, THREE_SENTENCES)
        await call.sink.waiting.wait()
        call.sink.dropped.add(2)
        call.say(3, "Never wanted.")
        call.sink.dropped.add(3)
        call.say(4, "Quite another thing.")
        call.sink.room.set()
        assert await call.sink.end_of(4) == "done"
        assert set(call.sink.pcm) == {1, 4}
        assert [word.end for word in call.sink.words[4]] == [word.end for word in call.sink.words[1]]
        assert len(call.sink.pcm[4]) == pytest.approx(len(call.sink.pcm[1]), rel=0.01)
        await call.stop()


@pytest.mark.asyncio
async def test_calls_at_once_take_turns() -> None:
    async with speaking() as engine:
        calls = [SpeakingCall(engine.open()) for _ in range(4)]
        calls[0].say(0, "This is one sentence of very many that are the same. " * 30)
        for number, call in enumerate(calls[1:], 1):
            call.say(number, f"Call number {number} speaks.")
        for number, call in enumerate(calls[1:], 1):
            assert await call.sink.end_of(number) == "done"
            assert [word.end for word in call.sink.words[number]] == [4, 11, 13, 21]
        assert calls[0].sink.ends == []
        assert await calls[0].sink.end_of(0) == "done"
        for call in calls:
            await call.stop()


@pytest.mark.asyncio
async def test_a_full_playout_holds_up_no_other_call() -> None:
    async with speaking() as engine:
        call, other = SpeakingCall(engine.open()), SpeakingCall(engine.open())
        call.sink.room.clear()
        call.say(1, THREE_SENTENCES)
        await call.sink.waiting.wait()
        assert await other.speak(1, THREE_SENTENCES) == "done"
        assert call.sink.chunks == []
        call.sink.room.set()
        assert await call.sink.end_of(1) == "done"
        assert call.sink.words[1][-1].end == len(THREE_SENTENCES)
        await call.stop()
        await other.stop()


@pytest.mark.asyncio
async def test_a_process_that_died_before_the_first_sound_is_asked_again() -> None:
    async with speaking() as engine:
        call = SpeakingCall(engine.open())
        os.kill(engine.pids()[0], signal.SIGKILL)
        assert await call.speak(1, THREE_SENTENCES) == "done"
        assert call.sink.words[1][-1].end == len(THREE_SENTENCES)
        assert call.sink.ends == [(1, "done")]
        await call.stop()


@pytest.mark.asyncio
async def test_a_process_that_died_in_the_middle_fails_the_frame_only() -> None:
    async with speaking() as engine:
        call = SpeakingCall(engine.open())
        call.sink.room.clear()
        call.say(1, THREE_SENTENCES)
        await call.sink.waiting.wait()
        os.kill(engine.pids()[0], signal.SIGKILL)
        call.sink.room.set()
        assert "ended" in await call.sink.end_of(1)
        assert await call.speak(2, "Again.") == "done"
        assert [frame for frame, _ in call.sink.ends] == [1, 2]
        await call.stop()


@pytest.mark.asyncio
async def test_a_process_that_hangs_fails_the_frame_and_its_late_audio_is_ignored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with speaking() as engine:
        call = SpeakingCall(engine.open())
        pid = engine.pids()[0]
        os.kill(pid, signal.SIGSTOP)
        with monkeypatch.context() as patch:
            patch.setattr(worker_voice, "FIRST_AUDIO_S", 0.05)
            assert "in time" in await call.speak(1, "Hello.")
        os.kill(pid, signal.SIGCONT)
        assert await call.speak(2, "Hello again.") == "done"
        assert set(call.sink.pcm) == {2}
        await call.stop()


@pytest.mark.asyncio
async def test_slots_are_counted_and_given_back() -> None:
    async with speaking(slots=1) as engine:
        call = SpeakingCall(engine.open())
        assert engine.free == 0
        with pytest.raises(Overloaded):
            engine.open()
        call.say(1, THREE_SENTENCES)
        await call.sink.waiting.wait()
        await call.stop()
        assert engine.free == 1
        again = SpeakingCall(engine.open())
        assert await again.speak(1, "Hello.") == "done"
        await again.stop()


@pytest.mark.asyncio
@pytest.mark.parametrize("voice", ["de", "en-gb+f3", "EN-US", "English (America)"])
async def test_other_voices(voice: str) -> None:
    async with speaking(voice) as engine:
        call = SpeakingCall(engine.open())
        assert await call.speak(1, "Hallo, 12 Uhr 30.") == "done"
        assert call.sink.words[1][-1].end == len("Hallo, 12 Uhr 30.")
        await call.stop()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("voice", "message"), [("gibberish", "it has .*en-us"), ("en-us+nobody", "variant"), ("", "en-us")]
)
async def test_a_wrong_voice_stops_the_start(voice: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        async with speaking(voice):
            pass


@pytest.mark.asyncio
async def test_a_missing_package_stops_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "espeakng_loader.py").write_text("raise ImportError('not here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ConfigError, match="needs the package espeakng-loader"):
        async with speaking():
            pass


def test_a_number_out_of_range() -> None:
    with pytest.raises(ConfigError, match="rate_wpm must be from 80 to 450, not 79"):
        espeak_voices(spawn=asyncio.create_task, rate_wpm=79)
    with pytest.raises(ConfigError, match="pitch"):
        espeak_voices(spawn=asyncio.create_task, pitch=100)
    with pytest.raises(ConfigError, match="volume"):
        espeak_voices(spawn=asyncio.create_task, volume=-1)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs Linux's list of loaded files")
def test_the_parent_does_not_load_the_library() -> None:
    script = "import audio.tts.espeak, pathlib; print('espeak-ng' in pathlib.Path('/proc/self/maps').read_text())"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
