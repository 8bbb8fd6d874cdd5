"""The telephone line of the bench: what it loses, what it puts out of order, and what comes out of the codec."""

from __future__ import annotations

import asyncio
from random import Random

import numpy as np
import pytest
import soxr
from msgspec import structs

from audio import g711
from audio.files import read_sound
from audio.services import Begin, Finish
from bench.phone_line import LINE_HZ, MESSAGE_MS, Line, Voice, arriving, heard, over
from bench.phones import LINES, Edges, compare
from bench.speech import RATE_HZ, RECORDINGS, edges
from server.protocols.wire import Counted

SIZE = LINE_HZ * MESSAGE_MS // 1000 * 2
TONE = (np.sin(np.arange(2 * RATE_HZ) * 0.2) * 8000).astype("<i2").tobytes()
JITTER = next(line for line in LINES if line.jitter_ms and not line.loss)


def sound(line: Line, seed: int = 1) -> tuple[bytes, int]:
    """What a call hears of the tone, and how many pieces the wire counts as lost."""
    found = list(heard(line, TONE, Random(seed)))
    lost = sum(each.count for each in found if isinstance(each, Counted))
    return b"".join(each for each in found if isinstance(each, bytes)), lost


def on_the_line() -> bytes:
    """The tone as a telephone has it."""
    samples = soxr.resample(np.frombuffer(TONE, "<i2"), RATE_HZ, LINE_HZ, quality="HQ")
    return g711.from_mulaw(g711.to_mulaw(samples.astype("<i2").tobytes()))


@pytest.mark.parametrize("line", [Line("still"), JITTER])
def test_what_is_not_lost_is_heard_in_order_whatever_the_jitter(line: Line) -> None:
    assert sound(line) == (on_the_line(), 0)


def test_jitter_puts_messages_out_of_order() -> None:
    sent = [f"{number:03}" for number in range(100)]
    came = arriving(JITTER, sent, Random(1))
    assert came != sent
    assert sorted(came) == sent


def test_what_is_lost_is_silence_and_counted() -> None:
    line = structs.replace(JITTER, loss=0.1)
    pcm, lost = sound(line)
    whole = on_the_line()
    assert len(whole) - 3 * SIZE <= len(pcm) <= len(whole)
    pieces = [(pcm[at : at + SIZE], whole[at : at + SIZE]) for at in range(0, len(pcm), SIZE)]
    assert sum(came != was for came, was in pieces) == sum(came == bytes(SIZE) for came, _ in pieces) == lost > 3


@pytest.mark.parametrize("line", [each for each in LINES if each.loss])
def test_as_many_are_lost_as_the_line_says_and_so_many_in_a_row(line: Line) -> None:
    sent = [f"{number:06}" for number in range(40_000)]
    came = set(arriving(line, sent, Random(2)))
    lost = [each not in came for each in sent]
    runs = sum(here and not before for before, here in zip([False, *lost], lost, strict=False))
    assert sum(lost) / len(sent) == pytest.approx(line.loss, rel=0.15)
    assert sum(lost) / runs == pytest.approx(max(line.burst, 1 / (1 - line.loss)), rel=0.15)


def test_a_recording_goes_the_way_of_a_call() -> None:
    pcm = read_sound(RECORDINGS / "caller/time.wav", RATE_HZ)
    clean = asyncio.run(over(LINES[0], pcm, Random(1)))
    came = asyncio.run(over(JITTER, pcm, Random(1)))
    still = asyncio.run(over(structs.replace(JITTER, jitter_ms=0.0), pcm, Random(1)))
    assert came.voices == still.voices, "pieces that come together are judged as if they came alone"
    (voice,), (other,) = clean.voices, came.voices
    begin, end = (at / RATE_HZ * 1000 for at in edges(np.frombuffer(pcm, "<i2")))
    for each in (voice, other):
        assert each.begin_ms == pytest.approx(begin, abs=100)
        assert each.end_ms == pytest.approx(end, abs=100)
    items = [item for frame in came.frames for item in frame]
    assert isinstance(items[0], Begin)
    assert isinstance(items[-1], Finish)


@pytest.mark.parametrize(
    ("found", "counts", "begin_ms", "end_ms"),
    [
        ([(100, 500), (1000, 1500)], (2, 0, 0, 0), [0, 0], [0, 0]),
        ([(130, 480)], (2, 1, 0, 0), [30], [20]),
        ([(90, 200), (300, 520), (1100, 1500), (2000, 2100)], (2, 0, 1, 1), [10, 100], [20, 0]),
        ([], (2, 2, 0, 0), [], []),
    ],
)
def test_decisions_are_compared(
    found: list[tuple[float, float]], counts: tuple[int, ...], begin_ms: list[float], end_ms: list[float]
) -> None:
    seen = Edges()
    compare([Voice(100, 500), Voice(1000, 1500)], [Voice(*each) for each in found], seen)
    assert (seen.voices, seen.missed, seen.false, seen.split) == counts
    assert (seen.begin_ms, seen.end_ms) == (begin_ms, end_ms)
