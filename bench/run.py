"""One run: a subject, callers, and what both say of the same window."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator

import msgspec
from msgspec import Struct

from bench.callers import REST_S, SETTLE_S, TAIL_S, Report
from bench.measure import Usage, cpu_s, percentile, usage
from bench.speech import FRAME_MS
from bench.subjects import ROOT, SubjectFailed, serving

MARGIN_S = 60.0  # what starting, connecting and hanging up may take
LATE_MS = 10.0
"""Callers that are later than this, at p99, do not measure the server any more."""
BUSY_CORES = 0.85
"""A server whose one thread takes more of a core than this is at its end."""
BUSY_SHARE = 0.9
"""The same of all cores, by everybody."""
OTHERS_CORES = 0.2
"""So much work of others beside the run is worth a note."""
EARLY_MS = 64.0
"""An answer that comes so much before the silence is over is none: a detector's idea of the end moves by less."""
LINE_BYTES = 64 * 1024 * 1024


class Plan(Struct, frozen=True):
    """What is run."""

    kind: str
    """`floor`, or one of `bench.subjects.CONFIGS`."""
    calls: int
    seconds: float
    """How long it counts."""
    warm_s: float = 4.0
    back: float | None = None
    """Of the floor: see `bench.floor`."""


class Result(Struct, frozen=True):
    """The numbers of one run. CPU is ms per call-second."""

    kind: str
    calls: int
    cpu_ms: float
    workers_cpu_ms: float
    empty_mb: float
    """The server's memory without a call, after one has come and gone."""
    call_mb: float
    """What each call added, at the window's begin or end, whichever was more."""
    workers_mb: float
    workers: int
    callers_cores: float
    """How much work it was to make the calls."""
    others_cores: float
    """How much work the machine did for others."""
    idle_cores: float
    """What was left of the machine."""
    audio_per_s: float
    """Messages to each caller."""
    text_per_s: float
    report: Report

    @property
    def cores(self) -> float:
        """How much of a core the server took."""
        return self.cpu_ms * self.calls / 1000

    @property
    def back(self) -> float:
        """Messages of audio to the caller for each from the caller."""
        return self.audio_per_s * FRAME_MS / 1000

    def saturated(self) -> str:
        """Who was at its end, so that the numbers say more of that than of a call: "" for nobody."""
        late = percentile(self.report.lateness, 0.99)
        if late is None or late > LATE_MS:
            return "callers"
        if self.cores > BUSY_CORES:
            return "server"
        return "machine" if self.idle_cores < (1 - BUSY_SHARE) * (os.cpu_count() or 1) else ""

    def doubts(self) -> list[str]:
        """What makes these numbers less than certain."""
        found: list[str] = []
        if who := self.saturated():
            found.append(f"do not believe it, saturated: {who}")
        if self.others_cores > OTHERS_CORES:
            found.append(f"other programs took {self.others_cores:.1f} cores meanwhile")
        if self.kind != "floor" and any(response < -EARLY_MS for response in self.report.heard.responses):
            found.append("an answer came before the silence was over, so it was none")
        return found


async def run(plan: Plan) -> Result:
    """Measure one subject under so many calls. Raises SubjectFailed."""
    limit_s = plan.warm_s + REST_S + SETTLE_S + plan.seconds + TAIL_S + MARGIN_S
    async with serving(plan.kind, plan.calls, plan.back) as subject, calling(plan, subject.url) as callers:
        async with asyncio.timeout(limit_s):
            await _line(callers, b"warm")
            await asyncio.sleep(REST_S / 2)
            empty = usage(subject.pid)
            await _line(callers, b"open")
            begin, begin_load = usage(subject.pid), _load_s(callers.pid)
            await _line(callers, b"closed")
            end, end_load = usage(subject.pid), _load_s(callers.pid)
            report = msgspec.json.decode(await _line(callers), type=Report)
        if report.broken:
            raise SubjectFailed(f"{len(report.broken)} of {plan.calls} calls broke: {report.broken[0]}")
    return result(plan.kind, plan.calls, (empty, begin, end), end_load - begin_load, report)


def result(kind: str, calls: int, usages: tuple[Usage, Usage, Usage], load_s: float, report: Report) -> Result:
    """Put together what was read without a call, at the window's begin and at its end; `load_s`: the callers' CPU."""
    empty, begin, end = usages
    wall_s = end.at - begin.at
    cpu, workers_cpu = end.cpu_s - begin.cpu_s, end.workers_cpu_s - begin.workers_cpu_s
    machine_cpu = end.machine_cpu_s - begin.machine_cpu_s
    return Result(
        kind=kind,
        calls=calls,
        cpu_ms=cpu / wall_s / calls * 1000,
        workers_cpu_ms=workers_cpu / wall_s / calls * 1000,
        empty_mb=empty.memory_mb,
        call_mb=(max(begin.memory_mb, end.memory_mb) - empty.memory_mb) / calls,
        workers_mb=end.workers_memory_mb,
        workers=end.workers,
        callers_cores=load_s / wall_s,
        others_cores=max(0.0, (machine_cpu - cpu - workers_cpu - load_s) / wall_s),
        idle_cores=(os.cpu_count() or 1) - machine_cpu / wall_s,
        audio_per_s=report.audio_messages / wall_s / calls,
        text_per_s=report.text_messages / wall_s / calls,
        report=report,
    )


@contextlib.asynccontextmanager
async def calling(plan: Plan, url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The callers' process. The floor's callers report nothing: it has nobody to tell."""
    options = ["--calls", str(plan.calls), "--seconds", str(plan.seconds), "--warm-s", str(plan.warm_s)]
    options += ["--script", "scripted" if plan.kind in ("scripted", "floor") else "embedded"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.callers", url, *options, *(["--plain"] if plan.kind == "floor" else [])),
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
