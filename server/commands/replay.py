"""Feed a call's journal to a fresh core and compare what it does.

voicewire serve --journal journals/       keeps a journal of each call
voicewire replay journals/4f0c….journal   exit code 0: the same commands; 1: the first difference is shown
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from link.errors import ConfigError
from server.call.journal import replay


def add(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("journal", type=Path)
    parser.add_argument("--show", action="store_true", help="print each fact with its time")


def run(options: argparse.Namespace) -> int:
    """Replay. Raises ConfigError for a file that is no journal."""
    facts, begin = 0, 0.0
    try:
        with options.journal.open("rb") as file:
            for line, difference in replay(file):
                if difference is not None:
                    return _show(difference.line, difference.journal, difference.core)
                begin = begin or line.t
                facts += 1
                if options.show:
                    sys.stdout.write(f"{line.t - begin:9.3f}  {msgspec.json.encode(line.fact).decode()}\n")
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"{options.journal} cannot be replayed: {error}") from error
    sys.stdout.write(f"{options.journal}: {facts} facts, the same commands\n")
    return 0


def _show(line: int, journal: list[object], core: list[object]) -> int:
    text = f"line {line}: the core does something else\n  journal: {journal}\n  now:     {core}\n"
    sys.stdout.write(text)
    return 1
