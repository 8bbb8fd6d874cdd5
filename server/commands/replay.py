"""Feed a call's journal to a fresh core and compare what it does.

    voicewire serve --journal journals/       keeps a journal of each call
    voicewire replay journals/4f0c….journal   replays one

Exit code: 0 the core gave the same commands, 1 the first difference is shown (or nobody reads the output any more),
2 the file is no journal.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import msgspec

from link.errors import ConfigError
from server.call.journal import replay


def add(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("journal", type=Path, help="the journal's file")
    parser.add_argument("--show", action="store_true", help="print each fact with its time")


def run(options: argparse.Namespace) -> int:
    """Replay. Raises ConfigError for a file that is no journal."""
    try:
        code = _replay(options.journal, show=options.show)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read the output has gone; the interpreter is not to complain of it again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"{options.journal} cannot be replayed: {error}") from error
    return code


def _replay(journal: Path, *, show: bool) -> int:
    facts, begin = 0, 0.0
    with journal.open("rb") as file:
        for line, difference in replay(file):
            if difference is not None:
                return _show(difference.line, difference.journal, difference.core)
            begin = begin or line.t
            facts += 1
            if show:
                sys.stdout.write(f"{line.t - begin:9.3f}  {msgspec.json.encode(line.fact).decode()}\n")
    sys.stdout.write(f"{journal}: {facts} facts, the same commands\n")
    return 0


def _show(line: int, journal: list[object], core: list[object]) -> int:
    text = f"line {line}: the core does something else\n  journal: {journal}\n  now:     {core}\n"
    sys.stdout.write(text)
    return 1
