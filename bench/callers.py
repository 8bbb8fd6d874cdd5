"""Callers over the native wire, in a process of their own: `python -m bench.callers URL --calls 10`.

Each streams its recording in real time: message n leaves at t0 + n · 20 ms on an absolute clock and holds the 20 ms of
sound before that instant, as a microphone would give them. What they say depends on no answer, so two servers get the
same load. Every second caller is a client as the browser page is (it can pause and clear, and reports what it played
every 100 ms), the others only send and receive audio.

The load must stay cheap beside what it loads: frames are slices of one loop, one timer a message, no audio is decoded.

Talks to whoever started it by lines on stdout: `warm` (one call has come and gone), `open` and `closed` (the window in
which things are counted), then one line of JSON, a `Report`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import os
import time
from collections.abc import AsyncIterator, Sequence

import aiohttp
import msgspec
import uvloop
from msgspec import Struct

from audio.blas import set_blas_threads
from bench.listener import Heard, Listener, Window
from bench.speech import FRAME, FRAME_MS, RATE_HZ, SCRIPTS, Loop, load

FRAME_S = FRAME_MS / 1000
RAMP_S = 0.02  # between two calls that begin
REST_S = 1.0  # after it; the server's memory without a call is read then
SETTLE_S = 3.0  # from the last call's beginning to the window
TAIL_S = 1.5  # after it, so that its last turns are answered
READY_S = 10.0
REPORT_FRAMES = 5
START = '{"type":"start","can":["clear","pause","played"]}'


class Report(Struct):
    """What all callers measured; times in ms."""

    heard: Heard
    accept: list[float]
    """From connecting to `ready`, of those that send `start` at once."""
    lateness: list[float]
    """Of the callers' own messages, against their clock."""
    broken: list[str]
    """Calls that failed or ended early, and how."""
    audio_messages: int
    """Of the bot, in the window."""
    text_messages: int


class Plan(Struct, frozen=True):
    """What one caller is to do."""

    loop: Loop
    offset: int
    """Where in the loop it starts (samples, whole frames)."""
    phase: float
    """Where in each 20 ms its messages leave (0 to 1)."""
    page: bool
    silence_ms: float
    lead_ms: float


class _Type(Struct):
    type: str


_type = msgspec.json.Decoder(_Type)


class Call:
    """One caller."""

    def __init__(self, plan: Plan, window: Window) -> None:
        self._plan = plan
        self._window = window
        self._began = 0.0  # the clock's t0
        self._listener: Listener | None = None
        self._begun = asyncio.Event()
        self._hanging_up = False
        self._reported = 0
        self.audio_messages = 0
        self.text_messages = 0
        self.accepted = asyncio.Event()
        self.accept_ms: float | None = None
        self.heard = Heard()
        self.lateness: list[float] = []
        self.broken: str | None = None

    async def run(self, session: aiohttp.ClientSession, url: str, over: asyncio.Event) -> None:
        """Call, set `accepted` when it is (or has failed), hang up when it is `over`."""
        connecting = time.monotonic()
        try:
            socket = await session.ws_connect(url, compress=0, max_msg_size=0)
            async with asyncio.TaskGroup() as group:
                reader = group.create_task(self._listen(socket, connecting))
                speaker = group.create_task(self._speak(socket))
                await over.wait()
                self._hanging_up = True
                speaker.cancel()
                await socket.close()
                await reader
        except* (aiohttp.ClientError, OSError, EOFError) as errors:
            self.broken = "; ".join(f"{type(error).__name__}: {error}" for error in errors.exceptions)
        finally:
            self.accepted.set()
        if self._listener:
            self.heard = self._listener.finish(time.monotonic())

    def _begin(self) -> None:
        """The microphone is on from the next instant that is this caller's own in each 20 ms."""
        plan, now = self._plan, time.monotonic()
        self._began = now + (plan.phase * FRAME_S - now) % FRAME_S
        self._listener = Listener(
            plan.loop.turns(plan.offset, self._began),
            self._window,
            rate_hz=RATE_HZ,
            page=plan.page,
            silence_ms=plan.silence_ms,
            lead_ms=plan.lead_ms,
        )
        self._begun.set()

    async def _speak(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        plan = self._plan
        if plan.page:
            await socket.send_str(START)
        else:
            self._begin()
        await self._begun.wait()
        for number in itertools.count(1):
            due = self._began + number * FRAME_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if self._window.begin <= due <= self._window.end:
                self.lateness.append((time.monotonic() - due) * 1000)
            await socket.send_bytes(plan.loop.frame(number - 1, plan.offset))
            if plan.page and number % REPORT_FRAMES == 0:
                await self._report(socket)

    async def _report(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        assert self._listener
        played = self._listener.player.played(time.monotonic())
        if played != self._reported:
            self._reported = played
            await socket.send_str(f'{{"type":"played","samples":{played}}}')

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse, connecting: float) -> None:
        async for message in socket:
            now = time.monotonic()
            counted = self._window.begin <= now <= self._window.end
            if message.type is aiohttp.WSMsgType.BINARY:
                self.audio_messages += counted
                if self._listener:
                    self._listener.audio(now, len(message.data) // 2)
                continue
            self.text_messages += counted
            kind = _type.decode(message.data).type
            if kind == "ready":
                if self._plan.page:
                    self.accept_ms = (now - connecting) * 1000
                    self._begin()
                self.accepted.set()
            elif self._listener:
                self._listener.message(now, kind)
                if kind == "clear" and self._plan.page:
                    samples = self._listener.player.played(now)
                    await socket.send_str(f'{{"type":"cleared","samples":{samples}}}')
        if not self._hanging_up:
            raise EOFError(f"the server ended the call with code {socket.close_code}")


def plans(loop: Loop, calls: int, options: argparse.Namespace) -> list[Plan]:
    """Callers that are spread evenly over the loop and over each 20 ms."""
    frames = loop.samples // FRAME
    return [
        Plan(
            loop=loop,
            offset=frames * number // calls * FRAME,
            phase=number / calls,
            page=number % 2 == 0 and not options.plain,
            silence_ms=options.silence_ms,
            lead_ms=options.lead_ms,
        )
        for number in range(calls)
    ]


async def measure(options: argparse.Namespace) -> Report:
    """One call to warm up: what is made once, on first use, is not counted to a call. Then all of them.

    Raises TimeoutError when calls are not accepted in time.
    """
    loop = load(SCRIPTS[options.script])
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        async with hold(session, options.url, plans(loop, 1, options), Window()):
            await asyncio.sleep(options.warm_s)
        say("warm")
        await asyncio.sleep(REST_S)
        window = Window()
        async with hold(session, options.url, plans(loop, options.calls, options), window) as calls:
            await asyncio.sleep(SETTLE_S)
            window.begin = time.monotonic()
            window.end = window.begin + options.seconds
            say("open")
            await asyncio.sleep(options.seconds)
            say("closed")
            await asyncio.sleep(TAIL_S)
    return report(calls)


@contextlib.asynccontextmanager
async def hold(
    session: aiohttp.ClientSession, url: str, them: Sequence[Plan], window: Window
) -> AsyncIterator[list[Call]]:
    """Hold these calls at once; they hang up at the end."""
    calls = [Call(plan, window) for plan in them]
    over = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for call in calls:
            group.create_task(call.run(session, url, over))
            await asyncio.sleep(RAMP_S)
        async with asyncio.timeout(READY_S):
            for call in calls:
                await call.accepted.wait()
        yield calls
        over.set()


def report(calls: Sequence[Call]) -> Report:
    """All calls' numbers put together."""
    heard = Heard()
    for call in calls:
        heard.add(call.heard)
    return Report(
        heard=heard,
        accept=[call.accept_ms for call in calls if call.accept_ms is not None],
        lateness=[late for call in calls for late in call.lateness],
        broken=[call.broken for call in calls if call.broken],
        audio_messages=sum(call.audio_messages for call in calls),
        text_messages=sum(call.text_messages for call in calls),
    )


def say(line: str) -> None:
    """Tell whoever started us. With PYTHONUNBUFFERED, `print` would lose what a pipe does not take at once."""
    with os.fdopen(1, "w", closefd=False) as out:
        out.write(line + "\n")


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser(description="callers over the native wire")
    parser.add_argument("url", help="ws://host:port/ws")
    parser.add_argument("--calls", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--warm-s", type=float, default=4.0, help="how long one call goes on before all others")
    parser.add_argument("--script", choices=SCRIPTS, default="scripted")
    parser.add_argument("--plain", action="store_true", help="no caller is as the browser page is")
    parser.add_argument("--silence-ms", type=float, default=300.0, help="what the server waits at the end of a turn")
    parser.add_argument("--lead-ms", type=float, default=200.0, help="how much audio it sends ahead")
    set_blas_threads(1)
    say(msgspec.json.encode(uvloop.run(measure(parser.parse_args()))).decode())


if __name__ == "__main__":
    main()
