"""`make sim`: many simulated calls, counts of what happened in them, and the journal's tail of the first that fails.

    python -m tests.sim.run [--calls 150000] [--first 0] [--processes 2] [--seed N]

`--seed N` runs one call and prints its whole journal. A seed that failed once stands in seeds.txt for ever.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.sim.oracles import Violation
from tests.sim.replayed import check_replay
from tests.sim.world import World

KEPT = Path(__file__).with_name("seeds.txt")
CHUNK = 200
REPLAYED_EVERY = 10


def kept_seeds() -> list[int]:
    """The seeds that failed once."""
    return [int(line.split()[0]) for line in KEPT.read_text().splitlines() if line and not line.startswith("#")]


def run_seed(seed: int, counts: Counter[str]) -> None:
    """Run one call and count what happened in it. Raises Violation."""
    world = World(seed)
    world.run()
    if seed % REPLAYED_EVERY == 0:
        check_replay(world)
        counts["replayed"] += 1
    counts["calls"] += 1
    counts["events"] += world.events
    counts["seconds simulated"] += int(world.now)
    counts["link drops"] += world.models.count("drops")
    counts["requests"] += world.models.count("asked")
    counts["answers taken up again"] += world.oracles.resumed
    counts["stalls"] += world.models.count("stalls")
    counts["refusals"] += world.models.count("refusals")
    counts["tool runs"] += sum(world.tools.runs.values())
    counts["tools cancelled"] += world.tools.cancelled
    counts["interruptions"] += world.oracles.speech.interruptions
    counts["apologies"] += world.oracles.apologies
    counts["late output refused"] += world.core.answering.stale
    counts["answers read only"] += world.oracles.model.read > 0
    counts["asked of the second model"] += world.models.switched
    counts["fillers"] += world.oracles.speech.fillers
    counts["answers spoken ahead"] += world.oracles.speech.ahead
    counts["early answers used"] += world.oracles.model.early
    counts["summaries"] += world.oracles.model.summaries
    counts["turns that were not done"] += world.models.count("marks")
    counts["pauses judged"] += world.judge.judged if world.judge else 0
    counts["async calls cancelled by the model"] += len(world.oracles.model.cancelled_by_model - {"nobody"})
    counts += world.counts


def run_many(seeds: Iterable[int]) -> tuple[Counter[str], list[tuple[int, str]]]:
    """Run calls; the counts, and (seed, what was wrong) for those that failed."""
    counts: Counter[str] = Counter()
    failed: list[tuple[int, str]] = []
    for seed in seeds:
        try:
            run_seed(seed, counts)
        except Violation as violation:
            failed.append((seed, str(violation)))
        except Exception as error:
            failed.append((seed, f"seed {seed}: {type(error).__name__}: {error}"))
    return counts, failed


def first_failure(seeds: Iterable[int]) -> int:
    """Run calls in this process until one fails; the exit code."""
    for seed in seeds:
        _, failed = run_many([seed])
        if failed:
            sys.stdout.write(f"{failed[0][1]}\n")
            return 1
    return 0


def tail(seed: int, lines: int = 60) -> str:
    """The end of a failing call's journal."""
    world = World(seed)
    try:
        world.run()
    except Exception as error:
        return "".join(world.journal.text().splitlines(keepends=True)[-lines:]) + f"{type(error).__name__}: {error}\n"
    return "(it passes now)\n"


def main() -> int:
    """Run, print, and say by the exit code whether every oracle was content."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=150_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--first-failure", action="store_true", help="stop at the first failing seed")
    parser.add_argument("--seed", type=int)
    options = parser.parse_args()
    if options.seed is not None:
        sys.stdout.write(tail(options.seed, 1 << 30))
        return 0
    if options.first_failure:
        return first_failure([*kept_seeds(), *range(options.first, options.first + options.calls)])
    seeds = list(range(options.first, options.first + options.calls)) + kept_seeds()
    chunks = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    counts: Counter[str] = Counter()
    failed: list[tuple[int, str]] = []
    started = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        for part, bad in pool.imap_unordered(run_many, chunks):
            counts += part
            failed += bad
    for what in sorted(counts):
        sys.stdout.write(f"{counts[what]:>12,}  {what}\n")
    sys.stdout.write(f"{len(failed):>12,}  violations, in {time.monotonic() - started:.0f} s\n")
    for _, what in sorted(failed)[:10]:
        sys.stdout.write(f"{what}\n")
    if failed:
        sys.stdout.write(tail(min(failed)[0]))
        sys.stdout.write(f"Add the seed to {KEPT.name}, so that it is run for ever.\n")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
