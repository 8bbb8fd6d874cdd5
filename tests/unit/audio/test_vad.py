"""The decision, as a table of probabilities and the facts that they become. The engine: test_vad_engine.py."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import msgspec
import pytest

from audio.events import SpeechStarted, SpeechStopped
from audio.vad import DEFAULT, NEXT, Hysteresis, VadOptions, Voice
from link.errors import ConfigError

Fact = SpeechStarted | SpeechStopped

ON, MID, OFF = 0.9, 0.4, 0.1


def decide(probabilities: list[float], options: VadOptions = DEFAULT) -> list[tuple[int, Fact]]:
    hysteresis = Hysteresis(options)
    steps = [(chunk, hysteresis.step(p)) for chunk, p in enumerate(probabilities)]
    return [(chunk, fact) for chunk, fact in steps if fact is not None]


def started(voiced_ms: float) -> SpeechStarted:
    return SpeechStarted(voiced_ms=voiced_ms)


def stopped(silence_ms: float) -> SpeechStopped:
    return SpeechStopped(silence_ms=silence_ms)


@pytest.mark.parametrize(
    ("probabilities", "facts"),
    [
        pytest.param([OFF] * 9, [], id="silence is nothing"),
        pytest.param([MID] * 9, [], id="between the thresholds nothing starts"),
        pytest.param([ON], [], id="one chunk is too short"),
        pytest.param([ON, ON], [(1, started(64))], id="two chunks are a voice, at once"),
        pytest.param([ON, MID], [(1, started(64))], id="what began may go on between the thresholds"),
        pytest.param([ON, OFF, ON, OFF, ON], [], id="clicks do not add up"),
        pytest.param([0.5, 0.5], [(1, started(64))], id="threshold_on itself is on"),
        pytest.param([0.499, 0.499], [], id="below threshold_on is not"),
        pytest.param([ON, ON] + [0.35] * 9, [(1, started(64))], id="threshold_off itself keeps it on"),
        pytest.param([ON, ON] + [0.349] * 6, [(1, started(64))], id="192 ms of silence are too few"),
        pytest.param([ON, ON] + [0.349] * 7, [(1, started(64)), (8, stopped(224))], id="224 ms are enough"),
        pytest.param([ON, ON] + [OFF] * 6 + [ON] + [OFF] * 6, [(1, started(64))], id="a voiced chunk starts it anew"),
        pytest.param(
            [ON, ON] + [OFF] * 3 + [MID] * 4, [(1, started(64)), (8, stopped(224))], id="a weak chunk does not"
        ),
        pytest.param(
            [ON, ON, ON] + [OFF] * 8 + [ON, ON],
            [(1, started(64)), (9, stopped(224)), (12, started(64))],
            id="on, off, on",
        ),
    ],
)
def test_probabilities_become_facts(probabilities: list[float], facts: list[tuple[int, Fact]]) -> None:
    assert decide(probabilities) == facts


def test_times_are_floats_so_that_a_journal_reads_back_byte_for_byte() -> None:
    for _, fact in decide([ON] * 2 + [OFF] * 9):
        line = msgspec.json.encode(fact)
        assert msgspec.json.encode(msgspec.json.decode(line, type=Fact)) == line


@pytest.mark.parametrize(
    ("start_ms", "stop_ms", "facts"),
    [
        (0, 0, [(0, started(32)), (4, stopped(32))]),
        (32, 32, [(0, started(32)), (4, stopped(32))]),
        (33, 65, [(1, started(64)), (6, stopped(96))]),
        (128, 320, [(3, started(128)), (13, stopped(320))]),
        (129, 321, []),
    ],
)
def test_times_round_up_to_whole_chunks(start_ms: float, stop_ms: float, facts: list[tuple[int, Fact]]) -> None:
    options = VadOptions(start_ms=start_ms, stop_ms=stop_ms)
    assert decide([ON] * 4 + [OFF] * 12, options) == facts


def test_thresholds_are_the_options() -> None:
    options = VadOptions(threshold_on=0.8, threshold_off=0.6, start_ms=32, stop_ms=32)
    assert decide([0.79, 0.8, 0.6, 0.59], options) == [(1, started(32)), (3, stopped(32))]


@pytest.mark.parametrize(
    ("probabilities", "fact", "voice"),
    [
        ([], None, Voice.SILENT),
        ([ON], None, Voice.STARTING),
        ([ON, ON, ON], stopped(0), Voice.SPEAKING),
        ([ON, ON, OFF, OFF], stopped(64), Voice.STOPPING),
    ],
)
def test_a_reset_ends_a_voice_that_was_on(probabilities: list[float], fact: Fact | None, voice: Voice) -> None:
    hysteresis = Hysteresis(VadOptions())
    for probability in probabilities:
        hysteresis.step(probability)
    assert hysteresis.voice is voice
    assert hysteresis.reset() == fact
    assert hysteresis.voice is Voice.SILENT
    assert hysteresis.step(ON) is None, "a chunk from before the reset does not count"
    assert hysteresis.step(ON) == started(64)


def test_every_state_has_a_way_out_and_a_more_voiced_chunk_never_leads_to_a_quieter_state() -> None:
    loudness = [Voice.SILENT, Voice.STARTING, Voice.STOPPING, Voice.SPEAKING]
    assert NEXT.keys() == set(Voice)
    for voice, after in NEXT.items():
        assert set(after) != {voice}
        assert all(loudness.index(quiet) <= loudness.index(loud) for quiet, loud in pairwise(after))


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: VadOptions(threshold_on=0.3), "threshold_on"),
        (lambda: VadOptions(threshold_on=1.0), "threshold_on"),
        (lambda: VadOptions(threshold_off=0.0), "threshold_off"),
        (lambda: VadOptions(start_ms=-1), "start_ms"),
        (lambda: VadOptions(stop_ms=-1), "stop_ms"),
    ],
)
def test_impossible_options_are_refused_by_name(make: Callable[[], VadOptions], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        make()
