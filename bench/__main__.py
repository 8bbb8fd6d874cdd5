"""What a call costs, beside the bare parts, in one run: `make bench`, or `python -m bench`. Some fifteen minutes.

    python -m bench --quick                                     a smoke test: does all of it run?
    python -m bench --only scripted --calls 100 --seconds 10    one run
    python -m bench --write                                     all, and into bench/README.md

`bench/README.md` says what is measured and how. The parts run too: `python -m bench.vad`, `bench.tts`,
`bench.placing`, `bench.stt`, `bench.llm`, `bench.turn_model`, `bench.phones`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.measure import machine
from bench.report import Column, Results, bare, replaced, table, title
from bench.run import Plan, Result, run
from bench.subjects import ROOT, SubjectFailed

README = Path(__file__).with_name("README.md")
PARTS = {
    "vad": "Voice activity detection (`python -m bench.vad`)",
    "tts": "The embedded voice (`python -m bench.tts`)",
    "placing": "Words that a voice does not tell of (`python -m bench.placing`)",
    "stt": "The embedded ears (`python -m bench.stt`)",
    "llm": "An answer of the language model (`python -m bench.llm`)",
    "turn_model": "Judging a pause by its sound (`python -m bench.turn_model`)",
    "phones": "A telephone (`python -m bench.phones`)",
}
COLUMNS: tuple[Column, ...] = (
    ("embedded", 1),
    ("embedded", 10),
    ("scripted", 10),
    ("scripted", 50),
    ("scripted", 100),
)
QUICK: tuple[Column, ...] = (("embedded", 1), ("scripted", 10))
SECONDS, QUICK_SECONDS = 20.0, 3.0
FLOOR_SHARE = 0.4  # of that: nobody waits for turns there
ALONE = 2  # times as long with one call, which has few turns
FLOOR_WARM_S = 1.0
PART_S = 900.0


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="what a call costs, beside the bare parts")
    parser.add_argument("--quick", action="store_true", help="short and rough, to see that all of it runs")
    parser.add_argument("--only", choices=("embedded", "scripted", *PARTS), help="measure only this")
    parser.add_argument("--calls", type=numbers, help="with so many calls: 10,50; more than the table has, too")
    parser.add_argument("--seconds", type=float, help=f"how long each run counts (default: {SECONDS:g})")
    parser.add_argument("--write", action="store_true", help="put the results into bench/README.md")
    options = parser.parse_args()
    if options.write and (options.quick or options.only or options.calls or options.seconds):
        parser.error("--write takes the whole run: leave --quick, --only, --calls and --seconds out")
    return options


def numbers(text: str) -> list[int]:
    """`10,50,100`"""
    return [int(number) for number in text.split(",")]


def chosen(columns: Sequence[Column], only: str | None, calls: Sequence[int] | None) -> list[Column]:
    """The columns that are wanted; a kind that is named is run with any number of calls."""
    if only in PARTS:
        return []
    if only is not None and calls is not None:
        return [(only, number) for number in calls]
    return [column for column in columns if only in (None, column[0]) and (calls is None or column[1] in calls)]


async def measure(columns: Sequence[Column], seconds: float) -> dict[Column, Result]:
    """Each subject between the two floors that it is compared with; one that fails is told, and left out."""
    results: dict[Column, Result] = {}

    async def one(column: Column, plan: Plan) -> None:
        print(f"{title(column)}, {plan.seconds:g} s ... ", end="", flush=True)
        try:
            result = results[column] = await run(plan)
            print(f"{result.cpu_ms:.2f} ms of CPU per call-second", flush=True)
        except SubjectFailed as error:
            print(f"failed: {error}", flush=True)

    floor_s = seconds * FLOOR_SHARE
    for kind, calls in columns:
        if ("floor", calls) not in results:
            await one(("floor", calls), Plan("floor", calls, floor_s, FLOOR_WARM_S))
        await one((kind, calls), Plan(kind, calls, seconds * (ALONE if calls == 1 else 1)))
        if found := results.get((kind, calls)):
            await one((bare(kind), calls), Plan("floor", calls, floor_s, FLOOR_WARM_S, found.back))
    return results


def part(name: str, quick: bool) -> str | None:
    """What the benchmark of a part prints, which is a process of its own; None when it fails, which is told."""
    print(f"{name} ... ", end="", flush=True)
    command = [sys.executable, "-m", f"bench.{name}", *(["--quick"] if quick else [])]
    try:
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PART_S, check=True)
    except subprocess.CalledProcessError as error:
        print(f"failed:\n{error.stderr[-2000:]}")
        return None
    except subprocess.TimeoutExpired:
        print(f"failed: it took over {PART_S:g} s")
        return None
    print("done", flush=True)
    return found.stdout.rstrip()


def block(columns: Sequence[Column], results: Results, parts: dict[str, str], load: float) -> str:
    """What is written down: when, where, the table, the doubts, the parts."""
    lines = [f"Measured on {datetime.now(UTC):%Y-%m-%d} by `python -m bench` on", ""]
    lines += [f"* {line}" for line in (*machine(), f"load average before the first run: {load:.2f}")]
    if columns:
        lines += ["", table(columns, results)]
    if doubts := [(column, doubt) for column, result in results.items() for doubt in result.doubts()]:
        lines += ["", "Doubts:", "", *(f"* {title(column)}: {doubt}" for column, doubt in doubts)]
    for name, text in parts.items():
        lines += ["", f"### {PARTS[name]}", "", "```text", text, "```"]
    return "\n".join(lines)


def main() -> int:
    """Measure, show, write. The exit code is 1 when a run failed or is not to be believed."""
    options = arguments()
    load = os.getloadavg()[0]
    columns = chosen(QUICK if options.quick else COLUMNS, options.only, options.calls)
    seconds = options.seconds or (QUICK_SECONDS if options.quick else SECONDS)
    results = asyncio.run(measure(columns, seconds))
    names = [name for name in PARTS if options.only in (None, name) and not options.calls]
    parts = {name: text for name in names if (text := part(name, options.quick)) is not None}
    text = block(columns, results, parts, load)
    print(f"\n{text}")
    complete = len(parts) == len(names) and all((bare(kind), calls) in results for kind, calls in columns)
    if options.write and complete:
        README.write_text(replaced(README.read_text(), text))
    elif options.write:
        print("\nsomething failed: bench/README.md stays as it was")
    return int(not complete or any(result.doubts() for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
