"""One run: a subject, callers, and what both say of the same window."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator

import msgspec
from msgspec import Struct

from bench.callers import REST_S, SETTLE_S, TAIL_S, WARM_S, Report
from bench.measure import Usage, cpu_s, percentile, usage
from bench.subjects import ROOT, SubjectFailed, serving

MARGIN_S = 60.0  # what starting, connecting and hanging up may take
SLOW_MS = 10.0
"""Callers that are later than this, at p99, do not measure the server any more."""
OTHERS_CORES = 0.2
"""So much work of others beside the run is worth a note."""
LINE_BYTES = 64 * 1024 * 1024


class Result(Struct, frozen=True):
    """The numbers of one run. CPU is ms per call-second."""

    kind: str
    calls: int
    cpu_ms: float
    workers_cpu_ms: float
    empty_mb: float
    """The server's memory without a call, after one has come and gone."""
    call_mb: float
    """What each call added."""
    workers_mb: float
    workers: int
    others_cores: float
    """How much work the machine did for others."""
    report: Report

    def doubts(self) -> list[str]:
        """What makes these numbers less than certain."""
        name, found = f"{self.kind} at {self.calls}", []
        late = percentile(self.report.lateness, 0.99)
        if late is None or late > SLOW_MS:
            found.append(f"{name}: do not believe it, the callers themselves were {late or 0:.0f} ms late at p99")
        if self.others_cores > OTHERS_CORES:
            found.append(f"{name}: other programs took {self.others_cores:.1f} cores meanwhile")
        found += [f"{name}: a call broke: {why}" for why in self.report.broken[:3]]
        return found


async def run(kind: str, calls: int, seconds: float) -> Result:
    """Measure one subject under so many calls. Raises SubjectFailed."""
    async with serving(kind, calls) as subject, calling(kind, calls, seconds, subject.url) as callers:
        async with asyncio.timeout(WARM_S + REST_S + SETTLE_S + seconds + TAIL_S + MARGIN_S):
            await _line(callers, b"warm")
            await asyncio.sleep(REST_S / 2)
            empty = usage(subject.pid)
            await _line(callers, b"open")
            begin, begin_load = usage(subject.pid), _load_s(callers.pid)
            await _line(callers, b"closed")
            end, end_load = usage(subject.pid), _load_s(callers.pid)
            report = msgspec.json.decode(await _line(callers), type=Report)
    return result(kind, calls, (empty, begin, end), end_load - begin_load, report)


def result(kind: str, calls: int, usages: tuple[Usage, Usage, Usage], load_s: float, report: Report) -> Result:
    """Put together what was read without a call, at the window's begin and at its end; `load_s`: the callers' CPU."""
    empty, begin, end = usages
    wall_s = end.at - begin.at
    cpu, workers_cpu = end.cpu_s - begin.cpu_s, end.workers_cpu_s - begin.workers_cpu_s
    others = end.machine_cpu_s - begin.machine_cpu_s - cpu - workers_cpu - load_s
    return Result(
        kind=kind,
        calls=calls,
        cpu_ms=cpu / wall_s / calls * 1000,
        workers_cpu_ms=workers_cpu / wall_s / calls * 1000,
        empty_mb=empty.memory_mb,
        call_mb=(end.memory_mb - empty.memory_mb) / calls,
        workers_mb=end.workers_memory_mb,
        workers=end.workers,
        others_cores=max(0.0, others / wall_s),
        report=report,
    )


@contextlib.asynccontextmanager
async def calling(kind: str, calls: int, seconds: float, url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The callers' process. The floor's callers report nothing: it has nobody to tell."""
    options = ["--script", "embedded" if kind == "embedded" else "scripted", *(["--plain"] if kind == "floor" else [])]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.callers", url, "--calls", str(calls), "--seconds", str(seconds), *options),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        limit=LINE_BYTES,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await process.wait()


async def _line(callers: asyncio.subprocess.Process, word: bytes | None = None) -> bytes:
    """The callers' next line. Raises SubjectFailed when it is not the expected one."""
    assert callers.stdout
    line = (await callers.stdout.readline()).strip()
    if not line or (word and line != word):
        raise SubjectFailed(f"the callers ended too early: {(word or b'the report').decode()} was expected")
    return line


def _load_s(pid: int) -> float:
    """What making the load costs: the callers and this process."""
    return cpu_s(pid) + cpu_s(os.getpid())
