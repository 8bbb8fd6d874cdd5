"""What a telephone costs, in understanding and in CPU: `python -m bench.phones`. Some five minutes.

    python -m bench.phones --quick      does all of it run?

Recorded speech goes over telephone lines of many qualities (bench/phone_line.py), through the real codec, voice
activity detection at 8 kHz and PocketSphinx, beside the same recordings as they are at 16 kHz. Then: what decoding and
encoding a message costs, and a call of Twilio beside the bare parts of one (bench/phone_cost.py, bench/phone_floor.py).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

from msgspec import Struct

from audio.files import read_sound
from bench.measure import percentile
from bench.phone_cost import decoding_us, encoding_us, run
from bench.phone_line import Came, Line, Voice, over
from bench.report import aligned
from bench.run import Plan
from bench.speech import RATE_HZ, RECORDINGS
from bench.stt import HUMAN, Recording, understand
from bench.subjects import SubjectFailed
from bench.words import error_rate
from llm.local.vocabulary import VOCABULARY

CLEAN = Line("16 kHz, as recorded", RATE_HZ, mulaw=False)
JITTER_MS = 60.0
LINES = (
    CLEAN,
    Line("8 kHz", mulaw=False),
    Line("8 kHz mu-law"),
    Line("and jitter of 60 ms", jitter_ms=JITTER_MS),
    Line("and 1 % lost", loss=0.01, jitter_ms=JITTER_MS),
    Line("and 3 % lost", loss=0.03, jitter_ms=JITTER_MS),
    Line("and 5 % lost", loss=0.05, jitter_ms=JITTER_MS),
    Line("and 5 % lost, three in a row", loss=0.05, burst=3.0, jitter_ms=JITTER_MS),
)
SEEDS = 5  # runs of each line that has dice
MORE = ("silero_test.flac", "sb_vad_train.flac", "office_ambience.flac", "sb_noise2.flac")
"""For voice activity detection only: nobody wrote down what is said there, or nothing is."""
GOAL_US = 3.0
GOAL_TIMES = 1.5
ROUNDS, QUICK_ROUNDS = 7, 1
CALLS = (10, 50)
SECONDS = 20.0


class Sound(Struct, frozen=True):
    """A recording."""

    file: str
    text: str | None
    human: bool
    pcm: bytes


class Edges(Struct):
    """What voice activity detection decided otherwise than on the clean recording."""

    voices: int = 0
    missed: int = 0
    false: int = 0
    split: int = 0
    begin_ms: list[float] = []
    end_ms: list[float] = []


class Quality(Struct, frozen=True):
    """What came of all recordings over one line."""

    line: Line
    edges: Edges
    wrong: float
    words: int
    lost: int
    late: int


def sounds(quick: bool, more: Path | None = None) -> list[Sound]:
    """The recordings of `tests/data`, and those of a folder that are no such: its manifest.json says what is said."""
    listed = json.loads((RECORDINGS / "speech.json").read_text())
    spoken = [(RECORDINGS / each["file"], each["text"], each["kind"] == "human") for each in listed if each["text"]]
    silent = [RECORDINGS / file for file in MORE]
    if quick:
        spoken, silent = spoken[:2], []
    if more is not None:
        known = {file.stem for file, _, _ in spoken} | {file.stem for file in silent}
        others = [(more / each["file"], each["text"]) for each in json.loads((more / "manifest.json").read_text())]
        spoken += [(file, text, True) for file, text in others if text and file.stem not in known]
        silent += [file for file, text in others if not text and file.stem not in known]
    return [
        *(Sound(file.name, text, human, read_sound(file, RATE_HZ)) for file, text, human in spoken),
        *(Sound(file.name, None, True, read_sound(file, RATE_HZ)) for file in silent),
    ]


def compare(clean: Sequence[Voice], found: Sequence[Voice], edges: Edges) -> None:
    """Put the voices of a recording beside those of the clean one."""
    edges.voices += len(clean)
    for voice in clean:
        those = [each for each in found if each.begin_ms < voice.end_ms and each.end_ms > voice.begin_ms]
        if not those:
            edges.missed += 1
            continue
        edges.split += len(those) - 1
        edges.begin_ms.append(abs(those[0].begin_ms - voice.begin_ms))
        edges.end_ms.append(abs(those[-1].end_ms - voice.end_ms))
    edges.false += sum(
        not any(each.begin_ms < voice.end_ms and each.end_ms > voice.begin_ms for voice in clean) for each in found
    )


async def quality(line: Line, those: Sequence[Sound], clean: dict[str, Came], seeds: int) -> Quality:
    """Send all recordings over a line, as often as it has dice."""
    runs = seeds if line.loss or line.jitter_ms else 1
    edges, counted = Edges(), dict[str, int]()
    spoken: dict[bool, list[Recording]] = {False: [], True: []}
    for sound in those:
        for seed in range(runs):
            came = await over(line, sound.pcm, Random(f"{sound.file}{seed}"))
            clean.setdefault(sound.file, came)
            compare(clean[sound.file].voices, came.voices, edges)
            for kind, count in came.counted.items():
                counted[kind] = counted.get(kind, 0) + count
            if sound.text is not None:
                spoken[sound.human].append(Recording(sound.file, sound.text, came.frames))
    pairs: list[tuple[str, str]] = []
    for human, recordings in spoken.items():
        if recordings:
            fitting = dict.fromkeys([*HUMAN, *(each.text or "" for each in recordings)]) if human else VOCABULARY
            pairs += (await understand(list(fitting), recordings)).pairs
    words = sum(len(said.split()) for said, _ in pairs)
    late, lost = counted.get("wire_late", 0), counted.get("wire_lost", 0)
    return Quality(line, edges, error_rate(pairs), words, lost, late)


def row(found: Quality) -> list[str]:
    """A line of the table."""
    edges = found.edges

    def off(values: list[float]) -> str:
        return f"{percentile(values, 0.5) or 0:.0f} / {percentile(values, 0.95) or 0:.0f}"

    return [
        found.line.name,
        f"{edges.missed} of {edges.voices}",
        f"{edges.false}",
        f"{edges.split}",
        off(edges.begin_ms),
        off(edges.end_ms),
        f"{100 * found.wrong:.1f} % of {found.words}",
        f"{found.lost} / {found.late}",
    ]


HEAD = ["", "voices missed", "false", "split", "begin off, ms", "end off, ms", "words wrong", "lost / too late"]


def codec(rounds: int) -> list[str]:
    """What a message costs the Twilio codec. Frames leave two at a time, so a frame's share is the half."""
    decoding, one, two = decoding_us(rounds), encoding_us(rounds), encoding_us(rounds, 2)
    goal = f"(goal: at most {GOAL_US:g} us a frame)"
    return [
        f"decoding a message of 20 ms                    {decoding:6.2f} us {goal}",
        f"encoding 40 ms, as it is sent, and a mark      {two:6.2f} us, a frame of 20 ms {two / 2:.2f} {goal}",
        f"encoding 20 ms, and a mark                     {one:6.2f} us",
    ]


async def beside_the_bare_parts(calls: Sequence[int], seconds: float) -> tuple[list[list[str]], list[str]]:
    """Rows of a table for each number of calls, and what makes them less than certain."""
    rows, doubts = [], list[str]()
    for number in calls:
        echo = await run(Plan("floor", number, seconds / 2, 1.0))
        ours = await run(Plan("twilio", number, seconds))
        bare = await run(Plan("floor", number, seconds / 2, 1.0, ours.back))
        numbers = (ours.cpu_ms, bare.cpu_ms, ours.cpu_ms / bare.cpu_ms, echo.cpu_ms, ours.cpu_ms / echo.cpu_ms)
        rows.append([f"{number} calls", *(f"{each:.2f}" for each in numbers), f"{ours.audio_per_s:.1f}"])
        for name, each in (("bare, a message back for each", echo), ("Twilio", ours), ("bare", bare)):
            doubts += [f"{name}, {number} calls: {doubt}" for doubt in each.doubts()]
    return rows, doubts


COSTS = [
    *("ms of CPU per call-second", "Twilio", "bare, as many messages", "times"),
    *("bare, a message back for each", f"times (goal: {GOAL_TIMES:g})", "audio messages a second"),
]


async def measure(*, quick: bool, more: Path | None) -> None:
    """Measure and print. Raises SubjectFailed."""
    clean: dict[str, Came] = {}
    those = sounds(quick, more)
    lines = [LINES[0], LINES[-1]] if quick else LINES
    qualities = [await quality(line, those, clean, 1 if quick else SEEDS) for line in lines]
    print(aligned([HEAD, *map(row, qualities)]), end="\n\n", flush=True)
    print("\n".join(codec(QUICK_ROUNDS if quick else ROUNDS)), end="\n\n", flush=True)
    costs, doubts = await beside_the_bare_parts(*(((5,), 2.0) if quick else (CALLS, SECONDS)))
    print(aligned([COSTS, *costs]))
    for doubt in doubts:
        print(f"! {doubt}")


def main() -> int:
    """The process."""
    parser = argparse.ArgumentParser(description="what a telephone costs, in understanding and in CPU")
    parser.add_argument("--quick", action="store_true", help="two recordings, two lines, few calls")
    parser.add_argument("--more", type=Path, metavar="FOLDER", help="further recordings, with a manifest.json")
    options = parser.parse_args()
    try:
        asyncio.run(measure(quick=options.quick, more=options.more))
    except SubjectFailed as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
