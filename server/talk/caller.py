"""One call from the caller's side: what comes in, what goes out, what is played, what is told. Pure.

The connection (`server/talk/client.py`) hands over messages and ticks, and sends what they return, in order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from server.talk.events import Event, Message, Saying, Summary, Trouble, Typing, Unanswered
from server.talk.microphone import Microphone, voiced_samples
from server.talk.script import Goodbye, InVain, Script, Spoken, Typed
from server.talk.speaker import State, VirtualSpeaker
from server.talk.turns import Turns

CAN = ("clear", "pause", "played")
REPORT_S = 0.1
"""How often `played` is sent while something is played; the server counts on it (audio/inflight.py)."""

Outgoing = str | bytes
Show = Callable[[float, Event | Message], None]
"""Hears of everything that happens: seconds since the call began, and what it was."""


class Sink(Protocol):
    """Where the sound of the call goes: a file or a sound card."""

    @property
    def dropouts(self) -> int:
        """How often some of it was lost."""

    def write(self, caller: bytes, bot: bytes) -> None:
        """What the caller said and what was heard of the bot in the same stretch of time, mono PCM16."""

    def close(self) -> None:
        """The call is over."""


class Caller:
    """A caller at `rate_hz`, both ways. `now` is seconds on one clock.

    Without a script the microphone is live: it hears the speaker, and the call goes on until somebody hangs up.
    """

    def __init__(
        self, rate_hz: int, microphone: Microphone, script: Script | None, sinks: Sequence[Sink], show: Show
    ) -> None:
        self.rate_hz = rate_hz
        self._microphone = microphone
        self._script = script
        self._sinks = sinks
        self._show = show
        self._speaker = VirtualSpeaker(rate_hz, 0.0)
        self._turns = Turns()
        self._began = 0.0
        self._reported = 0
        self._reported_at = 0.0
        self._unanswered = 0
        self._dropouts = 0
        self._wants_to_leave = False
        self.left_at: float | None = None
        """When the goodbye was sent."""

    def opening(self) -> str:
        """The first message of the call."""
        return _text(
            "start", sample_rate=self.rate_hz, output_sample_rate=self.rate_hz, can=CAN, echo=self._script is None
        )

    def begin(self, now: float) -> None:
        """The server is ready."""
        self._began = self._reported_at = now
        self._speaker = VirtualSpeaker(self.rate_hz, now)
        self._microphone.begin(now)
        if self._script:
            self._script.begin(now)

    def tell(self, event: Event | Message, now: float) -> None:
        """Something happened."""
        self._show(now - self._began, event)

    def hang_up(self) -> None:
        """Say goodbye at the next tick."""
        self._wants_to_leave = True

    # --- in -----------------------------------------------------------------------------------------------------------

    def receive(self, message: str | bytes, now: float) -> list[Outgoing]:
        """A message of the server; returns the answers."""
        if isinstance(message, bytes):
            if message:
                self._hear(message, now)
            return []
        try:
            content = msgspec.json.decode(message, type=Message)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self.tell(Trouble(f"the server sent a text that is no JSON object: {error}"), now)
            return []
        self.tell(content, now)
        self._turns.receive(content)
        if self._script:
            self._script.receive(content, now)
        return self._obey(content, now)

    def _hear(self, pcm: bytes, now: float) -> None:
        try:
            self._dropouts += not self._speaker.push(pcm, now)
        except ValueError as error:
            self.tell(Trouble(f"the server sent audio that cannot be played: {error}"), now)
            return
        if self._script:
            self._script.audio(now)
        if response := self._turns.audio(now):
            self.tell(response, now)

    def _obey(self, message: Message, now: float) -> list[Outgoing]:
        match message.get("type"):
            case "clear":
                self._speaker.clear(now)
                self._reported = self._speaker.played
                return [_text("cleared", samples=self._speaker.played)]
            case "pause":
                self._speaker.pause(now)
                return self._report(now)
            case "resume":
                self._speaker.resume(now)
        return []

    # --- out ----------------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> list[Outgoing]:
        """Called every 20 ms or so: what the caller says by now, and what was played."""
        bot = self._speaker.render(now)
        out = self._follow_script(now)
        if caller := self._microphone.read(now):
            out.append(caller)
            self._mark_voice(caller, now)
        for sink in self._sinks:
            sink.write(caller, bot)
        if now - self._reported_at >= REPORT_S:
            out += self._report(now)
        if self._wants_to_leave and self.left_at is None:
            self.left_at = now
            out.append(_text("end"))
        return out

    def _follow_script(self, now: float) -> list[Outgoing]:
        out: list[Outgoing] = []
        sounding = self._speaker.state is State.PLAYING
        while self._script and (step := self._script.step(now, sounding=sounding)):
            match step:
                case Spoken(name, pcm):
                    self.tell(Saying(name, round(len(pcm) / 2 / self.rate_hz, 3)), now)
                case Typed(text):
                    self.tell(Typing(text), now)
                    self._turns.typed(now)
                    out.append(_text("text", text=text))
                case InVain(name, waited_s):
                    self._unanswered += 1
                    self.tell(Unanswered(name, waited_s), now)
                case Goodbye():
                    self.hang_up()
        return out

    def _mark_voice(self, pcm: bytes, now: float) -> None:
        """Note when the last voiced sample was said: the last sample of `pcm` is of this instant."""
        if voiced := voiced_samples(pcm, self.rate_hz, self._microphone.floor_db):
            self._turns.spoke(now - (len(pcm) // 2 - voiced) / self.rate_hz)
            if self._script:
                self._script.spoke()

    def _report(self, now: float) -> list[Outgoing]:
        if self._speaker.played == self._reported:
            return []
        self._reported, self._reported_at = self._speaker.played, now
        return [_text("played", samples=self._reported)]

    # --- the end ------------------------------------------------------------------------------------------------------

    def end(self, now: float, close_code: int, reason: str) -> Summary:
        """The connection is closed; what was played until now is written."""
        bot = self._speaker.render(now)
        for sink in self._sinks:
            sink.write(b"", bot)
        turns = self._turns
        return Summary(
            seconds=round(now - self._began, 3),
            turns=turns.count,
            median_ms=turns.median_ms,
            worst_ms=turns.worst_ms,
            interruptions=turns.interruptions,
            unanswered=self._unanswered,
            unsaid=self._script.unsaid if self._script else 0,
            dropouts=self._dropouts + self._microphone.dropouts + sum(sink.dropouts for sink in self._sinks),
            close_code=close_code,
            reason=reason,
        )


def _text(kind: str, **fields: object) -> str:
    return msgspec.json.encode({"type": kind, **fields}).decode()
