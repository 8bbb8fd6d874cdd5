"""A caller on the telephone: a simulated carrier, the way between it and the server, and what the caller does."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from random import Random

import numpy as np
from msgspec import Struct

from server.load.wires.carrier import CarrierWire
from server.protocols.wire import Message, Ping, Pong
from tests.virtual.caller import PATIENCE_S, Step

TICK_S = 0.02
QUIET_S = 0.6  # the bot is done when it was not heard for so long
LEVEL = 2000


class Path(Struct, frozen=True):
    """How long messages travel, each way; they never overtake each other."""

    delay_s: float = 0.03
    jitter_s: float = 0.0
    disorder: float = 0.0
    """So often the carrier itself sends two chunks in the wrong order."""
    cut_at: int = 0
    """The connection breaks with this message, of those in both directions; 0: it does not."""
    seed: int = 0


class Way:
    """One direction."""

    def __init__(self, path: Path, dice: Random, deliver: Callable[[Message | Exception], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._path = path
        self._dice = dice
        self._deliver = deliver
        self._last = 0.0
        self._queue: deque[Message | Exception] = deque()

    @property
    def longest_s(self) -> float:
        """What a message takes at the most."""
        return self._path.delay_s + self._path.jitter_s

    def send(self, message: Message | Exception) -> None:
        """It arrives later."""
        travels_s = self._path.delay_s + self._dice.uniform(0.0, self._path.jitter_s)
        self._last = max(self._last, self._loop.time() + travels_s)
        self._queue.append(message)
        self._loop.call_at(self._last, lambda: self._deliver(self._queue.popleft()))


class Telephone:
    """One call. It is the server's `Socket` too: what the server sends is on its way to the carrier."""

    def __init__(self, carrier: CarrierWire, path: Path) -> None:
        self._loop = asyncio.get_running_loop()
        self._path = path
        self._dice = Random(path.seed)
        self._incoming: asyncio.Queue[Message | Exception] = asyncio.Queue()
        self._up = Way(path, self._dice, self._arrive_at_the_server)
        self._down = Way(path, self._dice, self._arrive_at_the_carrier)
        self._gone = False  # for the server
        self._speaking_s = 0.0
        self._sound = bytearray()
        self._held: list[Message] = []  # a chunk that the next one overtakes
        self._heard_at = 0.0
        self._script: Iterator[Callable[[], bool]] = iter(())
        self._goes_on: Callable[[], bool] = _at_once
        self._since = self._asked_at = 0.0  # the caller's last step, and since when it waits
        samples = np.arange(round(TICK_S * carrier.rate_hz))
        self._tone = np.where(samples // 20 % 2, LEVEL, -LEVEL).astype("<i2").tobytes()
        self.carrier = carrier
        self.closed: tuple[int, str] | None = None
        self.messages = 0
        self.ended_at: float | None = None
        """When the call was over for the caller."""

    # --- the server's socket ------------------------------------------------------------------------------------------

    async def receive(self) -> Message | Ping | Pong:
        """What arrives next."""
        item = await self._incoming.get()
        if isinstance(item, Exception):
            raise item
        return item

    async def send(self, message: Message | Ping | Pong) -> None:
        """Send a message on its way; a ping is answered by the carrier's websocket."""
        if self._gone:
            raise EOFError
        if isinstance(message, str | bytes):
            self._down.send(message)

    async def close(self, code: int, reason: str) -> None:
        """The server hangs up."""
        if self.closed is None:
            self.closed = (code, reason)
            self._incoming.put_nowait(EOFError())
            self._down.send(EOFError())

    # --- the way ------------------------------------------------------------------------------------------------------

    def _arrive_at_the_server(self, item: Message | Exception) -> None:
        if self._gone or self._breaks(item):
            return
        self._gone = isinstance(item, Exception)
        self._incoming.put_nowait(item)

    def _arrive_at_the_carrier(self, item: Message | Exception) -> None:
        if self.ended_at is not None or self._breaks(item):
            return
        if isinstance(item, Exception):
            self._end()
        else:
            self.carrier.take(item, self._loop.time())

    def _breaks(self, item: Message | Exception) -> bool:
        self.messages += not isinstance(item, Exception)
        if self.messages != self._path.cut_at:
            return False
        self._end()
        if not self._gone:
            self._gone = True
            self._incoming.put_nowait(EOFError())
        return True

    def _end(self) -> None:
        if self.ended_at is None:
            self.ended_at = self._loop.time()
            self.carrier.buffer.left(self.ended_at)  # nothing is played after this

    # --- the caller ---------------------------------------------------------------------------------------------------

    async def talk(self, steps: Sequence[Step]) -> None:
        """Go through the steps, then wait for the end of the call."""
        self._send(self.carrier.opening())
        self._script = self._act(steps)
        at = self._since = self._loop.time()
        while self.ended_at is None:
            self._tick()
            at += TICK_S
            await asyncio.sleep(at - self._loop.time())

    def _tick(self) -> None:
        now = self._loop.time()
        if self.carrier.buffer.left(now):
            self._heard_at = now
        while self._goes_on():
            self._goes_on = next(self._script, _never)
            self._asked_at = now
        assert now < self._asked_at + PATIENCE_S, f"the caller waited in vain since {self._since:.3f}"
        self._speak()
        self._send(self.carrier.due(now))
        if self.carrier.over:
            self._up.send(EOFError())
            self._end()

    def _speak(self) -> None:
        loud, self._speaking_s = self._speaking_s > 0, max(0.0, self._speaking_s - TICK_S)
        self._sound += self._tone if loud else bytes(len(self._tone))
        size = round(self.carrier.chunk_ms * self.carrier.rate_hz / 1000) * 2
        if len(self._sound) >= size:
            piece = bytes(self._sound[:size])
            del self._sound[:size]
            self._send_sound(self.carrier.media(piece))

    def _send_sound(self, messages: list[Message]) -> None:
        if not self._held and self._dice.random() < self._path.disorder:
            self._held = messages
            return
        self._send([*messages, *self._held])
        self._held = []

    def _act(self, steps: Sequence[Step]) -> Iterator[Callable[[], bool]]:
        """Begins each thing, and gives what must hold before it goes on."""
        for step in steps:
            self._since = self._loop.time()
            match step.do:
                case "say" | "cough":
                    self._speaking_s = step.seconds
                    yield lambda: self._speaking_s <= 0
                case "keys":
                    for digit in step.text:
                        self._send(self.carrier.dtmf(digit))
                        yield self._after(0.1)
                case "wait":
                    yield lambda: self._heard_at > self._since
                    yield lambda: self._loop.time() > self._heard_at + QUIET_S
                case "into":
                    yield lambda: self._heard_at > self._since
                    yield self._after(float(step.text))
                case "pause":
                    yield self._after(step.seconds)
                case "end":
                    self._send(self.carrier.stop())
                case _:
                    raise AssertionError(f"no such step: {step}")

    def _after(self, seconds: float) -> Callable[[], bool]:
        until = self._loop.time() + seconds
        return lambda: self._loop.time() >= until

    def _send(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self._up.send(message)


def _at_once() -> bool:
    return True


def _never() -> bool:
    return False
