"""The tables of `bench.turns`. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from bench.measure import percentile
from bench.report import NOTHING, aligned, half_and_most
from bench.run import Result
from bench.turn_ear import Results, Sentence
from bench.turn_scenes import PAUSES_MS


class Early(Struct, frozen=True):
    """What came of one way of an early start."""

    results: Results
    used: int
    """Answers that were asked for early and counted."""
    discarded: int
    """Requests that were wasted."""
    chars: int
    """Characters of them that the voice had been given."""


def counted(results: Results, notes: str) -> Early:
    """From the lines that `bench.turn_agent` wrote."""
    lines = [line.split() for line in notes.splitlines()]
    wasted = [int(chars) for what, chars in lines if what == "discarded"]
    return Early(results, len(lines) - len(wasted), len(wasted), sum(wasted))


# What is measured, its goal, and its cell in `bench.report`.
EDGES = (
    ("response, from the last voiced sample, less the silence of 300 ms", "60 / 120", "responses"),
    ("barge-in: to `pause`, from the first voiced sample", "", "pauses"),
    ("barge-in: to silence, client that pauses", "124 / –", "silent"),  # noqa: RUF001
    ("barge-in: to silence, client that only plays", "+ lead (200)", "silent_plain"),
    ("barge-in: to the last stale sample's arrival", "", "stale"),
)


def edges_table(result: Result) -> str:
    """Answer and barge-in, with the numbers of `bench.report`."""
    rows = [[name, goal, half_and_most(list_)(result)] for name, goal, list_ in EDGES]
    heard = result.report.heard
    rows.append(
        ["turns answered / missed / talked over", "", f"{len(heard.responses)} / {heard.missed} / {heard.talked_over}"]
    )
    rows.append(["saturated", "no", result.saturated() or "no"])
    return aligned([["ms, p50 / p95", "goal", f"{result.calls} calls"], *rows])


def strategy_table(found: Mapping[str, Results]) -> str:
    """A row for each strategy."""
    head = [
        "strategy",
        "response p50 / p95, ms",
        "missed",
        *(f"cut off at {ms / 1000:g} s" for ms in PAUSES_MS),
        "heard of it, ms",
    ]
    return aligned([head, *(_strategy(name, results.sentences) for name, results in found.items())])


def _strategy(name: str, sentences: Sequence[Sentence]) -> list[str]:
    cut = [[each.cut_off for each in sentences if each.pause_ms == ms] for ms in PAUSES_MS]
    overlaps = [each.overlap_ms for each in sentences if each.cut_off]
    missed = f"{sum(each.missed for each in sentences)} of {len(sentences)}"
    return [
        name,
        responses(sentences),
        missed,
        *(f"{sum(some)} of {len(some)}" for some in cut),
        _whole(percentile(overlaps, 0.5)),
    ]


def responses(sentences: Sequence[Sentence]) -> str:
    """From the last voiced sample to the answer, the silence included."""
    values = [each.response_ms for each in sentences if each.response_ms is not None]
    return f"{_whole(percentile(values, 0.5))} / {_whole(percentile(values, 0.95))}"


def early_table(found: Mapping[tuple[int, str], Early]) -> str:
    """A row for each way, with what it saves against `off`."""
    rows = [
        [
            "silence, ms",
            "early start",
            "response p50 / p95, ms",
            "saved, ms",
            "early and used",
            "discarded",
            "characters of those",
        ]
    ]
    for (silence_ms, way), early in found.items():
        saved = _median(found[silence_ms, "off"]) - _median(early)
        rows.append(
            [
                str(silence_ms),
                way,
                responses(early.results.sentences),
                NOTHING if way == "off" else f"{saved:.0f}",
                str(early.used),
                str(early.discarded),
                str(early.chars),
            ]
        )
    return aligned(rows)


def noise_lines(results: Results) -> list[str]:
    """What sounds did."""
    rows = [["sound", "made", "the bot paused", "false barge-ins"]]
    for name in sorted({each.name for each in results.noises}):
        some = [each for each in results.noises if each.name == name]
        rows.append([name, str(len(some)), str(sum(n.held for n in some)), str(sum(n.lost for n in some))])
    return [aligned(rows)]


def _median(early: Early) -> float:
    values = [each.response_ms for each in early.results.sentences if each.response_ms is not None]
    return percentile(values, 0.5) or 0.0


def _whole(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.0f}"
