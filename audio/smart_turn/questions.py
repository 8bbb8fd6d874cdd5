"""Pauses that wait to be judged: first come, first served, as long as an answer would be in time. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

MAX_WAITING = 16
"""More than a process can judge before they are too late; 4 MiB at the most."""


@dataclass(slots=True, eq=False)
class Question:
    """Is this the end of a turn? `answer` hears how probable it is, or None when nobody has judged it in time."""

    pcm: bytes
    rate_hz: int
    until: float
    answer: Callable[[float | None], None]

    def settle(self, complete: float | None, now: float) -> None:
        """Answer it, once; a judgement that comes too late is none."""
        answer, self.answer = self.answer, _nobody
        answer(complete if now <= self.until else None)

    def forget(self, now: float) -> None:
        """Nobody asks any more; who waited in vain until now hears that."""
        if now > self.until:
            self.settle(None, now)
        self.answer = _nobody


class Questions:
    """The line before the model."""

    def __init__(self) -> None:
        self._waiting: deque[Question] = deque()

    def add(self, question: Question, now: float) -> None:
        """Stand in line. Who cannot be judged any more leaves it, and so does a new one while the line is full."""
        self._clear(now)
        if len(self._waiting) == MAX_WAITING:
            question.settle(None, now)
        else:
            self._waiting.append(question)

    def take(self, now: float) -> Question | None:
        """The next one that can still be judged in time."""
        self._clear(now)
        return self._waiting.popleft() if self._waiting else None

    def drop(self, question: Question) -> None:
        """Nobody waits for it any more."""
        if question in self._waiting:
            self._waiting.remove(question)

    def refuse(self, now: float) -> None:
        """There is nobody to judge."""
        while self._waiting:
            self._waiting.popleft().settle(None, now)

    def _clear(self, now: float) -> None:
        late = [each for each in self._waiting if each.until < now]
        for question in late:
            self._waiting.remove(question)
        for question in late:
            question.settle(None, now)


def _nobody(_: float | None) -> None:
    """Hears the answer to a question that nobody asks any more."""
