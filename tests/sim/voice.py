"""A simulated voice: it speaks one frame after the other, stalls, fails, and hands over what nobody wants any more."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING

from audio.events import SpeechFailed, Synthesised, Word
from server.call.events import Speak
from tests.sim.client import samples

if TYPE_CHECKING:
    from tests.sim.world import World

WORD_MS = 200
CHUNK_MS = 300


class Voice:
    """Speaks 200 ms a word, faster than real time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._queue: deque[Speak] = deque()
        self._working = False
        self.lost: set[int] = set()  # frames that it failed to speak, in whole or in part
        self.words: dict[int, list[str]] = {}  # frame -> its words, each WORD_MS long

    def speak(self, speak: Speak) -> None:
        """A frame to speak; what has no sound is not given to a voice at all."""
        self.words[speak.frame] = speak.text.split()
        if not any(char.isalnum() for char in speak.text):
            self._world.count("voice: silent pieces")
            self._world.post(Synthesised(speak.frame))
            return
        self._queue.append(speak)
        self._work()

    def _happens(self, kind: str, share: float, what: str) -> bool:
        happens = self._world.faulty(kind) and self._world.random.random() < share
        if happens:
            self._world.count(f"voice: {what}")
        return happens

    def _work(self) -> None:
        if self._working or not self._queue:
            return
        speak = self._queue.popleft()
        if self._world.playout.get(speak.frame) is None:
            self._work()
            return
        self._working = True
        if self._happens("voice_stall", 0.02, "stalls before the first audio"):
            self._lose(4.0, speak, 0)
        elif self._happens("voice_fail", 0.04, "failures"):
            self.lost.add(speak.frame)
            self._world.at(0.05, self._fail, speak.frame)
        elif self._happens("voice_nothing", 0.02, "nothing for words"):
            self.lost.add(speak.frame)
            self._world.at(0.05, self._finish, speak.frame)
        else:
            slow = self._happens("voice_drop", 0.03, "frames that began late")
            self._world.at(0.8 if slow else self._world.random.choice((0.01, 0.05, 0.2)), self._chunk, speak, 0)

    def _lose(self, seconds: float, speak: Speak, start: int) -> None:
        """In vain: when the audio comes, the core has given the frame up."""
        self.lost.add(speak.frame)
        self._world.at(seconds, self._chunk, speak, start)

    def _chunk(self, speak: Speak, start: int) -> None:
        world = self._world
        if world.playout.full:
            world.at(0.05, self._chunk, speak, start)
            return
        ends = [match.end() for match in re.finditer(r"\S+", speak.text)]
        total = WORD_MS * len(ends)
        stop = min(start + CHUNK_MS, total)
        words = tuple(Word(n * WORD_MS, end) for n, end in enumerate(ends) if start <= n * WORD_MS < stop)
        if world.swarm_has("untimed"):
            words = ()
        wanted = world.audio(speak.frame, stop - start, words, samples(start, stop))
        if not wanted and not self._happens("voice_late", 0.5, "audio that nobody wanted"):
            self._done()
        elif stop == total:
            self._finish(speak.frame)
        else:
            self._go_on(speak, stop)

    def _go_on(self, speak: Speak, stop: int) -> None:
        if self._happens("voice_fail", 0.01, "failures"):
            self.lost.add(speak.frame)
            self._fail(speak.frame)
        elif self._happens("voice_stall", 0.01, "stalls within a frame"):
            self._lose(3.0, speak, stop)
        else:
            drops = self._happens("voice_drop", 0.02, "frames that were begun again")
            self._world.at(0.8 if drops else 0.01, self._chunk, speak, stop)

    def _fail(self, frame: int) -> None:
        self._world.post(SpeechFailed(frame, "no voice"))
        self._done()

    def _finish(self, frame: int) -> None:
        self._world.post(Synthesised(frame))
        self._done()

    def _done(self) -> None:
        self._working = False
        self._work()
