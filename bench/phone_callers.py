"""Callers over Twilio's wire, in a process of their own: `python -m bench.phone_callers URL --calls 10`.

As `bench/callers.py`, and it says the same lines; but at 8 kHz in mu-law, and each behaves as Twilio does: it returns a
mark when the audio before it is played, and all that are left when it is told to clear.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import itertools
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence

import aiohttp
import msgspec
import numpy as np
import soxr
import uvloop

from audio import g711
from audio.blas import set_blas_threads
from bench.callers import FRAME_S, RAMP_S, READY_S, REST_S, SETTLE_S, TAIL_S, Report, say
from bench.listener import Heard, Window
from bench.speech import FRAME_MS, RATE_HZ, SCRIPTS, load

LINE_HZ = 8000
BYTES_PER_S = LINE_HZ  # of mu-law
START = (
    '{{"event":"start","sequenceNumber":"1","streamSid":"MZ{0}","start":{{"accountSid":"AC1","streamSid":"MZ{0}",'
    '"callSid":"CA{0}","tracks":["inbound"],"mediaFormat":{{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1}},'
    '"customParameters":{{}}}}}}'
)
MEDIA = (
    '{{"event":"media","sequenceNumber":"{number}","streamSid":"{stream}","media":{{"track":"inbound",'
    '"chunk":"{number}","timestamp":"{ms}","payload":"{payload}"}}}}'
)


class _Name(msgspec.Struct):
    name: str


class _Payload(msgspec.Struct):
    payload: bytes


class Said(msgspec.Struct):
    """A message of the server."""

    event: str
    media: _Payload | None = None
    mark: _Name | None = None


_said = msgspec.json.Decoder(Said)


def payloads(script: str) -> list[str]:
    """What a caller says over and over, as the payloads of messages of 20 ms."""
    samples = np.frombuffer(load(SCRIPTS[script]).pcm, "<i2")
    data = g711.to_mulaw(soxr.resample(samples, RATE_HZ, LINE_HZ, quality="HQ").astype("<i2").tobytes())
    size = LINE_HZ * FRAME_MS // 1000
    return [base64.b64encode(data[at : at + size]).decode() for at in range(0, len(data) - size + 1, size)]


class Player:
    """What the carrier has of the bot's audio, and the marks that are due."""

    def __init__(self) -> None:
        self._until = 0.0  # all that came is played then
        self._marks: deque[tuple[float, str]] = deque()

    def take(self, said: Said, now: float) -> None:
        """A message came."""
        if said.media is not None:
            self._until = max(self._until, now) + len(said.media.payload) / BYTES_PER_S
        elif said.mark is not None:
            self._marks.append((max(self._until, now), said.mark.name))
        elif said.event == "clear":
            self._until = now
            self._marks = deque((now, name) for _, name in self._marks)

    def due(self, now: float) -> list[str]:
        """The marks that go back now."""
        found: list[str] = []
        while self._marks and self._marks[0][0] <= now:
            found.append(self._marks.popleft()[1])
        return found


class Call:
    """One call."""

    def __init__(self, number: int, calls: int, loop: Sequence[str], window: Window) -> None:
        self._stream = f"MZ{number}"
        self._number = number
        self._phase = number / calls
        self._offset = len(loop) * number // calls
        self._loop = loop
        self._window = window
        self._player = Player()
        self._hanging_up = False
        self.accepted = asyncio.Event()
        self.lateness: list[float] = []
        self.broken: str | None = None
        self.audio_messages = 0
        self.text_messages = 0

    async def run(self, session: aiohttp.ClientSession, url: str, over: asyncio.Event) -> None:
        """Call, set `accepted` when it is (or has failed), hang up when it is `over`."""
        try:
            socket = await session.ws_connect(url, compress=0, max_msg_size=0)
            async with asyncio.TaskGroup() as group:
                reader = group.create_task(self._listen(socket))
                speaker = group.create_task(self._speak(socket))
                self.accepted.set()
                await over.wait()
                self._hanging_up = True
                speaker.cancel()
                await socket.close()
                await reader
        except* (aiohttp.ClientError, OSError, EOFError) as errors:
            self.broken = "; ".join(f"{type(error).__name__}: {error}" for error in errors.exceptions)
        finally:
            self.accepted.set()

    async def _speak(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        await socket.send_str('{"event":"connected","protocol":"Call","version":"1.0.0"}')
        await socket.send_str(START.format(self._number))
        now = time.monotonic()
        began = now + (self._phase * FRAME_S - now) % FRAME_S
        for number in itertools.count(1):
            due = began + number * FRAME_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            now = time.monotonic()
            if self._window.begin <= due <= self._window.end:
                self.lateness.append((now - due) * 1000)
            payload = self._loop[(self._offset + number) % len(self._loop)]
            await socket.send_str(
                MEDIA.format(number=number, stream=self._stream, ms=number * FRAME_MS, payload=payload)
            )
            for name in self._player.due(now):
                await socket.send_str(f'{{"event":"mark","streamSid":"{self._stream}","mark":{{"name":"{name}"}}}}')

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            now = time.monotonic()
            said = _said.decode(message.data)
            self._player.take(said, now)
            counted = self._window.begin <= now <= self._window.end
            self.audio_messages += counted and said.media is not None
            self.text_messages += counted and said.media is None
        if not self._hanging_up:
            raise EOFError(f"the server ended the call with code {socket.close_code}")


async def measure(options: argparse.Namespace) -> Report:
    """One call to warm up, then all of them. Raises TimeoutError when calls are not accepted in time."""
    loop = payloads(options.script)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        async with hold(session, options.url, [Call(0, 1, loop, Window())]):
            await asyncio.sleep(options.warm_s)
        say("warm")
        await asyncio.sleep(REST_S)
        window = Window()
        calls = [Call(number, options.calls, loop, window) for number in range(options.calls)]
        async with hold(session, options.url, calls):
            await asyncio.sleep(SETTLE_S)
            window.begin = time.monotonic()
            window.end = window.begin + options.seconds
            say("open")
            await asyncio.sleep(options.seconds)
            say("closed")
            await asyncio.sleep(TAIL_S)
    return Report(
        heard=Heard(),
        accept=[],
        lateness=[late for call in calls for late in call.lateness],
        broken=[call.broken for call in calls if call.broken],
        audio_messages=sum(call.audio_messages for call in calls),
        text_messages=sum(call.text_messages for call in calls),
    )


@contextlib.asynccontextmanager
async def hold(session: aiohttp.ClientSession, url: str, calls: Sequence[Call]) -> AsyncIterator[None]:
    """Hold these calls at once; they hang up at the end."""
    over = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for call in calls:
            group.create_task(call.run(session, url, over))
            await asyncio.sleep(RAMP_S)
        async with asyncio.timeout(READY_S):
            for call in calls:
                await call.accepted.wait()
        yield
        over.set()


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser(description="callers over Twilio's wire")
    parser.add_argument("url", help="ws://host:port/twilio")
    parser.add_argument("--calls", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--warm-s", type=float, default=4.0, help="how long one call goes on before all others")
    parser.add_argument("--script", choices=SCRIPTS, default="scripted")
    set_blas_threads(1)
    say(msgspec.json.encode(uvloop.run(measure(parser.parse_args()))).decode())


if __name__ == "__main__":
    main()
