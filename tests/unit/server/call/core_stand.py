"""A core on a bench: facts in, commands out, at times that the test names."""

from __future__ import annotations

from typing import Any, TypeVar

from audio.endpoint import TurnOptions
from audio.events import Queued, SpeechStarted, SpeechStopped, Synthesised, Transcript, Word
from audio.playout import Playout, PlayoutOptions
from llm.events import Ask, LinkUp, Request, ToolSchema
from llm.function_calls import ToolSpec
from server.call import events as e
from server.call.core import Core
from server.call.hub import Hub
from server.call.policy import CallSettings

T = TypeVar("T")
WORD_MS = 100


def spec(name: str, **options: Any) -> ToolSpec:
    """A tool of this name."""
    return ToolSpec(ToolSchema(name, "", {"type": "object"}), **options)


class Stand:
    """One call with a link, at `now` seconds. A sample is a millisecond; a word is spoken in 100 of them."""

    def __init__(self, *, greeting: str = "", connected: bool = True, **settings: Any) -> None:
        self.now = 0.0
        self.playout = Playout(PlayoutOptions(rate_hz=1000))
        turn = settings.pop("turn", TurnOptions(rules=("transcript",)))  # silences that no test has taught
        self.core = Core(CallSettings(greeting=greeting, turn=turn, **settings), self.playout)
        self.all: list[e.Command] = []
        self.hub = Hub(self.core, self.playout, lambda: self.now, self.all.append)
        self._seen = 0
        self.post(e.Ready())
        if connected:
            self.post(LinkUp())

    def post(self, fact: e.Fact, at: float | None = None) -> list[e.Command]:
        """Hand a fact over, perhaps later; what the core wants since the last time."""
        self.wait(at)
        self.hub.post(fact)
        return self.new()

    def wait(self, until: float | None) -> list[e.Command]:
        """Let time pass, in ticks of 10 ms as the session would see them."""
        while until is not None and self.now < until - 1e-9:
            deadline = self.core.deadline()
            self.now = min(until, self.now + 0.01, deadline if deadline is not None else until)
            self.playout.take(self.now)
            self.hub.progress()
            if deadline is not None and self.now >= deadline:
                self.hub.post(e.Tick())
        return self.new()

    def new(self) -> list[e.Command]:
        """The commands since the last look."""
        commands, self._seen = self.all[self._seen :], len(self.all)
        return commands

    def commands(self, kind: type[T]) -> list[T]:
        """All commands of a kind so far."""
        return [command for command in self.all if isinstance(command, kind)]

    def told(self, kind: type[T]) -> list[T]:
        """All events of a kind that were told so far."""
        return [each.event for each in self.commands(e.Notify) if isinstance(each.event, kind)]

    @property
    def request(self) -> Request:
        """What the model was asked last."""
        return self.commands(Ask)[-1].request

    @property
    def reply(self) -> int:
        """The number of the reply that was asked for last."""
        return self.commands(Ask)[-1].reply

    def hear(self, text: str, seconds: float = 0.5) -> list[e.Command]:
        """The caller says something: voice on, voice off, the final transcript at once, and the silence after it."""
        self.post(SpeechStarted(64.0))
        self.wait(self.now + seconds)
        self.post(SpeechStopped(200.0))
        self.post(Transcript(text, True))
        return self.wait(self.now + 0.2)

    def voice(self, *, frames: int = 99) -> None:
        """The voice synthesises what it was given, all of it at once."""
        waiting = [
            each for each in self.commands(e.Speak) if (frame := self.playout.get(each.frame)) and not frame.done
        ]
        for speak in waiting[:frames]:
            ends = [at for at in range(1, len(speak.text) + 1) if at == len(speak.text) or speak.text[at] == " "]
            words = tuple(Word(n * float(WORD_MS), end) for n, end in enumerate(ends))
            self.hub.audio(speak.frame, WORD_MS * len(words), words, bytes(WORD_MS * 2 * len(words)))
            self.hub.post(Synthesised(speak.frame))


__all__ = ["Queued", "Stand", "spec"]
