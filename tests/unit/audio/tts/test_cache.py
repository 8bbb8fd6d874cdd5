"""Fixed sentences are made once, kept whole or not at all, and come in order with what is not kept."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from audio.events import Word
from audio.services import Sink, TextToSpeech, Utterance
from audio.tts.cache import CachedVoice, Sentence, SentenceCache
from audio.tts.scripted import ScriptedTextToSpeech
from link.inbox import Inbox
from link.tasks import Spawn, Task, Work
from tests.unit.audio.tts.sinks import SpeakingCall
from tests.virtual.loop import run

RATE_HZ = 8000
GREETING = "Hello there, this is the shop."
FIXED = frozenset({GREETING})
A_SENTENCE = Sentence(b"\1\0" * 800, (Word(0.0, 5), Word(50.0, 11)))


def cache(folder: Path, voice: str = "v", max_bytes: int = 1 << 20) -> SentenceCache:
    folder.mkdir(parents=True, exist_ok=True)
    return SentenceCache(folder, voice, RATE_HZ, max_bytes)


class BreakingVoice:
    """Gives half of what it is to say, and fails."""

    rate_hz = RATE_HZ

    async def run(self, inbox: Inbox[Utterance], sink: Sink, spawn: Spawn) -> None:
        """Break off each utterance."""
        while True:
            utterance = await inbox.get()
            await sink.audio(utterance.frame, b"\1\0" * 800)
            sink.failed(utterance.frame, "broken")

    def close(self) -> None:
        """Nothing is held."""


class Call:
    """A call with a cached voice in front of a slow one, while it is entered."""

    def __init__(self, folder: Path, voice: TextToSpeech | None = None, delay_ms: int = 500) -> None:
        voice = voice or ScriptedTextToSpeech(RATE_HZ, ms_per_char=20, delay_ms=delay_ms)
        self._voice = CachedVoice(voice, cache(folder), FIXED)
        self._tasks: list[Task] = []

    async def __aenter__(self) -> SpeakingCall:
        self._call = SpeakingCall(self._voice, self._spawn)
        return self._call

    async def __aexit__(self, *_: object) -> None:
        await self._call.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Work) -> Task:
        self._tasks.append(asyncio.ensure_future(work))
        return self._tasks[-1]


def now() -> float:
    return asyncio.get_running_loop().time()


# --- the folder -------------------------------------------------------------------------------------------------------


def test_a_sentence_is_found_by_another_process(tmp_path: Path) -> None:
    cache(tmp_path / "new" / "folder").put("Hi.", A_SENTENCE)
    assert cache(tmp_path / "new" / "folder").get("Hi.") == A_SENTENCE


def test_another_text_voice_or_rate_is_another_sentence(tmp_path: Path) -> None:
    cache(tmp_path).put("Hi.", A_SENTENCE)
    assert cache(tmp_path).get("Hi!") is None
    assert cache(tmp_path, "w").get("Hi.") is None
    assert SentenceCache(tmp_path, "v", 16000).get("Hi.") is None


@pytest.mark.parametrize("kind", ["wav", "json"])
@pytest.mark.parametrize("harm", ["gone", "empty", "half"])
def test_half_a_sentence_is_none(tmp_path: Path, kind: str, harm: str) -> None:
    cache(tmp_path).put("Hi.", A_SENTENCE)
    (file,) = tmp_path.glob(f"*.{kind}")
    content = file.read_bytes()
    file.write_bytes(b"" if harm == "empty" else content[: len(content) // 2])
    if harm == "gone":
        file.unlink()
    assert cache(tmp_path).get("Hi.") is None
    cache(tmp_path).put("Hi.", A_SENTENCE)
    assert cache(tmp_path).get("Hi.") == A_SENTENCE


def test_the_oldest_go_when_there_is_no_room(tmp_path: Path) -> None:
    for n in range(6):
        cache(tmp_path, max_bytes=6000).put(f"Sentence {n}.", A_SENTENCE)
        for file in tmp_path.iterdir():
            os.utime(file, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns - 10**9))
    kept = [n for n in range(6) if cache(tmp_path).get(f"Sentence {n}.")]
    assert kept == [3, 4, 5]
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 6000


def test_files_of_others_are_not_touched_and_do_not_count(tmp_path: Path) -> None:
    theirs = [tmp_path / name for name in ("mine.wav", "notes.json", "0123456789abcdef.wav", f"{'x' * 40}.wav")]
    for file in theirs:
        file.write_bytes(bytes(5000))
        os.utime(file, (1, 1))
    cache(tmp_path, max_bytes=4000).put("Hi.", A_SENTENCE)
    assert [file for file in theirs if not file.exists()] == []
    assert cache(tmp_path).get("Hi.") == A_SENTENCE


def test_nothing_unfinished_is_left(tmp_path: Path) -> None:
    cache(tmp_path).put("Hi.", A_SENTENCE)
    assert sorted(file.suffix for file in tmp_path.iterdir()) == [".json", ".wav"]


def test_a_disk_that_takes_nothing_is_no_failure(tmp_path: Path) -> None:
    kept = cache(tmp_path / "a")
    (tmp_path / "a").rmdir()
    kept.put("Hi.", A_SENTENCE)
    assert kept.get("Hi.") == A_SENTENCE


# --- the voice --------------------------------------------------------------------------------------------------------


def test_the_second_call_does_not_wait(tmp_path: Path) -> None:
    async def main() -> None:
        async with Call(tmp_path) as call:
            assert await call.speak(1, GREETING) == "done"
            first = (call.sink.pcm[1], call.sink.words[1])
        async with Call(tmp_path) as call:
            since = now()
            assert await call.speak(1, GREETING) == "done"
            assert now() == since
            assert (call.sink.pcm[1], call.sink.words[1]) == first

    run(main())


def test_what_is_not_fixed_is_not_kept(tmp_path: Path) -> None:
    async def main() -> None:
        async with Call(tmp_path) as call:
            await call.speak(1, "Your order is on its way.")

    run(main())
    assert list(tmp_path.iterdir()) == []


def test_frames_stay_in_order(tmp_path: Path) -> None:
    async def main() -> None:
        cache(tmp_path).put(GREETING, A_SENTENCE)
        async with Call(tmp_path) as call:
            for frame, text in enumerate(("One.", GREETING, "Two.", GREETING)):
                call.say(frame, text)
            await call.sink.end_of(3)
            assert call.sink.ends == [(frame, "done") for frame in range(4)]

    run(main())


def test_a_frame_that_is_not_wanted_stands_in_nobodys_way(tmp_path: Path) -> None:
    async def main() -> None:
        cache(tmp_path).put(GREETING, A_SENTENCE)
        async with Call(tmp_path, delay_ms=5000) as call:
            call.say(1, "One.")
            call.say(2, GREETING)
            await asyncio.sleep(0.1)
            call.sink.dropped.add(1)
            since = now()
            assert await call.sink.end_of(2) == "done"
            assert now() - since < 0.1

    run(main())


def test_a_barge_in_ends_a_kept_sentence_and_keeps_no_half_of_one(tmp_path: Path) -> None:
    async def main() -> None:
        async with Call(tmp_path) as call:
            call.say(1, GREETING)
            call.sink.room.clear()
            await call.sink.waiting.wait()
            call.sink.dropped.add(1)
            call.sink.room.set()
            await call.speak(2, "Yes.")
        assert cache(tmp_path).get(GREETING) is None
        cache(tmp_path).put(GREETING, A_SENTENCE)
        async with Call(tmp_path) as call:
            call.sink.room.clear()
            call.say(1, GREETING)
            await call.sink.waiting.wait()
            call.sink.dropped.add(1)
            call.sink.room.set()
            assert await call.speak(2, "Yes.") == "done"
            assert call.sink.ends == [(2, "done")]

    run(main())


def test_a_sentence_that_broke_off_is_not_kept(tmp_path: Path) -> None:
    async def main() -> None:
        async with Call(tmp_path, BreakingVoice()) as call:
            assert await call.speak(1, GREETING) == "broken"
        assert cache(tmp_path).get(GREETING) is None

    run(main())
