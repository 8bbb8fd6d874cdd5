"""`make drops`, its second half: ears and voices at their providers', a fault at every message of a conversation.

    python -m tests.virtual.remote [--only nova] [--sample N]

A row for each fault, with the number of conversations of each service; whatever was wrong stands below.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.unit.audio.tts.provider import DIALECTS
from tests.virtual import remote_ears, remote_voices
from tests.virtual.remote_ears import EARS, Cell

Verdict = tuple[str, Cell, list[str]]


def try_cell(kind: str, cell: Cell) -> Verdict:
    """Hold one conversation and judge it."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            wrong = (remote_ears if kind == "ears" else remote_voices).hold(cell, Path(folder))
        except Exception as error:
            wrong = [f"{type(error).__name__}: {error}"]
    return kind, cell, wrong


def report(verdicts: Sequence[Verdict], began: float) -> int:
    """The table, and what was wrong; the exit code."""
    services = [f"{name} ears" for name in EARS] + [f"{name} voice" for name in DIALECTS]
    counts = Counter((cell.fault, f"{cell.service} {kind}") for kind, cell, _ in verdicts)
    sys.stdout.write(f"{'':14}{''.join(f'{name:>18}' for name in services)}\n")
    for fault in dict.fromkeys(cell.fault for _, cell, _ in verdicts):
        row = "".join(f"{counts[fault, name] or '-':>18}" for name in services)
        sys.stdout.write(f"{fault:14}{row}\n")
    wrong = [each for each in verdicts if each[2]]
    took_s = time.monotonic() - began
    sys.stdout.write(f"{len(verdicts):,} conversations, {len(wrong)} violations, in {took_s:.0f} s\n")
    for kind, cell, what in wrong[:20]:
        sys.stdout.write(f"\n{kind}: {cell}\n" + "".join(f"  {each}\n" for each in what))
    return bool(wrong)


def main() -> int:
    """Hold them all; exit code 1 when something was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="part of the name of a service")
    parser.add_argument("--sample", type=int, default=1 << 30, help="so many of each service and fault")
    options = parser.parse_args()
    began = time.monotonic()
    tasks = [
        (kind, cell)
        for kind, cells in (("ears", remote_ears.cells()), ("voice", remote_voices.cells()))
        for cell in remote_ears.sample(cells, options.sample)
        if options.only in cell.service
    ]
    with multiprocessing.get_context("spawn").Pool() as pool:
        verdicts = pool.starmap(try_cell, tasks, 20)
    return report(verdicts, began)


if __name__ == "__main__":
    sys.exit(main())
