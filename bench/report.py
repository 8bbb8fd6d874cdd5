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


# What is measured, the goal of DESIGN §11 for it, and its cell. The floor's three rows come before.
ROWS: Sequence[tuple[str, str, Cell]] = (
    ("CPU of its workers, ms per call-second", "", lambda r: f"{r.workers_cpu_ms:.1f}" if r.workers else NOTHING),
    ("memory per call, MB", "< 2", lambda r: f"{r.call_mb:.2f}"),
    ("memory without a call, MB", "", lambda r: f"{r.empty_mb:.0f}"),
    ("memory of its workers, MB (processes)", "", _workers),
    ("connect to `ready`, ms, p50 / max", "", _accept),
    ("response: from the last voiced sample, ms, p50 / p95", "", half_and_most("responses")),
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
    ("other work on the machine, cores", "", lambda r: f"{r.others_cores:.2f}"),
)


def table(columns: Sequence[Column], results: Results) -> str:
    """All that was measured, in Markdown that reads well on a terminal too. The floor is a row, not a column."""
    lines = [["", "goal", *(f"{kind}, {calls} call{'s' * (calls > 1)}" for kind, calls in columns)]]
    lines += _beside_the_floor(columns, results)
    for name, goal, cell in ROWS:
        lines.append([name, goal, *(cell(results[column]) if column in results else UNMEASURED for column in columns)])
    return _aligned(lines)


def _beside_the_floor(columns: Sequence[Column], results: Results) -> list[list[str]]:
    ours = [results[column].cpu_ms if column in results else None for column in columns]
    floors = [results[("floor", calls)].cpu_ms if ("floor", calls) in results else None for _, calls in columns]
    ratios = [mine / bare if mine and bare else None for mine, bare in zip(ours, floors, strict=True)]
    return [
        ["**CPU, ms per call-second**", "", *(_or_unmeasured(value) for value in ours)],
        ["CPU of the floor at as many calls", "", *(_or_unmeasured(value) for value in floors)],
        ["how many times the floor", "≤ 1.5", *(_or_unmeasured(value) for value in ratios)],
    ]


def _or_unmeasured(value: float | None) -> str:
    return UNMEASURED if value is None else f"{value:.2f}"


def _aligned(lines: Sequence[Sequence[str]]) -> str:
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


def replaced(text: str, block: str) -> str:
    """A document with another measured block. Raises ValueError when it has no place for one."""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"there is no place between {BEGIN} and {END}")
    return f"{head}{BEGIN}\n\n{block}\n\n{END}{tail}"
