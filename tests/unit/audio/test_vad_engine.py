"""The engine on recorded speech, many calls at once, with a schedule turned by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import soundfile
from loguru import logger

from audio.blas import blas_threads, set_blas_threads
from audio.events import SpeechStarted, SpeechStopped
from audio.silero import BLOCK
from audio.vad import DEFAULT, FEW_CALLS, MAX_WAITING_CHUNKS, MOST_UNHEARD_MS, TICK_S, VadEngine, VadOptions, VadStream
from audio.voice_end import MOST_MS

if TYPE_CHECKING:
    from audio.services import VoiceActivity

    def meets_the_protocol(stream: VadStream) -> VoiceActivity:
        return stream


Fact = SpeechStarted | SpeechStopped
RECORDINGS = Path(__file__).parents[2] / "data"
FRAME_BYTES = 640  # 20 ms at 16 kHz
CHUNK_BYTES = 1024


class HandCrank:
    """A schedule without a loop: `turn()` calls back all that was scheduled before, in order, whatever the delay."""

    def __init__(self) -> None:
        self.due: list[tuple[float, Callable[[], None]]] = []

    def __call__(self, delay_s: float, callback: Callable[[], None]) -> None:
        self.due.append((delay_s, callback))

    @property
    def delays(self) -> list[float]:
        return [delay for delay, _ in self.due]

    def turn(self) -> None:
        due, self.due = self.due, []
        for _, callback in due:
            callback()

    def turn_until_quiet(self) -> int:
        turns = 0
        while self.due:
            self.turn()
            turns += 1
        return turns


class Caller:
    """One call: its stream, and the facts it was told, with the bytes fed by then; silences up to a chunk's end."""

    def __init__(self, engine: VadEngine, options: VadOptions = DEFAULT) -> None:
        self.facts: list[tuple[int, Fact]] = []
        self.fed = 0
        self.stream = engine.open(self.hear, options)

    def hear(self, fact: Fact) -> None:
        if isinstance(fact, SpeechStopped) and self.stream.slot is not None:
            fact = SpeechStopped(fact.silence_ms - min(self.stream.unheard_ms, MOST_UNHEARD_MS))
        self.facts.append((self.fed, fact))

    def feed(self, pcm: bytes) -> None:
        self.fed += len(pcm)
        self.stream.feed(pcm)

    @property
    def heard(self) -> list[Fact]:
        return [fact for _, fact in self.facts]


@cache
def pcm(name: str = "sb_vad_train") -> bytes:
    """A recording, and half a second of silence."""
    samples, rate_hz = soundfile.read(RECORDINGS / f"{name}.flac", dtype="int16")
    assert rate_hz == 16000
    return bytes(samples.tobytes()) + bytes(16000)


def frames(audio: bytes, size: int = FRAME_BYTES) -> Iterator[bytes]:
    return (audio[at : at + size] for at in range(0, len(audio), size))


@cache
def heard_alone(name: str = "sb_vad_train") -> list[Fact]:
    crank = HandCrank()
    caller = Caller(VadEngine(16000, crank))
    for frame in frames(pcm(name)):
        caller.feed(frame)
        crank.turn()
    assert len(caller.heard) >= 2
    return caller.heard


@contextmanager
def errors_logged() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lines.append, level="ERROR", format="{message}")
    try:
        yield lines
    finally:
        logger.remove(sink)


def test_a_voice_goes_on_and_off() -> None:
    """The long recording: the facts alternate, and each says how much audio it took to decide."""
    heard = heard_alone("silero_test")
    assert len(heard) > 20
    assert all(isinstance(fact, SpeechStarted if i % 2 == 0 else SpeechStopped) for i, fact in enumerate(heard))
    assert {fact.voiced_ms for fact in heard if isinstance(fact, SpeechStarted)} == {64}
    assert all(200 <= fact.silence_ms <= 224 + MOST_MS for fact in heard if isinstance(fact, SpeechStopped))


def test_it_hears_the_segments_that_people_marked() -> None:
    """Annotated: 0.52-0.85 s, 1.32-1.83 s, 2.35-3.70 s. Heard soon after each begins, and over soon after it ends."""
    crank = HandCrank()
    caller = Caller(VadEngine(16000, crank))
    for frame in frames(pcm("sb_vad_train")):
        caller.feed(frame)
        crank.turn()
    marked = [0.52, 0.85, 1.32, 1.83, 2.35, 3.70]
    late_s = [fed / 32000 - at for (fed, _), at in zip(caller.facts, marked, strict=False)]
    assert len(late_s) == 6
    assert all(0.02 < late < 0.13 for late in late_s[0::2])
    assert all(0.2 < late < 0.3 for late in late_s[1::2])


@pytest.mark.parametrize("size", [1, 333, 640, 1024, 5001, 60000])
def test_frames_of_any_length_are_heard_alike(size: int) -> None:
    crank = HandCrank()
    caller = Caller(VadEngine(16000, crank))
    for frame in frames(pcm(), size):
        caller.feed(frame)
        crank.turn_until_quiet()
    assert caller.heard == heard_alone()


def test_many_calls_hear_what_each_hears_alone() -> None:
    """70 calls, more than two blocks and than the first slots, begin one after the other, and share every tick."""
    names = ["sb_vad_train", "librivox_0870", "sb_spk1_snt1"]
    crank = HandCrank()
    engine = VadEngine(16000, crank, capacity=4)
    callers: list[Caller] = []
    streams = [list(frames(pcm(names[i % 3]))) for i in range(70)]
    for turn in range(max(map(len, streams)) + 70):
        if turn < 70:
            callers.append(Caller(engine))
        for i, caller in enumerate(callers):
            if turn - i < len(streams[i]):
                caller.feed(streams[i][turn - i])
        crank.turn()
    crank.turn_until_quiet()
    assert engine.open_streams == 70
    assert [caller.heard for caller in callers] == [heard_alone(names[i % 3]) for i in range(70)]


def test_eight_kilohertz_has_its_own_weights() -> None:
    crank = HandCrank()
    caller = Caller(VadEngine(8000, crank))
    samples, _ = soundfile.read(RECORDINGS / "librivox_0870.flac", dtype="int16")
    caller.feed(samples[::2].tobytes()[: 2 * 2 * 8000])  # crude, and speech all the same
    crank.turn_until_quiet()
    assert isinstance(caller.heard[0], SpeechStarted)


def test_an_engine_holds_blas_to_one_thread() -> None:
    set_blas_threads(2)
    VadEngine(16000, HandCrank())
    assert blas_threads() == 1


def test_few_calls_wait_for_nobody_and_many_share_a_tick() -> None:
    crank = HandCrank()
    engine = VadEngine(16000, crank)
    callers = [Caller(engine) for _ in range(FEW_CALLS)]
    callers[0].feed(bytes(CHUNK_BYTES - 2))
    assert crank.delays == [], "no chunk is whole"
    callers[0].feed(bytes(2))
    assert crank.delays == [0.0]
    crank.turn_until_quiet()
    callers.append(Caller(engine))
    for caller in callers:
        caller.feed(bytes(CHUNK_BYTES))
    assert crank.delays == [TICK_S], "one tick for all"
    assert 0.010 <= TICK_S <= 0.020
    crank.turn()
    assert crank.delays == []
    callers.pop().stream.close()
    callers[0].feed(bytes(CHUNK_BYTES))
    assert crank.delays == [0.0]


def test_one_tick_serves_all_calls() -> None:
    crank = HandCrank()
    engine = VadEngine(16000, crank)
    callers = [Caller(engine) for _ in range(2 * BLOCK + 6)]
    for caller in callers:
        caller.feed(bytes(CHUNK_BYTES))
    crank.turn()
    assert not any(caller.stream.waiting_chunks for caller in callers)
    assert crank.due == []


def test_a_call_with_much_to_catch_up_takes_one_chunk_a_turn() -> None:
    """So that nobody else's audio waits while a burst is worked off; and no tick is waited for in between."""
    crank = HandCrank()
    engine = VadEngine(16000, crank)
    behind, *_ = (Caller(engine) for _ in range(FEW_CALLS + 1))
    behind.feed(bytes(10 * CHUNK_BYTES))
    for waiting in range(10, 0, -1):
        assert behind.stream.waiting_chunks == waiting
        assert crank.delays == [TICK_S if waiting == 10 else 0.0]
        crank.turn()
    assert crank.due == []


def test_what_is_too_far_behind_is_dropped_oldest_first_and_counted() -> None:
    crank = HandCrank()
    engine = VadEngine(16000, crank)
    burst, patient, other = Caller(engine), Caller(engine), Caller(engine)
    speech = pcm("silero_test")[: 100 * CHUNK_BYTES]
    burst.feed(speech[: MAX_WAITING_CHUNKS * CHUNK_BYTES])
    assert (burst.stream.dropped_chunks, engine.dropped_chunks) == (0, 0)
    burst.feed(speech[MAX_WAITING_CHUNKS * CHUNK_BYTES :])
    other.feed(bytes((MAX_WAITING_CHUNKS + 1) * CHUNK_BYTES))
    assert (burst.stream.dropped_chunks, other.stream.dropped_chunks, engine.dropped_chunks) == (36, 1, 37)
    assert crank.turn_until_quiet() == MAX_WAITING_CHUNKS
    for frame in frames(speech[36 * CHUNK_BYTES :]):  # what was kept is the newest
        patient.feed(frame)
        crank.turn_until_quiet()
    assert burst.heard == patient.heard != []


SHARP = VadOptions(threshold_on=0.9, start_ms=0)
MID_SPEECH = int(2.9 * 32000)


def speak(caller: Caller, crank: HandCrank) -> None:
    """Have a call in the middle of speech, where its memory takes the next chunk for speech at once."""
    for frame in frames(pcm()[:MID_SPEECH]):
        caller.feed(frame)
        crank.turn_until_quiet()
    assert isinstance(caller.heard[-1], SpeechStarted)


def chunks_until_heard(caller: Caller, crank: HandCrank) -> int:
    """How many chunks from the middle of speech it takes; with a memory of speech it is one."""
    caller.facts.clear()
    for count, chunk in enumerate(frames(pcm()[MID_SPEECH:], CHUNK_BYTES), start=1):
        caller.feed(chunk)
        crank.turn_until_quiet()
        if caller.facts:
            return count
    raise AssertionError("not heard at all")


def test_after_a_reset_a_call_hears_as_if_new() -> None:
    crank = HandCrank()
    engine = VadEngine(16000, crank)
    caller = Caller(engine, SHARP)
    speak(caller, crank)
    caller.facts.clear()
    caller.feed(pcm()[MID_SPEECH:][:20000])
    caller.stream.reset()
    caller.stream.reset()
    crank.turn_until_quiet()
    assert caller.heard == [SpeechStopped(silence_ms=0)], "of the audio before the reset nothing is heard"
    assert chunks_until_heard(caller, crank) == chunks_until_heard(Caller(engine, SHARP), crank) == 3


def test_a_slot_is_used_again_with_nothing_of_the_call_before() -> None:
    crank = HandCrank()
    engine = VadEngine(16000, crank, capacity=1)
    first = Caller(engine, SHARP)
    speak(first, crank)
    used = first.stream.slot
    first.stream.close()
    second = Caller(engine, SHARP)
    assert second.stream.slot == used
    assert chunks_until_heard(second, crank) == 3


def test_a_call_may_close_between_its_audio_and_the_tick() -> None:
    crank = HandCrank()
    engine = VadEngine(16000, crank)
    leaving, staying = Caller(engine), Caller(engine)
    for frame in frames(pcm()):
        leaving.feed(frame)
        staying.feed(frame)
        if staying.fed == 20 * FRAME_BYTES:
            leaving.stream.close()
            leaving.stream.close()
            leaving.stream.reset()
        crank.turn()
    crank.turn_until_quiet()
    assert leaving.heard == [fact for fed, fact in staying.facts if fed < 20 * FRAME_BYTES]
    assert staying.heard == heard_alone()
    assert engine.open_streams == 1
    staying.stream.close()
    assert engine.open_streams == 0


def test_a_callback_may_close_other_calls_and_open_new_ones() -> None:
    crank = HandCrank()
    engine = VadEngine(16000, crank, capacity=3)
    opened: list[Caller] = []

    class Meddler(Caller):
        def hear(self, fact: Fact) -> None:
            super().hear(fact)
            if not opened:
                victim.stream.close()
                opened.append(Caller(engine))  # in the slot that the victim has just left

    meddler = Meddler(engine)
    victim = Caller(engine)
    for frame in frames(pcm()):
        meddler.feed(frame)
        victim.feed(frame)
        crank.turn()
    assert victim.heard == []
    assert meddler.heard == heard_alone()
    for frame in frames(pcm()):
        opened[0].feed(frame)
        crank.turn_until_quiet()
    assert opened[0].heard == heard_alone()


def test_a_callback_may_feed_its_own_call() -> None:
    crank = HandCrank()
    engine = VadEngine(16000, crank)

    class Echo(Caller):
        def hear(self, fact: Fact) -> None:
            super().hear(fact)
            self.stream.feed(bytes(8 * CHUNK_BYTES))

    echo = Echo(engine)
    for frame in frames(pcm()[:60000]):
        echo.feed(frame)
        crank.turn()
    crank.turn_until_quiet()
    assert len(echo.heard) >= 2
    assert echo.stream.waiting_chunks == 0


def test_a_call_that_fails_to_handle_a_fact_hurts_nobody_else() -> None:
    crank = HandCrank()
    engine = VadEngine(16000, crank)

    class Clumsy(Caller):
        def hear(self, fact: Fact) -> None:
            super().hear(fact)
            raise RuntimeError("a bug in a session")

    clumsy, careful = Clumsy(engine), Caller(engine)
    with errors_logged() as lines:
        for frame in frames(pcm()):
            clumsy.feed(frame)
            careful.feed(frame)
            crank.turn()
    assert careful.heard == heard_alone()
    assert clumsy.heard == heard_alone()
    assert len(lines) == len(clumsy.heard)
    assert "a call failed to handle SpeechStarted" in lines[0]
    assert "a bug in a session" in lines[0]


def test_options_are_each_calls_own() -> None:
    crank = HandCrank()
    engine = VadEngine(16000, crank)
    usual, deaf = Caller(engine), Caller(engine, VadOptions(threshold_on=0.9999))
    hasty = Caller(engine, VadOptions(start_ms=32, stop_ms=32))
    for frame in frames(pcm()):
        for caller in (usual, deaf, hasty):
            caller.feed(frame)
        crank.turn()
    assert usual.heard == heard_alone()
    assert len(deaf.heard) < len(usual.heard)
    assert SpeechStarted(voiced_ms=32) in hasty.heard
    assert any(isinstance(fact, SpeechStopped) and fact.silence_ms < 100 for fact in hasty.heard)


@pytest.mark.asyncio
async def test_the_loops_call_later_is_a_schedule() -> None:
    told: asyncio.Queue[Fact] = asyncio.Queue()
    VadEngine(16000, asyncio.get_running_loop().call_later).open(told.put_nowait).feed(pcm()[:60000])
    assert told.empty(), "nothing is said from within feed"
    assert await told.get() == SpeechStarted(voiced_ms=64)
