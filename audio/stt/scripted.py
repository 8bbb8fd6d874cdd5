"""Ears for tests and load: no process, no thread; what is heard is the next line of a script."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from audio.events import EarFact, Listens, Transcript
from audio.services import Begin, Finish
from link.inbox import Inbox
from link.tasks import Spawn

WORD_MS = 200


class ScriptedSpeechToText:
    """After each `Begin` the next line comes, a word for each 200 ms of audio; after `Finish` all of it, final.

    Lines go round. A line that is None, or empty, is speech of which nothing is understood.
    """

    listens: Listens = "speech"

    def __init__(self, lines: Sequence[str | None], delay_ms: float = 0, rate_hz: int = 16000) -> None:
        """The final transcript comes `delay_ms` after `Finish`."""
        self.rate_hz = rate_hz
        self._lines = list(lines)
        self._delay_s = delay_ms / 1000
        self._next = 0

    async def run(self, inbox: Inbox[bytes | Begin | Finish], post: Callable[[EarFact], None], spawn: Spawn) -> None:
        """Hear for ever."""
        words: list[str] = []
        heard_bytes = shown = 0
        while True:
            item = await inbox.get()
            if isinstance(item, Begin):
                words, heard_bytes, shown = self._take_line(), 0, 0
            elif isinstance(item, Finish):
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                post(Transcript(" ".join(words), True))
                words = []
            else:
                heard_bytes += len(item)
                count = min(len(words), heard_bytes * 1000 // (2 * self.rate_hz * WORD_MS))
                if count > shown:
                    shown = count
                    post(Transcript(" ".join(words[:count]), False))

    def close(self) -> None:
        """Nothing to give back."""

    def _take_line(self) -> list[str]:
        line = self._lines[self._next % len(self._lines)] if self._lines else None
        self._next += 1
        return (line or "").split()
