"""What a call costs, beside the bare parts, in one run: `make bench`, or `python -m bench`. Some five minutes.

    python -m bench --seconds 5 --calls 10 --only scripted      a quick look
    python -m bench --write                                     also into bench/README.md

`bench/README.md` says what is measured and how. The parts have benchmarks of their own: `python -m bench.vad`,
`python -m bench.tts`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.measure import machine
from bench.report import Column, Results, replaced, table
from bench.run import Result, run
from bench.subjects import SubjectFailed

README = Path(__file__).with_name("README.md")
KINDS = ("floor", "embedded", "scripted")
COLUMNS: tuple[Column, ...] = (
    ("embedded", 1),
    ("embedded", 10),
    ("scripted", 10),
    ("scripted", 50),
    ("scripted", 100),
)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="what a call costs, beside the bare parts")
    parser.add_argument("--calls", type=numbers, help="only with so many calls: 10,50")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each run counts (default: 20)")
    parser.add_argument("--only", choices=KINDS, help="measure only this")
    parser.add_argument("--write", action="store_true", help="put the table into bench/README.md")
    return parser.parse_args()


def numbers(text: str) -> list[int]:
    """`10,50,100`"""
    return [int(number) for number in text.split(",")]


def planned(columns: Sequence[Column], only: str | None) -> list[Column]:
    """The runs in order: the floor, then what is compared with it, at the same number of calls."""
    runs: list[Column] = []
    for calls in sorted({calls for _, calls in columns}):
        runs.append(("floor", calls))
        runs += [column for column in columns if column[1] == calls]
    return [column for column in runs if only in (None, column[0])]


async def measure(runs: Sequence[Column], seconds: float) -> dict[Column, Result]:
    """One run after the other; one that fails is told, and left out."""
    results: dict[Column, Result] = {}
    for number, (kind, calls) in enumerate(runs, 1):
        print(f"{number}/{len(runs)}  {kind}, {calls} calls ...", end="", flush=True)
        try:
            result = results[kind, calls] = await run(kind, calls, seconds)
            print(f" {result.cpu_ms:.2f} ms of CPU per call-second")
        except (SubjectFailed, TimeoutError) as error:
            print(f" failed: {error or 'it took too long'}")
    return results


def block(columns: Sequence[Column], results: Results, seconds: float, load: float) -> str:
    """What is written down: when, where, the table, the doubts."""
    lines = [f"Measured on {datetime.now(UTC):%Y-%m-%d} by `python -m bench`, {seconds:g} s a run, on"]
    lines += [f"* {line}" for line in machine()]
    lines += [f"* load average before the first run: {load:.2f}", "", table(columns, results)]
    doubts = [doubt for result in results.values() for doubt in result.doubts()]
    return "\n".join([*lines, *(["", *(f"* {doubt}" for doubt in doubts)] if doubts else [])])


def main() -> int:
    """Measure, show, write. The exit code is 1 when a run failed or is not to be believed."""
    options = arguments()
    columns = [column for column in COLUMNS if options.calls is None or column[1] in options.calls]
    runs = planned(columns, options.only)
    load = os.getloadavg()[0]
    results = asyncio.run(measure(runs, options.seconds))
    text = block(columns, results, options.seconds, load)
    print(f"\n{text}")
    if options.write:
        README.write_text(replaced(README.read_text(), text))
    return int(len(results) < len(runs) or any(result.doubts() for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
