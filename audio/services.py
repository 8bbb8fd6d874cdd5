"""What the call expects of ears, voice and voice activity detection: the protocols that every provider meets.

A service object belongs to one call. It runs as one task of the call (`run`), ends by cancellation, and creates no
task of its own except through `spawn`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from audio.events import EarFact, Listens, SpeechStarted, SpeechStopped, Word
from link.inbox import Inbox
from link.tasks import Spawn


class Begin(Struct, frozen=True):
    """Speech began; its audio follows, with the pre-roll first."""


class Finish(Struct, frozen=True):
    """Speech ended; a final transcript is wanted."""


class SpeechToText(Protocol):
    """Turns the audio of one call into transcripts."""

    rate_hz: int
    """The rate of the mono PCM16 that it takes."""
    listens: Listens
    """Which audio it gets."""

    async def run(self, inbox: Inbox[bytes | Begin | Finish], post: Callable[[EarFact], None], spawn: Spawn) -> None:
        """Read `Begin`, audio, `Finish` … for ever; post partial transcripts, and one final after each `Finish`."""

    def close(self) -> None:
        """Give back what the service holds (a worker's slot). Called once, after `run` ended."""


class TurnJudge(Protocol):
    """Judges by the sound whether a turn of one call is over."""

    def judge(self, pcm: bytes, rate_hz: int, within_s: float, answer: Callable[[float | None], None]) -> None:
        """Judge a pause by the mono PCM16 before it, 8 s at most; what was asked before is forgotten.

        `answer` hears, in `within_s` or not long after, how probable it is that the turn is over, from 0 to 1; or None
        when there is no judgement, or none in time.
        """

    def forget(self) -> None:
        """The caller goes on: there is nothing to judge any more, and no answer comes."""

    def close(self) -> None:
        """Give back what the judge holds. Called once."""


class Utterance(Struct, frozen=True):
    """A piece of text to speak; `frame` is its place in the playout."""

    frame: int
    text: str


class Sink(Protocol):
    """Where a voice puts its audio: the playout of its call."""

    def wanted(self, frame: int) -> bool:
        """False once a frame was dropped (barge-in): stop, no `done` is needed."""

    async def audio(self, frame: int, pcm: bytes, words: tuple[Word, ...] = ()) -> bool:
        """Hand over mono PCM16 at the voice's own rate, with the words that begin in it (times from the frame's start).

        Waits while the playout is full. Returns `wanted(frame)`.
        """

    def done(self, frame: int) -> None:
        """All audio of the frame was handed over."""

    def failed(self, frame: int, reason: str) -> None:
        """The frame cannot be spoken."""


class TextToSpeech(Protocol):
    """Turns text into the audio of one call, in order."""

    rate_hz: int
    """The rate of the mono PCM16 that it gives."""

    async def run(self, inbox: Inbox[Utterance], sink: Sink, spawn: Spawn) -> None:
        """Speak one utterance after the other, for ever."""

    def close(self) -> None:
        """Give back what the service holds. Called once, after `run` ended."""


class VoiceActivity(Protocol):
    """One call's voice activity detector; its facts go to the callback that it was opened with."""

    def feed(self, pcm: bytes) -> None:
        """Take mono PCM16 of any length at the detector's rate."""

    def reset(self) -> None:
        """Forget the past (the microphone was muted); posts SpeechStopped if the voice was on."""

    def close(self) -> None:
        """Give the slot back."""


OnSpeech = Callable[[SpeechStarted | SpeechStopped], None]
