"""Ears for tests of several: they understand the words of `booth`, until they fail as they are told to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np

from audio.events import EarFact, Listens, SpeechLost, Transcript
from audio.services import Begin, Finish
from link.errors import Overloaded
from link.inbox import Inbox
from link.tasks import Spawn
from tests.unit.audio.stt.booth import WORD_S

FAULTS = (
    "silent",
    "late",
    "lost at begin",
    "lost in speech",
    "lost at finish",
    "nothing, then lost",
    "breaks at begin",
    "breaks in speech",
    "breaks at finish",
    "ends",
    "full",
)
MID_S = 0.5
PARTIAL_S = 2.0


class PuppetEars:
    """A `SpeechToText` that answers 0.2 s after each speech; from the `at`-th on `fault` is what goes wrong."""

    def __init__(self, rate_hz: int, fault: str = "", at: int = 1, listens: Listens = "speech") -> None:
        self.rate_hz = rate_hz
        self.listens = listens
        self._fault = fault
        self._at = at
        self._count = 0
        self.pcm = bytearray()
        self.longest = 0
        """The bytes of the longest piece of audio that came at once."""
        self.closed = 0
        self.running = False

    async def run(self, inbox: Inbox[bytes | Begin | Finish], post: Callable[[EarFact], None], spawn: Spawn) -> None:
        """Listen."""
        self.running = True
        speaking = False
        try:
            while True:
                match await inbox.get():
                    case Begin():
                        speaking = True
                        self.pcm.clear()
                        self._count += 1
                        self._strike("begin", post)
                        if self._now("ends"):
                            return
                    case Finish():
                        speaking = False
                        self._strike("finish", post)
                        if self._now("nothing, then lost"):
                            post(Transcript("", True))
                            post(SpeechLost("as told"))
                        elif not self._now("silent") and not self._now("lost at finish"):
                            await asyncio.sleep(5.0 if self._now("late") else 0.2)
                            post(Transcript(self._text(), True))
                    case pcm if speaking:
                        self.pcm += pcm
                        self.longest = max(self.longest, len(pcm))
                        if len(self.pcm) <= PARTIAL_S * 2 * self.rate_hz:
                            post(Transcript(self._text(), False))
                        if len(self.pcm) >= MID_S * 2 * self.rate_hz:
                            self._strike("speech", post)
        finally:
            self.running = False

    def close(self) -> None:
        """Counted."""
        assert not self.running
        self.closed += 1

    def _now(self, fault: str) -> bool:
        return self._fault == fault and self._count >= self._at

    def _strike(self, where: str, post: Callable[[EarFact], None]) -> None:
        if self._now(f"lost in {where}") or self._now(f"lost at {where}"):
            post(SpeechLost("as told"))
        if self._now(f"breaks in {where}") or self._now(f"breaks at {where}"):
            raise RuntimeError("as told")

    def _text(self) -> str:
        samples = np.frombuffer(bytes(self.pcm), "<i2")
        size = round(WORD_S * self.rate_hz)
        slots = [int(np.median(samples[at : at + size])) for at in range(0, len(samples) - size // 2, size)]
        return " ".join(f"w{slot}" for slot in slots if slot)


class PuppetSource:
    """An engine of puppets: the first call gets the first kind, …; the last kind goes on for ever."""

    def __init__(self, *makes: Callable[[], PuppetEars], full: bool = False) -> None:
        self._makes = makes
        self.full = full
        self.opened: list[PuppetEars] = []
        self.started = 0
        self.free = 7

    async def start(self) -> None:
        """Counted."""
        self.started += 1

    def open(self) -> PuppetEars:
        """Ears, or none."""
        if self.full:
            raise Overloaded("no room")
        self.opened.append(self._makes[min(len(self.opened), len(self._makes) - 1)]())
        return self.opened[-1]

    async def close(self) -> None:
        """Counted back."""
        self.started -= 1


def source(rate_hz: int = 16000, fault: str = "", at: int = 1, *, for_ever: bool = True) -> PuppetSource:
    """Ears of one kind; those that fail do so `for_ever`, or the first call's only."""
    bad, good = (lambda: PuppetEars(rate_hz, fault, at)), (lambda: PuppetEars(rate_hz))
    return PuppetSource(bad, *([] if for_ever else [good]), full=fault == "full")
