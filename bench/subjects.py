"""What is measured: the server as a user starts it, and the floor; each a process of its own, on a free port."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

from msgspec import Struct

START_S = 60.0
STOP_S = 10.0
ROOT = Path(__file__).resolve().parents[1]
SPARE = 10  # calls above those that are made, so that none is refused

SCRIPTED = """
stt = {name = "scripted", lines = ["the child almost hurt the small dog", "what is nine plus five"]}
llm = {name = "scripted", count = 10}
tts = {name = "scripted"}
"""
CONFIGS = {"scripted": SCRIPTED, "embedded": "", "silence": "[turn]\nrules = []\n"}
"""What is added to the defaults: `embedded` is what `voicewire serve` does without a configuration, and `silence` that
with the silence alone to end a turn."""


class SubjectFailed(Exception):
    """It did not start, ended too early, or a call on it broke; says why, with the end of its log."""


class Subject(Struct, frozen=True):
    """A process that serves."""

    pid: int
    url: str


@contextlib.asynccontextmanager
async def serving(kind: str, calls: int, back: float | None = None) -> AsyncIterator[Subject]:
    """Start one of CONFIGS, or the `floor`, wait until it is ready, stop it at the end. Raises SubjectFailed.

    `back`: see `bench.floor`.
    """
    async with started(kind, lambda port, folder: command(kind, calls, port, folder, back)) as subject:
        yield subject


@contextlib.asynccontextmanager
async def started(
    name: str, made: Callable[[int, Path], list[str]], environment: Mapping[str, str] | None = None
) -> AsyncIterator[Subject]:
    """The same with a command of one's own: `made` gives it, for a port and a folder for files."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w+") as log:
        process = await asyncio.create_subprocess_exec(
            *made(port, Path(folder)),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env={**os.environ, **(environment or {})},
        )
        try:
            await _ready(name, process)
            yield Subject(process.pid, f"ws://127.0.0.1:{port}/ws")
        except (SubjectFailed, OSError) as error:  # TimeoutError too; nothing can be read of a process that is gone
            raise SubjectFailed(f"{error or 'it took too long'}\n{_end_of(Path(log.name))}") from error
        finally:
            await _stop(process)


def command(kind: str, calls: int, port: int, folder: Path, back: float | None = None) -> list[str]:
    """How it is started; a configuration is written to the folder."""
    if kind == "floor":
        options = [] if back is None else ["--back", f"{back:.4f}"]
        return [sys.executable, "-m", "bench.floor", "--port", str(port), *options]
    config = folder / "voicewire.toml"
    config.write_text(f"port = {port}\nmax_calls = {calls + SPARE}\n{CONFIGS[kind]}")
    return [sys.executable, "-m", "server", "serve", "--config", str(config)]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _ready(kind: str, process: asyncio.subprocess.Process) -> None:
    """Wait for the line that says so."""
    assert process.stdout
    try:
        async with asyncio.timeout(START_S):
            line = await process.stdout.readline()
    except TimeoutError:
        line = b""
    if b" is ready" not in line:
        raise SubjectFailed(f"{kind} did not start")


def _end_of(log: Path) -> str:
    return log.read_text()[-2000:]


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
