"""What a call over Twilio's wire costs: a message through its codec, and a call beside the bare parts in one run."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from bench.callers import REST_S, SETTLE_S, TAIL_S, Report
from bench.measure import cpu_s, usage
from bench.phone_callers import MEDIA, START
from bench.run import LINE_BYTES, MARGIN_S, Plan, Result, result
from bench.subjects import ROOT, SCRIPTED, SPARE, Subject, SubjectFailed, started
from bench.vad import best_us
from server.protocols.twilio import TwilioWire

BURST = 2000
FRAME = bytes(range(256)) + bytes(64)  # 20 ms of PCM16 at 8 kHz


def opened() -> TwilioWire:
    """A codec whose stream has begun."""
    wire = TwilioWire()
    wire.receive(START.format(1))
    return wire


def decoding_us(rounds: int) -> float:
    """A message of 20 ms: JSON, base64, mu-law, its order. The best of some rounds."""
    wire, best, number = opened(), float("inf"), 0
    payload = base64.b64encode(bytes(range(160))).decode()
    for _ in range(rounds):
        messages = [
            MEDIA.format(number=number + each, stream="MZ1", ms=each, payload=payload) for each in range(1, BURST + 1)
        ]
        number += BURST
        begin = time.perf_counter()
        for message in messages:
            wire.receive(message)
        best = min(best, (time.perf_counter() - begin) / BURST * 1e6)
    return best


def encoding_us(rounds: int, frames: int = 1) -> float:
    """So many frames of 20 ms in one message: mu-law, base64, JSON, and the mark behind it."""
    wire, pcm = opened(), FRAME * frames
    return best_us(lambda: wire.audio(pcm), rounds)


async def run(plan: Plan) -> Result:
    """As `bench.run.run`, over Twilio's wire. Raises SubjectFailed."""
    limit_s = plan.warm_s + REST_S + SETTLE_S + plan.seconds + TAIL_S + MARGIN_S
    async with serving(plan) as subject, calling(plan, subject.url.replace("/ws", "/twilio")) as callers:
        async with asyncio.timeout(limit_s):
            await _line(callers, b"warm")
            await asyncio.sleep(REST_S / 2)
            empty = usage(subject.pid)
            await _line(callers, b"open")
            begin, begin_load = usage(subject.pid), cpu_s(callers.pid)
            await _line(callers, b"closed")
            end, end_load = usage(subject.pid), cpu_s(callers.pid)
            report = msgspec.json.decode(await _line(callers), type=Report)
        if report.broken:
            raise SubjectFailed(f"{len(report.broken)} of {plan.calls} calls broke: {report.broken[0]}")
    return result(plan.kind, plan.calls, (empty, begin, end), end_load - begin_load, report)


@contextlib.asynccontextmanager
async def serving(plan: Plan) -> AsyncIterator[Subject]:
    """The server with scripted services and an open door, or the bare parts. Raises SubjectFailed."""

    def command(port: int, folder: Path) -> list[str]:
        if plan.kind == "floor":
            options = [] if plan.back is None else ["--back", f"{plan.back:.4f}"]
            return [sys.executable, "-m", "bench.phone_floor", "--port", str(port), *options]
        config = folder / "voicewire.toml"
        config.write_text(f"port = {port}\ninsecure = true\nmax_calls = {plan.calls + SPARE}\n{SCRIPTED}")
        return [sys.executable, "-m", "server", "serve", "--config", str(config)]

    async with started(plan.kind, command) as subject:
        yield subject


@contextlib.asynccontextmanager
async def calling(plan: Plan, url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The callers' process."""
    options = ["--calls", str(plan.calls), "--seconds", str(plan.seconds), "--warm-s", str(plan.warm_s)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.phone_callers", url, *options),
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
