"""When the bot answers, yields and keeps quiet, measured from outside: `python -m bench.turns`.

    python -m bench.turns --quick                    four minutes: does all of it run?
    python -m bench.turns --only transcript          one strategy
    python -m bench.turns --turn-model FILE          the rule `acoustic` too, with this model
    python -m bench.turns --write                    all of it, and into bench/README.md

Real servers, real websockets, real time. `bench/turn_scenes.py` says what the callers say, `bench/turn_services.py`
what stands in for engines that punctuate or follow turns.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args, get_type_hints

from msgspec import Struct

from audio.blas import set_blas_threads
from bench.measure import machine
from bench.report import replaced
from bench.run import Plan, Result, run
from bench.subjects import Subject, SubjectFailed, started
from bench.turn_agent import NOTES
from bench.turn_calls import call, shared_out
from bench.turn_ear import Results
from bench.turn_report import Early, counted, early_table, edges_table, noise_lines, strategy_table
from bench.turn_scenes import Scene, sentences, sounds, whole
from server.call.policy import Policy

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- turns: begin -->", "<!-- turns: end -->"
CALLS = 10
SPARE = 4
SENTENCES_S = 120.0  # the longest that the calls of one server take
SOUNDS = 104
QUICK_SCENES = 20
EDGES_S = 25.0

AT_ONCE = 'llm = {name = "bench.turn_services:model"}\ntts = {name = "scripted", ms_per_char = 40}\n'
KNOWING = 'stt = {name = "bench.turn_services:ears"}\n'
FOLLOWING = 'stt = {name = "bench.turn_services:ears", follows_turns = true}\n'
STORY = 'llm = {name = "bench.turn_services:model", count = 150}\ntts = {name = "scripted"}\n'
SLOW = 'llm = {name = "bench.turn_services:model", first_token_ms = 300.0}\n'
SLOW += 'tts = {name = "scripted", ms_per_char = 40, delay_ms = 100}\n'


class Strategy(Struct, frozen=True):
    """How the end of a turn is found, as a configuration."""

    name: str
    config: str
    key: bool = False


STRATEGIES = (
    Strategy("silence alone", f"{AT_ONCE}[turn]\nrules = []\n"),
    Strategy("transcript", f'{AT_ONCE}[turn]\nrules = ["transcript"]\n'),
    Strategy("transcript, pauses (the default)", AT_ONCE),
    Strategy("transcript, sentence *", f'{KNOWING}{AT_ONCE}[turn]\nrules = ["transcript", "sentence"]\n'),
    Strategy("stt *", f'{FOLLOWING}{AT_ONCE}[turn]\nrules = ["stt"]\n'),
    Strategy("key", f'{AT_ONCE}[turn]\nrules = ["key"]\n', key=True),
)
EARLY_STARTS: tuple[str, ...] = get_args(get_type_hints(Policy)["early_start"])
SILENCES_MS = (300, 800)


def served(name: str, config: str, notes: Path | None = None) -> AbstractAsyncContextManager[Subject]:
    """A server with this configuration and the agent of the bench."""

    def command(port: int, folder: Path) -> list[str]:
        file = folder / "voicewire.toml"
        file.write_text(f"port = {port}\nmax_calls = {CALLS + SPARE}\n{config}")
        return [sys.executable, "-m", "server", "serve", "bench/turn_agent.py", "--config", str(file)]

    return started(name, command, {NOTES: str(notes)} if notes else None)


async def talked(
    name: str, config: str, scenes: list[Scene], *, key: bool = False, notes: Path | None = None
) -> Results:
    """What became of these sentences. Raises SubjectFailed when a call broke."""
    print(f"{name} ... ", end="", flush=True)
    async with served(name, config, notes) as subject:
        results = await call(subject.url, shared_out(scenes, CALLS, key=key), SENTENCES_S)
    return _whole(results)


async def disturbed(count: int) -> Results:
    """What became of sounds while the bot speaks."""
    print("sounds ... ", end="", flush=True)
    async with served("sounds", STORY) as subject:
        scripts = shared_out(sounds(count), CALLS, opener=whole("caller/story.wav"))
        results = await call(subject.url, scripts, SENTENCES_S)
    return _whole(results)


async def started_early(scenes: list[Scene], silences: tuple[int, ...]) -> dict[tuple[int, str], Early]:
    """Each way of an early start, at each silence that ends a turn."""
    found: dict[tuple[int, str], Early] = {}
    for silence_ms in silences:
        for way in EARLY_STARTS:
            config = f'{SLOW}[turn]\nmin_delay_ms = {silence_ms}\n[policy]\nearly_start = "{way}"\n'
            with tempfile.TemporaryDirectory() as folder:
                notes = Path(folder) / "notes"
                results = await talked(f"early start {way}, {silence_ms} ms", config, scenes, notes=notes)
                found[silence_ms, way] = counted(results, notes.read_text() if notes.exists() else "")
    return found


def _whole(results: Results) -> Results:
    if results.broken:
        raise SubjectFailed(f"{len(results.broken)} calls broke: {results.broken[0]}")
    print(f"{len(results.sentences) + len(results.noises)} things said", flush=True)
    return results


async def measure(options: argparse.Namespace) -> str:
    """All that is wanted, as Markdown. Raises SubjectFailed."""
    scenes = sentences()[:QUICK_SCENES] if options.quick else sentences()
    strategies = [each for each in _strategies(options.turn_model) if not options.only or options.only in each.name]
    lines = [f"Measured on {datetime.now(UTC):%Y-%m-%d} by `python -m bench.turns` on", ""]
    lines += [f"* {line}" for line in machine()]
    if not options.only:
        edges: Result = await run(Plan("silence", CALLS, 6.0 if options.quick else EDGES_S))
        lines += ["", "#### Answer and barge-in, with the embedded services and silence alone", "", edges_table(edges)]
    if strategies:
        found = {each.name: await talked(each.name, each.config, scenes, key=each.key) for each in strategies}
        lines += ["", "#### The end of a turn, by strategy", "", strategy_table(found)]
    if options.only in (None, "sounds"):
        noises = await disturbed(12 if options.quick else SOUNDS)
        lines += ["", "#### Sounds while the bot speaks", "", *noise_lines(noises)]
    if options.only in (None, "early"):
        few = scenes[: QUICK_SCENES if options.quick else len(scenes) // 2]
        starts = await started_early(few, SILENCES_MS[:1] if options.quick else SILENCES_MS)
        lines += ["", "#### Early start", "", early_table(starts)]
    return "\n".join(lines)


def _strategies(turn_model: Path | None) -> tuple[Strategy, ...]:
    if turn_model is None:
        return STRATEGIES
    model = f'turn_model = {{name = "smart-turn", path = "{turn_model}"}}\n'
    return (*STRATEGIES, Strategy("acoustic", f'{model}{AT_ONCE}[turn]\nrules = ["acoustic"]\n'))


def main() -> int:
    """Measure, show, write. The exit code is 1 when a run failed."""
    parser = argparse.ArgumentParser(prog="python -m bench.turns", description="when the bot answers and yields")
    parser.add_argument("--quick", action="store_true", help="few of everything, to see that all of it runs")
    parser.add_argument("--only", help="one strategy (part of its name), `sounds` or `early`")
    parser.add_argument("--turn-model", type=Path, help="the ONNX file of an acoustic model")
    parser.add_argument("--write", action="store_true", help="put the results into bench/README.md")
    options = parser.parse_args()
    if options.write and (options.quick or options.only):
        parser.error("--write takes the whole run: leave --quick and --only out")
    set_blas_threads(1)
    try:
        text = asyncio.run(measure(options))
    except SubjectFailed as error:
        print(f"failed: {error}")
        return 1
    print(f"\n{text}")
    if options.write:
        README.write_text(replaced(README.read_text(), text, (BEGIN, END)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
