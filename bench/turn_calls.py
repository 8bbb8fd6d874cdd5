"""The calls of `bench.turns`: each says one thing after the other, when the bot is silent (or while it speaks).

Message n leaves at t0 + n · 20 ms on an absolute clock and holds the 20 ms of sound before that instant. Every caller
can pause, clear and report what it played, as the browser page does.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Sequence

import aiohttp
import msgspec
import numpy as np
from msgspec import Struct

from bench.listener import Player
from bench.speech import FRAME, FRAME_MS, NOISE, RATE_HZ
from bench.turn_ear import Ear, Results
from bench.turn_scenes import Scene

FRAME_S = FRAME_MS / 1000
START = '{"type":"start","can":["clear","pause","played"]}'
READY_S = 10.0
REPORT_FRAMES = 5
GAP_S = 0.4
"""Between the end of one thing and the next, at least."""


class Script(Struct, frozen=True):
    """What one caller does."""

    scenes: tuple[Scene, ...]
    phase: float
    """Where in each 20 ms its messages leave (0 to 1)."""
    key: bool = False
    """It holds a key while it speaks (`unmute`, `mute`)."""
    opener: Scene | None = None
    """Said whenever the bot is silent; the scenes, sounds, come while it speaks."""


class _Type(Struct):
    type: str


_type = msgspec.json.Decoder(_Type)


class Caller:
    """One call."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._ear = Ear(RATE_HZ)
        self._player = Player(RATE_HZ, obeys=True)
        self._room = _room()
        self._reported = 0
        self._next = 0
        self._free_at = 0.0
        self.results = Results()

    async def run(self, session: aiohttp.ClientSession, url: str, until: float) -> None:
        """Call, say what there is to say until then, hang up."""
        try:
            async with session.ws_connect(url, compress=0, max_msg_size=0) as socket:
                await socket.send_str(START)
                async with asyncio.timeout(READY_S):
                    while _type.decode((await socket.receive()).data).type != "ready":
                        pass
                reader = asyncio.create_task(self._listen(socket))
                try:
                    await self._talk(socket, until)
                finally:
                    reader.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await reader
        except (aiohttp.ClientError, OSError, EOFError, TypeError) as error:
            self._ear.results.broken.append(f"{type(error).__name__}: {error}")
        self.results.add(self._ear.results)

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            now = time.monotonic()
            if message.type is aiohttp.WSMsgType.BINARY:
                samples = len(message.data) // 2
                self._ear.audio(now, samples)
                self._player.push(now, samples)
                continue
            kind = _type.decode(message.data).type
            if kind in ("pause", "resume", "clear"):
                self._ear.message(now, kind)
                getattr(self._player, kind)(now)
            if kind == "clear":
                await socket.send_str(f'{{"type":"cleared","samples":{self._player.played(now)}}}')

    async def _talk(self, socket: aiohttp.ClientWebSocketResponse, until: float) -> None:
        now = time.monotonic()
        began = now + (self._script.phase * FRAME_S - now) % FRAME_S
        scene: Scene | None = None
        at = 0
        for number in itertools.count(1):
            due = began + number * FRAME_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            now = time.monotonic()
            self._ear.results.lateness_ms.append((now - due) * 1000)
            if scene is None:
                if now >= until or self._said_all(due):
                    return
                scene, at = self._choose(due), 0
                if scene and self._script.key:
                    await socket.send_str('{"type":"unmute"}')
            await socket.send_bytes(self._frame(scene, at, number))
            at += 1
            if scene and at == scene.frames:
                scene = None
                if self._script.key:
                    await socket.send_str('{"type":"mute"}')
            if number % REPORT_FRAMES == 0:
                await self._report(socket)

    def _said_all(self, due: float) -> bool:
        return self._next == len(self._script.scenes) and self._ear.done(due)

    def _choose(self, due: float) -> Scene | None:
        """What is said from now on: its first frame holds the 20 ms before `due`."""
        if not self._ear.done(due):
            self._free_at = due + GAP_S
            return None
        if due < self._free_at or self._next >= len(self._script.scenes):
            return None
        begin = due - FRAME_S
        opener = self._script.opener
        scene = self._script.scenes[self._next]
        if opener is None:
            self._next += 1
            self._ear.say(scene.pause_ms, begin + scene.parts[-1][1] / RATE_HZ)
        elif self._ear.speaking(due):
            self._next += 1
            self._ear.make(scene.name, begin + scene.frames * FRAME_S)
        else:
            scene = opener
            self._free_at = begin + scene.frames * FRAME_S + 2.0
        return scene

    def _frame(self, scene: Scene | None, at: int, number: int) -> bytes:
        if scene is None:
            place = number % (len(self._room) // (2 * FRAME))
            return self._room[place * 2 * FRAME : (place + 1) * 2 * FRAME]
        return scene.pcm[at * 2 * FRAME : (at + 1) * 2 * FRAME]

    async def _report(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        played = self._player.played(time.monotonic())
        if played != self._reported:
            self._reported = played
            await socket.send_str(f'{{"type":"played","samples":{played}}}')


async def call(url: str, scripts: Sequence[Script], seconds: float) -> Results:
    """Make these calls at once; who has said everything by then hangs up."""
    until = time.monotonic() + seconds
    callers = [Caller(script) for script in scripts]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(caller.run(session, url, until) for caller in callers))
    whole = Results()
    for caller in callers:
        whole.add(caller.results)
    return whole


def shared_out(scenes: Sequence[Scene], calls: int, *, key: bool = False, opener: Scene | None = None) -> list[Script]:
    """The scenes in turn to so many callers, who are spread over each 20 ms."""
    return [Script(tuple(scenes[n::calls]), n / calls, key, opener) for n in range(calls)]


def _room() -> bytes:
    return np.random.default_rng(1).integers(-NOISE, NOISE + 1, RATE_HZ).astype("<i2").tobytes()
