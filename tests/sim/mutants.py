"""`make mutants`: applies each deliberate fault of mutations*.toml to a copy and sees whether the tests notice.

    python -m tests.sim.mutants [--calls 2000] [--only "part of a name"]

First the simulated world, until its first violation; a fault that it does not notice meets the unit tests of the
pure modules, one in a service of ears or voices only their own tests. At least 95 % must be killed.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from msgspec import Struct

ROOT = Path(__file__).parents[2]
COPIED = ("link", "llm", "audio", "server", "static", "examples", "bench", "tests")
UNCOPIED = shutil.ignore_patterns("__pycache__", "e2e", "*.wav", "*.flac")
UNIT = (
    "tests/unit/server/call/test_core*.py",
    "tests/unit/llm/test_function_calls*.py",
    "tests/unit/llm/test_context*.py",
    "tests/unit/llm/test_summary*.py",
    "tests/unit/llm/test_turn_completion.py",
    "tests/unit/llm/test_fallback*.py",
    "tests/unit/llm/test_breaker.py",
    "tests/unit/llm/test_continuation*.py",
    "tests/unit/audio/test_playout*.py",
    "tests/unit/audio/test_chunking.py",
    "tests/unit/audio/test_turn*.py",
    "tests/unit/audio/test_revision.py",
    "tests/unit/audio/test_endpoint.py",
    "tests/unit/audio/smart_turn/test_questions.py",
    "tests/unit/audio/test_pieces.py",
    "tests/unit/audio/test_s[pt]*.py",
    "tests/unit/audio/test_pronunciation.py",
    "tests/unit/server/call/test_*.py",
)
"""The tests of the pure modules, the quick ones first."""
REQUIRED = 0.95
LIMIT_S = 300.0  # of one run, some 40 s on a quiet machine: a fault may make a call that never ends


class Mutant(Struct, frozen=True, forbid_unknown_fields=True):
    """`old` stands exactly once in `file`. `equivalent` says why nothing could notice.

    `tests` is a pattern: the tests that must notice, without the simulated world.
    """

    name: str
    file: str
    old: str
    new: str
    tests: str = ""
    equivalent: str = ""


def all_mutants() -> list[Mutant]:
    """The faults of both files."""
    files = [Path(__file__).with_name(name) for name in ("mutations.toml", "mutations_services.toml")]
    lists = [msgspec.toml.decode(file.read_bytes(), type=dict[str, list[Mutant]])["mutant"] for file in files]
    return [mutant for each in lists for mutant in each]


def copy(into: Path) -> None:
    """The code and its tests, as they are."""
    for folder in COPIED:
        shutil.copytree(ROOT / folder, into / folder, ignore=UNCOPIED)
    shutil.copy(ROOT / "pyproject.toml", into)


def copy_with(mutant: Mutant, into: Path) -> None:
    """A copy of the code with one fault. Raises ValueError when the text does not stand there exactly once."""
    copy(into)
    file = into / mutant.file
    text = file.read_text()
    if text.count(mutant.old) != 1:
        raise ValueError(f"{mutant.name}: its text stands {text.count(mutant.old)} times in {mutant.file}")
    text = text.replace(mutant.old, mutant.new)
    compile(text, mutant.file, "exec")  # a fault that is no Python would be noticed for the wrong reason
    file.write_text(text)


def killed_by(mutant: Mutant, calls: int) -> str | None:
    """What noticed the fault; None for nothing."""
    with tempfile.TemporaryDirectory() as folder:
        copy_with(mutant, Path(folder))
        if mutant.tests:
            return _tests(Path(folder), (mutant.tests,))
        return noticed(Path(folder), calls)


def noticed(folder: Path, calls: int) -> str | None:
    """What is not content with the code in a folder: the simulated world, else the unit tests; None for nothing."""
    world = [sys.executable, "-m", "tests.sim.run", "--calls", str(calls), "--processes", "1", "--first-failure"]
    return _run(world, folder) or _tests(folder, UNIT)


def _tests(folder: Path, patterns: Sequence[str]) -> str | None:
    files = [str(file) for pattern in patterns for file in sorted(folder.glob(pattern))]
    return _run([sys.executable, "-m", "pytest", "-q", "-x", "--tb=no", *files], folder)


def _run(command: list[str], folder: Path) -> str | None:
    """The last line of a run that failed. Raises RuntimeError for one that could not begin, which proves nothing."""
    try:
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return "it never ends"
    if result.returncode == 0:
        return None
    if result.returncode != 1:
        raise RuntimeError(f"{' '.join(command)} ended with {result.returncode}:\n{result.stdout}{result.stderr}")
    return [line for line in (result.stdout + result.stderr).splitlines() if line.strip()][-1][:110]


def check_the_unchanged(calls: int) -> None:
    """Raises RuntimeError when the code as it is fails too: every fault would then count as noticed."""
    with tempfile.TemporaryDirectory() as folder:
        copy(Path(folder))
        services = sorted({mutant.tests for mutant in all_mutants() if mutant.tests})
        if found := noticed(Path(folder), calls) or _tests(Path(folder), services):
            raise RuntimeError(f"the code without a fault is not content: {found}")


def main() -> int:
    """Run all mutants, two at a time; exit code 1 when too many survive."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    check_the_unchanged(options.calls)
    mutants = [mutant for mutant in all_mutants() if options.only in mutant.name]
    survived: list[Mutant] = []
    with ThreadPoolExecutor(2) as pool:
        for mutant, how in zip(mutants, pool.map(lambda each: killed_by(each, options.calls), mutants), strict=True):
            verdict = f"killed    {mutant.name}  ({how})" if how else f"SURVIVED  {mutant.name}  ({mutant.equivalent})"
            sys.stdout.write(f"{verdict}\n")
            sys.stdout.flush()
            survived += [] if how else [mutant]
    share = 1 - len(survived) / len(mutants)
    sys.stdout.write(f"{len(mutants) - len(survived)} of {len(mutants)} killed ({share:.1%})\n")
    return int(share < REQUIRED or any(not mutant.equivalent for mutant in survived))


if __name__ == "__main__":
    sys.exit(main())
