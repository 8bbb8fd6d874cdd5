"""When the caller says what: one line after the other, each when the bot has answered the one before. Pure.

    GREETING ── the bot has greeted, or does not ──► NEXT ── a line is left ──► SAYING ── said ──► LISTENING
                                                     ▲ └── none is left ──► DONE                      │
                                                     └──── answered, interrupted, or waited in vain ──┘

An answer is over when the bot was heard after the caller's last voiced sample, has stopped by its own word and on the
speaker, no tool runs, and it stayed quiet for `gap_ms`. With `barge_in_ms` the next line does not wait for that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from enum import Enum, auto

from msgspec import Struct

from server.talk.events import Message
from server.talk.microphone import VirtualMicrophone


class ScriptOptions(Struct, frozen=True):
    """How patient the caller is."""

    gap_ms: float = 700.0
    """Silence between the end of an answer and the next line."""
    barge_in_ms: float | None = None
    """The next line begins so long after the answer did; None: it waits for the end."""
    wait_s: float = 15.0
    """The longest time without a sign of the bot in which an answer is still expected."""
    greeting_s: float = 1.5
    """A bot that is silent for so long after the beginning does not greet."""


class Spoken(Struct, frozen=True):
    """A recording to speak."""

    name: str
    pcm: bytes


class Typed(Struct, frozen=True):
    """A line to type."""

    text: str


class InVain(Struct, frozen=True):
    """No answer came to this line."""

    name: str
    waited_s: float


class Goodbye(Struct, frozen=True):
    """Everything was said and answered."""


Line = Spoken | Typed
Step = Spoken | Typed | InVain | Goodbye


class Phase(Enum):
    """Where the conversation stands."""

    GREETING = auto()
    NEXT = auto()
    SAYING = auto()
    LISTENING = auto()
    DONE = auto()


class Script:
    """The lines of one caller, spoken into `microphone` or typed. `now` is seconds."""

    def __init__(self, lines: Sequence[Line], options: ScriptOptions, microphone: VirtualMicrophone) -> None:
        self._lines = deque(lines)
        self._options = options
        self._microphone = microphone
        self._said = ""
        self._tools: set[str] = set()
        self._bot_on = False
        self._answer_at: float | None = None  # the first sound since the caller's last
        self._busy_at = 0.0  # the last instant at which the bot was not quiet
        self._sign_at = 0.0  # the last sign that it is there
        self._began = 0.0
        self.phase = Phase.GREETING

    def begin(self, now: float) -> None:
        """The call begins."""
        self._began = self._busy_at = self._sign_at = now

    @property
    def unsaid(self) -> int:
        """Lines that are left."""
        return len(self._lines)

    def spoke(self) -> None:
        """The caller's voice was heard: what the bot says from now on may be the answer."""
        self._answer_at = None

    def audio(self, now: float) -> None:
        """Audio of the bot came."""
        self._busy_at = self._sign_at = now
        if self._answer_at is None:
            self._answer_at = now

    def receive(self, message: Message, now: float) -> None:
        """The server said something."""
        match message:
            case {"type": "bot_started" | "bot_stopped" as kind}:
                self._bot_on = kind == "bot_started"
            case {"type": "clear"}:
                self._answer_at = None
            case {"type": "tool_call", "id": str(call_id)}:
                self._tools.add(call_id)
            case {"type": "tool_result", "id": str(call_id), "status": str(status)} if status != "running":
                self._tools.discard(call_id)
                if not self._bot_on:  # what was heard before was "let me see", or nothing
                    self._answer_at = None
            case {"type": "transcript", "role": "user", "final": True}:
                self._tools.clear()  # a turn cancels what the answer waited for; what still runs comes back by itself
            case {"type": "speech_started" | "transcript" | "link"}:
                pass
            case _:
                return
        self._sign_at = now

    def step(self, now: float, *, sounding: bool) -> Step | None:
        """What is to be done now; call it until it gives None. `sounding`: the speaker plays."""
        if self._bot_on or sounding or self._tools:
            self._busy_at = now
        if sounding:
            self._sign_at = now
        match self.phase:
            case Phase.GREETING if self._greeted(now):
                self.phase = Phase.NEXT
            case Phase.SAYING if not self._microphone.speaking:
                self.phase = Phase.LISTENING
                self._sign_at = now
            case Phase.LISTENING if self._may_interrupt(now) or self._over(now):
                self.phase = Phase.NEXT
            case Phase.LISTENING if self._lost_patience(now):
                self.phase = Phase.NEXT
                if self._answer_at is None:
                    return InVain(self._said, self._options.wait_s)
        return self._next() if self.phase is Phase.NEXT else None

    def _greeted(self, now: float) -> bool:
        silent = self._answer_at is None and now - self._began >= self._options.greeting_s
        return silent or self._over(now) or self._lost_patience(now)

    def _over(self, now: float) -> bool:
        return self._answer_at is not None and now - self._busy_at >= self._options.gap_ms / 1000

    def _lost_patience(self, now: float) -> bool:
        return now - self._sign_at >= self._options.wait_s

    def _may_interrupt(self, now: float) -> bool:
        after_ms = self._options.barge_in_ms
        if after_ms is None or self._answer_at is None or not self._lines:
            return False
        return now - self._answer_at >= after_ms / 1000

    def _next(self) -> Step:
        if not self._lines:
            self.phase = Phase.DONE
            return Goodbye()
        line = self._lines.popleft()
        self.phase = Phase.SAYING
        self._answer_at = None
        self._tools.clear()
        match line:
            case Spoken(name, pcm):
                self._said = name
                self._microphone.say(pcm)
            case Typed(text):
                self._said = text
        return line
