"""What the embedded voice costs and how soon it speaks: `python -m bench.tts`. Some seconds on one core."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path

from audio.events import Word
from audio.services import Utterance
from audio.tts.espeak import Espeak, EspeakEngine
from audio.tts.espeak_ng import RATE_HZ
from audio.tts.text import speakable
from link.inbox import Inbox

SENTENCES = (
    "Hello, this is the bicycle shop.",
    "We are open from 9:30 a.m. to 6 p.m., Monday to Friday.",
    "It costs $3.14, and that includes the tax.",
    "Sure, I can help you with that right away!",
    "A puncture takes about twenty minutes; a new chain takes an hour, and we can do both while you wait.",
)
LONG = "This is a long sentence about the way that things are. " * 36
DENSE = "It costs $1,234.56 or €7,890.12, 34% off until 2024-12-25 at 9:30 p.m. " * 28
HOSTILE = ("x", " ", "-", "a.", "1,", "(", "[", "@", "\n")


class Meter:
    """A sink that takes all at once and notes when."""

    def __init__(self) -> None:
        self.first: dict[int, float] = {}
        self.last: dict[int, float] = {}
        self.bytes = 0
        self.over = asyncio.Event()

    def wanted(self, frame: int) -> bool:
        return frame >= 0

    async def audio(self, frame: int, pcm: bytes, words: tuple[Word, ...] = ()) -> bool:
        del words
        self.first.setdefault(frame, time.perf_counter())
        self.bytes += len(pcm)
        return True

    def done(self, frame: int) -> None:
        self.last[frame] = time.perf_counter()
        self.over.set()

    def failed(self, frame: int, reason: str) -> None:
        raise RuntimeError(f"frame {frame}: {reason}")


class Call:
    """One call's voice and how long each utterance took, in ms: to the first audio, to the last."""

    def __init__(self, voice: Espeak) -> None:
        self.voice = voice
        self.meter = Meter()
        self.inbox: Inbox[Utterance] = Inbox(64)
        self.task = asyncio.ensure_future(voice.run(self.inbox, self.meter, asyncio.ensure_future))
        self.first_ms: list[float] = []
        self.last_ms: list[float] = []

    async def speak(self, texts: Sequence[str]) -> None:
        for text in texts:
            frame = len(self.first_ms)
            begin = time.perf_counter()
            self.meter.over.clear()
            self.inbox.put(Utterance(frame, text))
            await self.meter.over.wait()
            self.first_ms.append(1000 * (self.meter.first[frame] - begin))
            self.last_ms.append(1000 * (self.meter.last[frame] - begin))

    def audio_s(self) -> float:
        return self.meter.bytes / 2 / RATE_HZ

    def stop(self) -> None:
        self.task.cancel()
        self.voice.close()


def cpu_s(pid: int) -> float:
    """User and system time of a process (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    """Resident memory of a process (Linux)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def at(share: float, values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def line(name: str, values: list[float]) -> None:
    print(f"{name:<44} p50 {at(0.5, values):7.2f}   p95 {at(0.95, values):7.2f}   max {max(values):7.2f} ms")


async def measure() -> None:
    begin = time.perf_counter()
    engine = EspeakEngine(spawn=asyncio.create_task)
    await engine.start()
    pid = engine.pids()[0]
    started_ms = 1000 * (time.perf_counter() - begin)
    print(f"start of the process                         {started_ms:.0f} ms, {memory_mb(pid):.0f} MB")
    await one_call(engine, pid)
    await many_calls(engine, 10)
    await beside_a_long_text(engine, LONG, "2,000 plain characters")
    await beside_a_long_text(engine, DENSE, "2,000 characters of numbers")
    print(f"memory of the process at the end             {memory_mb(pid):.0f} MB")
    await engine.close()


async def one_call(engine: EspeakEngine, pid: int) -> None:
    call = Call(engine.open())
    await call.speak(SENTENCES)
    child, own, begin, audio = cpu_s(pid), time.process_time(), time.perf_counter(), call.audio_s()
    await call.speak(SENTENCES * 60)
    audio = call.audio_s() - audio
    wall = time.perf_counter() - begin
    child, own = cpu_s(pid) - child, time.process_time() - own
    line("one call: first audio", call.first_ms[5:])
    line("one call: last audio", call.last_ms[5:])
    print(f"one call: real time factor                   {wall / audio:.5f} ({audio / wall:.0f} x real time)")
    print(f"CPU per second of speech                     {1000 * child / audio:.2f} ms in the process")
    print(f"                                             {1000 * own / audio:.2f} ms in the server")
    call.stop()


async def many_calls(engine: EspeakEngine, count: int) -> None:
    calls = [Call(engine.open()) for _ in range(count)]
    await asyncio.gather(*(call.speak(SENTENCES * 20) for call in calls))
    line(f"{count} calls at once, without a break: first audio", [ms for call in calls for ms in call.first_ms])
    for call in calls:
        call.stop()


async def beside_a_long_text(engine: EspeakEngine, text: str, name: str) -> None:
    long, short = Call(engine.open()), Call(engine.open())
    task = asyncio.ensure_future(long.speak([text] * 10))
    while not task.done():
        await short.speak(SENTENCES[:1])
    line(f"beside {name}: first audio", short.first_ms)
    line(f"{name}: last audio", long.last_ms)
    long.stop()
    short.stop()


def normalising() -> None:
    texts = {"a sentence": SENTENCES[2], "2,000 plain characters": LONG, "2,000 characters of numbers": DENSE[:2000]}
    texts |= {f"5,000 of {each!r}": each * (5000 // len(each)) for each in HOSTILE}
    slowest = 0.0
    for name, text in texts.items():
        begin = time.perf_counter()
        speakable(text)
        taken = 1000 * (time.perf_counter() - begin)
        if "of '" in name:
            slowest = max(slowest, taken)
        else:
            print(f"normalising {name:<32} {taken:.2f} ms")
    print(f"normalising 5,000 hostile characters, worst  {slowest:.1f} ms")


if __name__ == "__main__":
    normalising()
    asyncio.run(measure())
