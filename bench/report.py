"""The table of a run, for the terminal and for README.md. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bench.measure import percentile
from bench.run import Result

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
NOTHING = "–"  # noqa: RUF001  (what a table shows for no value)
UNMEASURED = "not yet measured"

Column = tuple[str, int]
Results = Mapping[Column, Result]
Cell = Callable[[Result], str]


def title(column: Column) -> str:
    """`scripted, 10 calls`"""
    kind, calls = column
    return f"{kind}, {calls} call{'s' * (calls > 1)}"


def bare(kind: str) -> str:
    """The column of the floor that sends as much as this kind does; the one that echoes is `floor`."""
    return f"bare {kind}"


def half_and_most(name: str, shares: tuple[float, float] = (0.5, 0.95)) -> Cell:
    """The cell of a list of `Heard`: two percentiles."""

    def cell(result: Result) -> str:
        values: list[float] = getattr(result.report.heard, name)
        return _numbers(*(percentile(values, share) for share in shares))

    return cell


def _numbers(*values: float | None) -> str:
    return " / ".join(NOTHING if value is None else f"{value:z.0f}" for value in values)


def _turns(result: Result) -> str:
    heard = result.report.heard
    return f"{len(heard.responses)} / {heard.missed} / {heard.talked_over}"


def _accept(result: Result) -> str:
    return _numbers(percentile(result.report.accept, 0.5), percentile(result.report.accept, 1.0))


def _workers(result: Result) -> str:
    return f"{result.workers_mb:.0f} ({result.workers})" if result.workers else NOTHING


def _cores(result: Result) -> str:
    return f"{result.cores:.2f} / {result.callers_cores:.2f} / {result.others_cores:.2f}"


# What is measured, its goal, and its cell. The rows of the bare parts come before.
ROWS: Sequence[tuple[str, str, Cell]] = (
    ("CPU of its workers, ms per call-second", "", lambda r: f"{r.workers_cpu_ms:.1f}" if r.workers else NOTHING),
    ("memory per call, MB", "< 2", lambda r: f"{r.call_mb:.2f}"),
    ("memory without a call, MB", "", lambda r: f"{r.empty_mb:.0f}"),
    ("memory of its workers, MB (processes)", "", _workers),
    ("connect to `ready`, ms, p50 / max", "", _accept),
    ("response: from the last voiced sample, ms, p50 / p95", "60 / 120", half_and_most("responses")),
    ("response: from where the VAD net lets go, ms, p50 / p95", "60 / 120", half_and_most("responses_net")),
    ("turns answered / missed / talked over", "", _turns),
    ("barge-in: to `pause`, ms, p50 / p95", "", half_and_most("pauses")),
    ("barge-in: to `clear`, ms, p50 / p95", "", half_and_most("clears")),
    ("barge-in: to the last stale sample's arrival, ms, p50 / p95", "", half_and_most("stale")),
    ("barge-in: to silence, client that pauses, ms, p50 / p95", "", half_and_most("silent")),
    ("barge-in: to silence, client that only plays, ms, p50 / p95", "", half_and_most("silent_plain")),
    ("barge-ins", "", lambda r: str(len(r.report.heard.stale))),
    ("audio later than its lead allows, ms, p50 / p99", "p99 < 40", half_and_most("late", (0.5, 0.99))),
    ("gaps that a caller hears", "", lambda r: str(len(r.report.heard.gaps))),
    ("the callers' own lateness, ms, p99", "≤ 10", lambda r: _numbers(percentile(r.report.lateness, 0.99))),
    ("messages to a caller a second, audio + text", "", lambda r: f"{r.audio_per_s:.1f} + {r.text_per_s:.1f}"),
    ("cores: server / callers / others", "", _cores),
    ("saturated", "no", lambda r: r.saturated() or "no"),
)


def table(columns: Sequence[Column], results: Results) -> str:
    """All that was measured, in Markdown that reads well on a terminal too. The bare parts are rows, not columns."""
    lines = [["", "goal", *map(title, columns)]]
    lines += _beside_the_bare_parts(columns, results)
    for name, goal, cell in ROWS:
        lines.append([name, goal, *(cell(results[column]) if column in results else UNMEASURED for column in columns)])
    return aligned(lines)


def _beside_the_bare_parts(columns: Sequence[Column], results: Results) -> list[list[str]]:
    def cpu_ms(columns: Sequence[Column]) -> list[float | None]:
        return [results[column].cpu_ms if column in results else None for column in columns]

    ours = cpu_ms(columns)
    as_much = cpu_ms([(bare(kind), calls) for kind, calls in columns])
    floors = cpu_ms([("floor", calls) for _, calls in columns])
    return [
        ["**CPU of the server, ms per call-second**", "", *_cells(ours)],
        ["the bare parts, sending as much as the server", "", *_cells(as_much)],
        ["how many times those", "", *_cells(_ratios(ours, as_much))],
        ["the bare parts, a message back for each", "", *_cells(floors)],
        ["how many times those", "≤ 1.5", *_cells(_ratios(ours, floors))],
    ]


def _ratios(ours: Sequence[float | None], bare_parts: Sequence[float | None]) -> list[float | None]:
    return [mine / other if mine and other else None for mine, other in zip(ours, bare_parts, strict=True)]


def _cells(values: Sequence[float | None]) -> list[str]:
    return [UNMEASURED if value is None else f"{value:.2f}" for value in values]


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, the first line its head."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = ["-" * (width - 1) + ":" if n else "-" * width for n, width in enumerate(widths)]
    rows = (
        [
            cell.rjust(width) if n else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        for line in (lines[0], rule, *lines[1:])
    )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def replaced(text: str, block: str, marks: tuple[str, str] = (BEGIN, END)) -> str:
    """A document with another measured block. Raises ValueError when it has no place for one."""
    head, begin, rest = text.partition(marks[0])
    _, end, tail = rest.partition(marks[1])
    if not begin or not end:
        raise ValueError(f"there is no place between {marks[0]} and {marks[1]}")
    return f"{head}{begin}\n\n{block}\n\n{end}{tail}"
