"""How well, how fast and how soon the embedded ears understand: `python -m bench.stt`. Some forty seconds.

Any other ears: `python -m bench.stt --engine '{name = "deepgram", model = "…"}'` (bench/ears.py).

The recordings of `tests/data` go the way of a call's audio: frames of 20 ms, voice activity detection, the pre-roll,
and from there what a voice is taken to be to the worker's process. A call is new to the ears with each recording, so
they know nothing of its voice. Error rates are over all words of a set; a word that was not understood is an error.

* *fitting*: the vocabulary has what is said, among much else. *Foreign*: it does not, and little should be understood.
* Real-time factor: CPU of the worker for each second of audio that it was given, delivered as fast as it takes it.
* Finish delay: in real time, from the end of the utterance (`Finish`) to its final transcript.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from collections.abc import Callable, Sequence
from itertools import chain, product
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct

from audio.events import EarFact, Listens, SpeechLost, Transcript
from audio.files import read_sound
from audio.services import Begin, Finish, SpeechToText
from audio.stt.pocketsphinx import SLOTS, PocketSphinxEngine
from audio.vad import VadEngine
from bench.measure import cpu_s, percentile, pss_mb
from bench.speech import FRAME, FRAME_MS, NOISE, RATE_HZ, RECORDINGS
from bench.words import error_rate
from link.inbox import Inbox
from link.tasks import Task, Work
from llm.local.vocabulary import VOCABULARY
from server.call.media import EarSide

Item = bytes | Begin | Finish

RANKS = "ace two three four five six seven eight nine ten jack queen king".split()
SUITS = "clubs diamonds hearts spades".split()
ROOMS = ("living room", "kitchen", "bedroom", "bathroom", "hall")
HUMAN: tuple[str, ...] = (
    *(f"{rank} of {suit}" for rank, suit in product(RANKS, SUITS)),
    *RANKS,
    *(f"{verb} the {room} lamp" for verb, room in product(("turn on", "turn off"), ROOMS)),
    *(f"go {way} <number> meters" for way in ("forward", "backward")),
    *("turn left", "turn right", "stop", "go on", "what is in the deck", "shuffle the cards"),
    "and mister john dashwood had then leisure to consider how much there might be prudently in his power to do for"
    " them",
    "the child almost hurt the small dog",
    "and so my fellow americans ask not what your country can do for you ask what you can do for your country",
)
"""What the human recordings say, and what else callers of such agents might."""

TAIL_MS = 600  # of silence after a recording, so that the voice goes off
SAID_AT_ONCE = 4  # recordings by each of many calls
ALL = 1 << 30  # an inbox without a bound
TIMEOUT_S = 30.0
NAME = 46  # columns


class Recording(Struct, frozen=True):
    """A recording, as the ears get it: what arrives with each frame of 20 ms."""

    file: str
    text: str | None
    """What is said; None for a noise."""
    frames: tuple[tuple[Item, ...], ...] = ()

    @property
    def heard_s(self) -> float:
        """How much of it the ears get."""
        sizes = (len(item) for frame in self.frames for item in frame if isinstance(item, bytes))
        return sum(sizes) / 2 / RATE_HZ


async def recordings(kind: str, rate_hz: int = RATE_HZ, listens: Listens = "speech") -> list[Recording]:
    """Those of `tests/data` of one kind: synthetic, human, or noise, which is given to the ears as if it were voice."""
    listed = [each for each in json.loads((RECORDINGS / "speech.json").read_text()) if each["kind"] == kind]
    pcm = [read_sound(RECORDINGS / each["file"], RATE_HZ) for each in listed]
    sounds = [
        ((Begin(), sound, Finish()),) if kind == "noise" else await as_heard(sound, rate_hz, listens) for sound in pcm
    ]
    return [Recording(each["file"], each["text"], sound) for each, sound in zip(listed, sounds, strict=True)]


async def as_heard(pcm: bytes, rate_hz: int = RATE_HZ, listens: Listens = "speech") -> tuple[tuple[Item, ...], ...]:
    """What a call gives its ears of a sound, frame by frame, at their rate."""
    rng = np.random.default_rng(0)
    pcm += rng.integers(-NOISE, NOISE + 1, RATE_HZ * TAIL_MS // 1000).astype("<i2").tobytes()
    due: list[Callable[[], None]] = []
    engine = VadEngine(RATE_HZ, lambda _, callback: due.append(callback))
    inbox: Inbox[Item] = Inbox(ALL)
    ears = EarSide(RATE_HZ, rate_hz, inbox, lambda _: None, listens)
    ears.attach(engine.open(ears.on_speech), RATE_HZ)
    frames: list[tuple[Item, ...]] = []
    for at in range(0, len(pcm), 2 * FRAME):
        ears.audio(pcm[at : at + 2 * FRAME], at / 2 / RATE_HZ)
        while due:
            due.pop(0)()
        frames.append(tuple([await inbox.get() for _ in range(len(inbox))]))
    return tuple(frames)


class Call:
    """One call's ears, and what they understood."""

    def __init__(self, ears: SpeechToText) -> None:
        self._ears = ears
        self._inbox: Inbox[Item] = Inbox(ALL)
        self._finished: list[float] = []  # when each utterance was over
        self._finals: list[str] = []
        self._answered = asyncio.Event()
        self._tasks = [asyncio.ensure_future(ears.run(self._inbox, self._post, self._spawn))]
        self.delays_ms: list[float] = []

    async def hear(self, recording: Recording, *, real_time: bool) -> str:
        """Hear a recording; returns what was understood. Raises TimeoutError."""
        self._finals.clear()
        begun = time.perf_counter()
        for number, items in enumerate(recording.frames, 1):
            if real_time:
                await asyncio.sleep(max(0.0, begun + number * FRAME_MS / 1000 - time.perf_counter()))
            for item in items:
                self._inbox.put(item)
                if isinstance(item, Finish):
                    self._finished.append(time.perf_counter())
        async with asyncio.timeout(TIMEOUT_S):
            while len(self.delays_ms) < len(self._finished):
                self._answered.clear()
                await self._answered.wait()
        return " ".join(text for text in self._finals if text)

    def close(self) -> None:
        """Hang up."""
        for task in self._tasks:
            task.cancel()
        self._ears.close()

    def _spawn(self, work: Work) -> Task:
        self._tasks.append(asyncio.ensure_future(work))
        return self._tasks[-1]

    def _post(self, fact: EarFact) -> None:
        if isinstance(fact, SpeechLost):
            raise RuntimeError(f"the ears failed: {fact.reason}")
        if isinstance(fact, Transcript) and fact.final:
            if len(self.delays_ms) < len(self._finished):  # who follows turns may end one before speech does
                self.delays_ms.append((time.perf_counter() - self._finished[len(self.delays_ms)]) * 1000)
            self._finals.append(fact.text)
            self._answered.set()


class Heard(Struct, frozen=True):
    """What was understood of some recordings: pairs of what was said and understood, and the worker's CPU."""

    pairs: tuple[tuple[str, str], ...]
    cpu_s: float
    audio_s: float


async def understand(vocabulary: Sequence[str], those: Sequence[Recording]) -> Heard:
    """Let a worker of its own hear these, each as a new call, as fast as it can."""
    engine = PocketSphinxEngine(vocabulary, spawn=asyncio.ensure_future, workers=1, slots=1)
    await engine.start()
    pid = engine.pids()[0]
    begin, pairs = cpu_s(pid), []
    for recording in those:
        call = Call(engine.open())
        pairs.append((recording.text or "", await call.hear(recording, real_time=False)))
        call.close()
    taken = cpu_s(pid) - begin
    await engine.close()
    return Heard(tuple(pairs), taken, sum(each.heard_s for each in those))


async def delays(those: Sequence[Recording], calls: int, each: int) -> tuple[list[float], float]:
    """So many calls at once on one worker, that each say so many recordings in real time.

    Returns the finish delays in ms, and the worker's memory in MB with all its decoders in use.
    """
    engine = PocketSphinxEngine(VOCABULARY, spawn=asyncio.ensure_future, workers=1, slots=calls)
    await engine.start()

    async def talk(number: int) -> list[float]:
        await asyncio.sleep(number * 0.5 / calls)  # nobody speaks in time with the others
        call = Call(engine.open())
        for count in range(each):
            await call.hear(those[(number + count) % len(those)], real_time=True)
        call.close()
        return call.delays_ms

    found = await asyncio.gather(*(talk(number) for number in range(calls)))
    memory_mb = pss_mb(engine.pids()[0])
    await engine.close()
    return list(chain.from_iterable(found)), memory_mb


class Generic(Struct, frozen=True):
    """PocketSphinx as it comes: what it understood, its delays in ms, and a decoder's memory, mapped files apart."""

    heard: Heard
    delays_ms: list[float]
    memory_mb: float


def generic(those: Sequence[Recording]) -> Generic:
    """With its own language model, here in this process: nobody waits for it.

    Its delays are reckoned: each piece is begun when it has come and the one before is done.
    """
    import pocketsphinx

    decoders = [pocketsphinx.Decoder(loglevel="FATAL")]  # what decoders share is counted to the first
    empty_mb = pss_mb(os.getpid())
    decoders.append(pocketsphinx.Decoder(loglevel="FATAL"))
    pairs, delays_ms, begin = [], [], time.process_time()
    for recording in those:
        text: list[str] = []
        done_s = 0.0
        for number, item in ((number, item) for number, frame in enumerate(recording.frames, 1) for item in frame):
            came_s, began = number * FRAME_MS / 1000, time.perf_counter()
            text += _decoded(decoders[1], item)
            done_s = max(done_s, came_s) + time.perf_counter() - began
            delays_ms += [(done_s - came_s) * 1000] if isinstance(item, Finish) else []
        pairs.append((recording.text or "", " ".join(text)))
    heard = Heard(tuple(pairs), time.process_time() - begin, sum(each.heard_s for each in those))
    return Generic(heard, delays_ms, pss_mb(os.getpid()) - empty_mb)


def _decoded(decoder: Any, item: Item) -> list[str]:
    """Give it to a decoder; at the end of an utterance what it understood."""
    match item:
        case bytes():
            decoder.process_raw(item, False, False)
        case Begin():
            decoder.start_utt()
        case Finish():
            decoder.end_utt()
            return [found.hypstr] if (found := decoder.hyp()) else []
    return []


def line(name: str, value: str) -> None:
    print(f"{name:<{NAME}} {value}", flush=True)


def accuracy(name: str, heard: Heard) -> None:
    """One line: error rate and speed."""
    count = sum(len(said.split()) for said, _ in heard.pairs)
    rate = f"{100 * error_rate(heard.pairs):3.0f} % of {count:2} words wrong"
    line(name, f"{rate}, real-time factor {heard.cpu_s / heard.audio_s:.3f}")


def foreign(name: str, heard: Heard) -> None:
    """One line: how much was understood that was not said."""
    wrong = [understood.split() for said, understood in heard.pairs if understood not in ("", said)]
    some = f"{len(wrong)} of {len(heard.pairs)} recordings taken for something else ({sum(map(len, wrong))} words)"
    line(name, f"{some}, real-time factor {heard.cpu_s / heard.audio_s:.3f}")


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="the embedded ears")
    parser.add_argument("--quick", action="store_true", help="two recordings of each set, and few calls")
    parser.add_argument("--show", action="store_true", help="also what was understood of each recording")
    parser.add_argument("--engine", help="other ears: what stands behind `stt =` in a configuration")
    parser.add_argument("--config", type=Path, help="other ears: a configuration")
    options = parser.parse_args()
    if options.engine or options.config:
        from bench.ears import measure, service_of

        await measure(service_of(options.engine, options.config), quick=options.quick, show=options.show)
        return
    few = 2 if options.quick else None
    synthetic, human, noise = [(await recordings(kind))[:few] for kind in ("synthetic", "human", "noise")]
    sets = (
        ("synthetic callers, fitting vocabulary", VOCABULARY, synthetic, accuracy),
        ("human readers, fitting vocabulary", HUMAN, human, accuracy),
        ("human readers, foreign vocabulary", VOCABULARY, human, foreign),
        ("noise, taken for voice", VOCABULARY, noise, foreign),
    )
    for name, vocabulary, those, show in sets:
        heard = await understand(vocabulary, those)
        show(name, heard)
        if options.show:
            print("".join(f"    said        {said}\n    understood  {got}\n" for said, got in heard.pairs), end="")
    own = generic(human)
    accuracy("human readers, PocketSphinx's own model", own.heard)
    alone, one_mb = await delays(synthetic, 1, len(synthetic))
    calls = 2 if options.quick else SLOTS
    together, all_mb = await delays(synthetic, calls, min(SAID_AT_ONCE, len(synthetic)))
    for which, found in (
        ("calls at once: 1", alone),
        (f"calls at once: {calls}", together),
        ("own model", own.delays_ms),
    ):
        p50, p95 = percentile(found, 0.5), percentile(found, 0.95)
        line(f"finish delay, {which}", f"p50 {p50:.1f}   p95 {p95:.1f}   max {max(found):.1f} ms")
    line(f"memory of a worker with 1 / {calls} calls", f"{one_mb:.0f} / {all_mb:.0f} MB")
    line("memory of a further decoder", f"{(all_mb - one_mb) / (calls - 1):.1f} MB")
    line("the same with PocketSphinx's own model", f"{own.memory_mb:.1f} MB")


if __name__ == "__main__":
    asyncio.run(main())
