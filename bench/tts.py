"""What the embedded voice costs, how soon it speaks and how soon it stops: `python -m bench.tts`. Some ten seconds."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence

from audio.events import Word
from audio.services import Utterance
from audio.tts.espeak import espeak_voices
from audio.tts.espeak_ng import RATE_HZ
from audio.tts.text import speakable
from audio.tts.worker_voice import VoicePool, WorkerVoice
from bench.measure import cpu_s, percentile, pss_mb
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
NAME = 50  # columns
HOSTILE = ("x", " ", "-", "a.", "1,", "(", "[", "@", "\n")


class Meter:
    """A sink that takes all at once and notes when; frames that were dropped are refused."""

    def __init__(self) -> None:
        self.first: dict[int, float] = {}
        self.last: dict[int, float] = {}
        self.bytes = 0
        self.dropped: set[int] = set()
        self.begun = asyncio.Event()
        self.over = asyncio.Event()

    def wanted(self, frame: int) -> bool:
        return frame not in self.dropped

    async def audio(self, frame: int, pcm: bytes, words: tuple[Word, ...] = ()) -> bool:
        del words
        if frame in self.dropped:
            return False
        self.first.setdefault(frame, time.perf_counter())
        self.bytes += len(pcm)
        self.begun.set()
        return True

    def done(self, frame: int) -> None:
        self.last[frame] = time.perf_counter()
        self.over.set()

    def failed(self, frame: int, reason: str) -> None:
        raise RuntimeError(f"frame {frame}: {reason}")


class Call:
    """One call's voice and how long each utterance took, in ms: to the first audio, to the last."""

    def __init__(self, voice: WorkerVoice) -> None:
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

    async def interrupt(self, text: str, other: str) -> float:
        """Begin a text, drop it at its first audio, say another. Returns how long the other's took, in ms."""
        frame = len(self.first_ms)
        self.first_ms.append(0.0)
        self.last_ms.append(0.0)
        self.meter.begun.clear()
        self.inbox.put(Utterance(frame, text))
        await self.meter.begun.wait()
        self.meter.dropped.add(frame)
        await self.speak([other])
        return self.first_ms[-1]

    def audio_s(self) -> float:
        return self.meter.bytes / 2 / RATE_HZ

    def stop(self) -> None:
        self.task.cancel()
        self.voice.close()


def line(name: str, values: list[float]) -> None:
    p50, p95 = percentile(values, 0.5), percentile(values, 0.95)
    print(f"{name:<{NAME}} p50 {p50:7.2f}   p95 {p95:7.2f}   max {max(values):7.2f} ms")


async def measure(times: int) -> None:
    begin = time.perf_counter()
    engine = espeak_voices(spawn=asyncio.create_task)
    await engine.start()
    pid = engine.pids()[0]
    started_ms = 1000 * (time.perf_counter() - begin)
    print(f"{'start of the process':<{NAME}} {started_ms:.0f} ms, {pss_mb(pid):.0f} MB")
    await one_call(engine, pid, times)
    await many_calls(engine, 10, times // 3)
    for text, name in ((LONG, "2,000 plain characters"), (DENSE, "2,000 characters of numbers")):
        await interrupted(engine, text, name, times)
        await beside_a_long_text(engine, text, name, times // 6)
    print(f"{'memory of the process at the end':<{NAME}} {pss_mb(pid):.0f} MB")
    await engine.close()


async def one_call(engine: VoicePool, pid: int, times: int) -> None:
    call = Call(engine.open())
    await call.speak(SENTENCES)
    child, own, begin, audio = cpu_s(pid), time.process_time(), time.perf_counter(), call.audio_s()
    await call.speak(SENTENCES * times)
    audio = call.audio_s() - audio
    wall = time.perf_counter() - begin
    child, own = cpu_s(pid) - child, time.process_time() - own
    line("one call: first audio", call.first_ms[5:])
    line("one call: last audio", call.last_ms[5:])
    print(f"{'one call: real time factor':<{NAME}} {wall / audio:.5f} ({audio / wall:.0f} x real time)")
    print(f"{'CPU per second of speech':<{NAME}} {1000 * child / audio:.2f} ms in the process, ", end="")
    print(f"{1000 * own / audio:.2f} ms in the server")
    call.stop()


async def many_calls(engine: VoicePool, count: int, times: int) -> None:
    calls = [Call(engine.open()) for _ in range(count)]
    await asyncio.gather(*(call.speak(SENTENCES * times) for call in calls))
    line(f"{count} calls at once, without a break: first audio", [ms for call in calls for ms in call.first_ms])
    for call in calls:
        call.stop()


async def interrupted(engine: VoicePool, text: str, name: str, times: int) -> None:
    call = Call(engine.open())
    line(f"{name} dropped: next audio", [await call.interrupt(text, SENTENCES[0]) for _ in range(times)])
    call.stop()


async def beside_a_long_text(engine: VoicePool, text: str, name: str, times: int) -> None:
    long, short = Call(engine.open()), Call(engine.open())
    task = asyncio.ensure_future(long.speak([text] * times))
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
            print(f"{f'normalising {name}':<{NAME}} {taken:.2f} ms")
    print(f"{'normalising 5,000 hostile characters, worst':<{NAME}} {slowest:.1f} ms")


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser(description="the embedded voice")
    parser.add_argument("--quick", action="store_true", help="a tenth of it")
    options = parser.parse_args()
    normalising()
    asyncio.run(measure(6 if options.quick else 60))


if __name__ == "__main__":
    main()
