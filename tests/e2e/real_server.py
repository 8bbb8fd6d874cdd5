"""The real thing for one test: `voicewire serve` in a process of its own, and a brain that the test can take away."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import soundfile

START_S = 60.0  # a loaded machine starts two workers and a synthesizer
DATA = Path(__file__).parents[1] / "data"
RATE_HZ = 16000


class RealServer:
    """A server process; `url` is where its page is."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.process = process
        self.url = url


@asynccontextmanager
async def serving(config: Path, *arguments: str) -> AsyncIterator[RealServer]:
    """`voicewire serve` with this configuration, on a free port."""
    command = [sys.executable, "-m", "server", "serve", "--config", str(config), "--port", "0", *arguments]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env={**os.environ})
    try:
        async with asyncio.timeout(START_S):
            assert process.stdout
            line = (await process.stdout.readline()).decode()
        found = re.search(r"http://\S+", line)
        assert found, f"the server did not start: {line!r}"
        yield RealServer(process, found[0])
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def recording(parts: Sequence[float | str]) -> bytes:
    """Seconds of silence and recordings (names below tests/data), one after the other, as 16 kHz PCM16."""
    pieces = []
    for part in parts:
        if isinstance(part, str):
            samples, rate = soundfile.read(DATA / part, dtype="int16")
            assert rate == RATE_HZ
            pieces.append(samples)
        else:
            pieces.append(np.zeros(int(part * RATE_HZ), np.int16))
    return bytes(np.concatenate(pieces).tobytes())
