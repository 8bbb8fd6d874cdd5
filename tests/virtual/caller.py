"""A caller with the native wire: speaks, types, presses keys, waits, interrupts; and notes every sample it hears."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import ConnectionClosed

from audio.tts.scripted import decode

RATE_HZ = 16000
MESSAGE_S = 0.1
TONE = (np.tile([2000, -2000], RATE_HZ // 20).astype(np.int16)).tobytes()  # 0.1 s of a voice
SILENCE = bytes(len(TONE))
QUIET_S = 1.2  # the bot is done when it was not heard for so long
PATIENCE_S = 60.0


class Step(Struct, frozen=True):
    """One thing that the caller does: `say`, `cough`, `type`, `keys`, `wait`, `pause`, `words`, `until`, `end`."""

    do: str
    text: str = ""
    seconds: float = 0.0
    count: int = 0


def script(lines: Sequence[str]) -> list[Step]:
    """Steps from lines such as `say 1.2 what time is it`, `words 8`, `until over`, `pause 0.5`, `keys 12#`, `end`."""
    steps: list[Step] = []
    for line in lines:
        do, _, rest = line.partition(" ")
        if do in ("say", "cough"):
            seconds, _, text = rest.partition(" ")
            steps.append(Step(do, text, float(seconds)))
        elif do == "words":
            steps.append(Step(do, count=int(rest)))
        elif do == "pause":
            steps.append(Step(do, seconds=float(rest)))
        else:
            steps.append(Step(do, rest))
    return steps


def lines_of(steps: Sequence[Step]) -> list[str | None]:
    """What the scripted ears hear, in order."""
    return [step.text if step.do == "say" else None for step in steps if step.do in ("say", "cough")]


class Caller:
    """One call from the caller's side. It has no buffer and no delay: what it gets it plays at once, in real time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._pending = bytearray()  # got and not yet played
        self._played_until = 0.0
        self._speaking = 0.0  # seconds of voice still to send
        self._bot_on = False
        self._quiet_since = self._loop.time()
        self._transcript = ""
        self._said = ""  # by the bot since the caller's last step
        self._cut = False  # what the bot is saying belongs to the time before that
        self._changed = asyncio.Event()
        self.heard = bytearray()
        self.events: list[dict[str, Any]] = []
        self.close_code: int | None = None
        self.seconds = 0.0

    async def talk(self, steps: Sequence[Step]) -> None:
        """Go through the steps, then wait for the end of the call."""
        began = self._loop.time()
        async with unix_connect(str(self._path), "ws://localhost/ws", compression=None, ping_interval=None) as socket:
            await socket.send(json.dumps({"type": "start", "sample_rate": RATE_HZ}))
            self._played_until = self._loop.time()
            async with asyncio.TaskGroup() as group:
                microphone = group.create_task(self._microphone(socket))
                reader = group.create_task(self._read(socket))
                for step in steps:
                    await self._do(socket, step, reader)
                await asyncio.wait([reader], timeout=PATIENCE_S)
                microphone.cancel()
                reader.cancel()
            self.close_code = socket.close_code
        self._play()
        self.seconds = self._loop.time() - began

    async def _microphone(self, socket: ClientConnection) -> None:
        at = self._loop.time()
        try:
            while True:
                voiced, self._speaking = self._speaking > 0, max(0.0, self._speaking - MESSAGE_S)
                await socket.send(TONE if voiced else SILENCE)
                self._changed.set()
                at += MESSAGE_S
                await asyncio.sleep(at - self._loop.time())
        except ConnectionClosed:
            pass

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for message in socket:
                self._play()
                if isinstance(message, bytes):
                    self._pending += message
                else:
                    self._note(json.loads(message))
                self._changed.set()
        except ConnectionClosed:
            pass

    def _note(self, event: dict[str, Any]) -> None:
        self.events.append({"at": round(self._loop.time(), 3), **event})
        match event:
            case {"type": "clear"}:
                self._pending.clear()
            case {"type": "bot_started"}:
                self._bot_on = True
            case {"type": "bot_stopped"}:
                self._bot_on, self._quiet_since = False, self._loop.time()
            case {"type": "transcript", "role": "assistant", "text": text, "final": final}:
                self._transcript = "" if final else text
                if final and self._cut:
                    self._cut = False
                elif final:
                    self._said += f" {text}"

    def _play(self) -> None:
        now = self._loop.time()
        room = int((now - self._played_until) * RATE_HZ) * 2
        self.heard += self._pending[:room]
        if room < len(self._pending):
            self._played_until += room / 2 / RATE_HZ
        else:
            self._played_until = now
        del self._pending[:room]

    async def _do(self, socket: ClientConnection, step: Step, reader: asyncio.Task[None]) -> None:
        if step.do in ("say", "type", "keys"):
            self._said, self._cut = "", bool(self._transcript)
        match step.do:
            case "say" | "cough":
                self._speaking = step.seconds
                await self._until(lambda: self._speaking <= 0, reader)
            case "type" | "keys":
                kind = (
                    {"type": "text", "text": step.text} if step.do == "type" else {"type": "dtmf", "digits": step.text}
                )
                await self._send(socket, kind)
            case "wait":
                await self._until(self._is_quiet, reader)
            case "pause":
                await asyncio.sleep(step.seconds)
            case "words":
                await self._until(lambda: len(self._transcript.split()) >= step.count, reader)
            case "until":
                await self._until(lambda: re.search(step.text, f"{self._said} {self._transcript}") is not None, reader)
            case "end":
                await self._send(socket, {"type": "end"})
            case _:
                raise AssertionError(f"no such step: {step}")

    def _is_quiet(self) -> bool:
        return bool(self._said) and not self._bot_on and self._loop.time() >= self._quiet_since + QUIET_S

    async def _until(self, holds: Any, reader: asyncio.Task[None]) -> None:
        limit = self._loop.time() + PATIENCE_S
        while not holds() and not reader.done():
            assert self._loop.time() < limit, f"the caller waited in vain; the last events: {self.events[-6:]}"
            self._changed.clear()
            await self._changed.wait()

    async def _send(self, socket: ClientConnection, message: dict[str, Any]) -> None:
        try:
            await socket.send(json.dumps(message))
        except ConnectionClosed:
            pass

    def words(self) -> list[tuple[int, int]]:
        """What was heard, as (frame, word) in the order of hearing, from the samples themselves."""
        words: list[tuple[int, int]] = []
        for piece in decode(bytes(self.heard), RATE_HZ):
            if piece.frame is None or piece.word is None:
                continue
            if not words or words[-1] != (piece.frame, piece.word):
                words.append((piece.frame, piece.word))
        return words
