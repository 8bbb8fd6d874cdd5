"""Speeches from `Begin` to `Finish`, and the one final transcript that each is owed, in their order. Pure.

A speech is answered when its service says so, at its deadline with what is there, or when the link stays away. Until
then its audio is kept, and so is its end, for the connection after this one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from msgspec import Struct

from audio.events import EarFact, SpeechLost, SpokenWord, Transcript
from audio.stt.hearing import LOST, LinkState, Patience, mean
from audio.stt.uplink import Uplink

MAX_TRIES = 2
"""A speech after which a provider fell silent is heard once more, on another connection."""
MAX_OWED = 64
"""More speeches are not waited for at once: at 0.3 s each that is far more than their deadline allows."""


class Piece(Struct, frozen=True):
    """Words of a speech that are final."""

    text: str
    words: tuple[SpokenWord, ...] = ()
    confidence: float | None = None
    language: str = ""


class Speech(Struct, eq=False):
    """Something that was said; positions in the uplink."""

    begin: int
    end: int | None = None
    ended_at: float = math.inf
    due: float = math.inf
    """When it is answered with what is there."""
    tries: int = 1
    pieces: list[Piece] = []
    partial: str = ""
    """Words after the pieces, that may still change."""
    shown: str = ""
    answer: Transcript | None = None
    """What waits for the answers of the speeches before."""

    @property
    def text(self) -> str:
        """All that is understood so far."""
        return " ".join(filter(None, [*(piece.text for piece in self.pieces), self.partial]))

    def holds(self, position: float) -> bool:
        """Whether it is in this speech."""
        return self.begin <= position < (math.inf if self.end is None else self.end)


class Speeches:
    """What was said on one call and is not answered yet, oldest first."""

    def __init__(self, uplink: Uplink, patience: Patience) -> None:
        self._uplink = uplink
        self._patience = patience
        self._waiting: list[Speech] = []
        self._facts: list[EarFact] = []
        self._link = LinkState.DOWN
        self._down_at = -math.inf  # the first connection is due at once
        self._up_at = -math.inf
        self.heard_at = -math.inf
        """When the provider last said anything."""

    def __iter__(self) -> Iterator[Speech]:
        return iter([speech for speech in self._waiting if speech.answer is None])

    @property
    def owed(self) -> list[Speech]:
        """Those that have ended and are not answered."""
        return [speech for speech in self if speech.end is not None]

    def ending_at(self, position: int) -> Speech | None:
        """The one that has its mark there, answered or not."""
        return next((speech for speech in self._waiting if speech.end == position), None)

    @property
    def current(self) -> Speech | None:
        """The one that goes on."""
        return self._waiting[-1] if self._waiting and self._waiting[-1].end is None else None

    @property
    def up(self) -> bool:
        """There is a connection."""
        return self._link is LinkState.UP

    # --- the caller -------------------------------------------------------------------------------------------------

    def begin(self, now: float) -> None:
        """Speech began."""
        if self.current is not None:
            return
        if not self._waiting:
            self._uplink.release(self._uplink.end)
            if self._link is LinkState.DOWN and math.isinf(self._down_at):
                self._down_at = now
        if len(self._waiting) >= MAX_OWED:
            self.settle(self._waiting[0])
        self._waiting.append(Speech(self._uplink.end))

    def audio(self, pcm: bytes) -> None:
        """More of the speech that goes on; there is none outside of one."""
        if self.current is not None and self._link is not LinkState.REFUSED:
            self._uplink.put(pcm)

    def finish(self, now: float) -> Speech | None:
        """Speech ended; returns it, if it is not answered with this."""
        speech = self.current
        if speech is None:
            self._facts.append(Transcript("", True))  # every Finish is answered
            return None
        speech.end = self._uplink.end
        speech.ended_at, speech.due = now, now + self._patience.final_s
        if self._link is LinkState.REFUSED or speech.end == speech.begin:
            self.settle(speech)
            return None
        self._uplink.mark()
        return speech

    # --- the link ---------------------------------------------------------------------------------------------------

    def connected(self, now: float) -> None:
        """What is not answered is heard again from where finals have reached."""
        self._link = LinkState.UP
        self._up_at = now
        self._uplink.rewind()
        for speech in self.owed:
            speech.due = now + self._patience.final_s

    def disconnected(self, now: float) -> None:
        """The link is lost."""
        self._link = LinkState.DOWN
        self._down_at = now

    def refused(self, reason: str) -> None:
        """Nobody listens any more."""
        self._link = LinkState.REFUSED
        self._lose(reason)

    def _lose(self, reason: str) -> None:
        """Every Finish until now is answered, before the call hears that it need not wait."""
        for speech in self.owed:
            self.settle(speech)
        self._facts.append(SpeechLost(reason))

    # --- time -------------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> str:
        """Answer what is late. Returns why the connection is not to be trusted; empty: it is."""
        if self._waiting and now >= self._away_at():
            self._link = LinkState.AWAY
            self._lose(LOST)
        doubt = lost = ""
        for speech in self.owed:
            if self._link is LinkState.DOWN or now < speech.due:
                continue
            silence = self._silence(speech)
            doubt = doubt or silence
            if silence and speech.tries < MAX_TRIES:
                speech.tries, speech.due = speech.tries + 1, math.inf  # until there is another connection
            else:
                self.settle(speech)
                lost = lost or silence
        if lost:
            self._facts.append(SpeechLost(lost))
        return doubt

    def _silence(self, speech: Speech) -> str:
        """Why the connection is not to be trusted: it has said nothing since this ended; empty: it has."""
        if not self.up or self.heard_at > max(speech.ended_at, self._up_at):
            return ""
        return f"it said nothing for {self._patience.final_s:g} s after the end of speech"

    def deadline(self) -> float:
        """When `tick` is due; inf for never."""
        if self._link is LinkState.DOWN:
            return self._away_at() if self._waiting else math.inf
        return min((speech.due for speech in self.owed), default=math.inf)

    def _away_at(self) -> float:
        return self._down_at + self._patience.link_s if self._link is LinkState.DOWN else math.inf

    # --- what was understood ----------------------------------------------------------------------------------------

    def show(self, speech: Speech) -> None:
        """Tell what is understood so far, if it is this one's turn and there is something new."""
        text = speech.text
        if self._waiting and self._waiting[0] is speech and text != speech.shown:
            speech.shown = text
            self._facts.append(Transcript(text, False))

    def settle(self, speech: Speech) -> None:
        """Answer with what is there."""
        speech.answer = joined(speech.pieces, speech.partial)
        while self._waiting and (answer := self._waiting[0].answer) is not None:
            done = self._waiting.pop(0)
            self._facts.append(answer)
            if done.end is not None:
                self._uplink.unmark(done.end)
                self._uplink.release(done.end)
        if self._waiting:
            self.show(self._waiting[0])

    def facts(self) -> list[EarFact]:
        """What is new for the call."""
        new, self._facts = self._facts, []
        return new


def joined(pieces: Sequence[Piece], partial: str = "") -> Transcript:
    """The final transcript of a speech, with all that is known of it; `partial` are words after the pieces."""
    text = " ".join(filter(None, [*(piece.text for piece in pieces), partial]))
    weighed = [(piece.confidence, max(len(piece.words), 1)) for piece in pieces if piece.confidence is not None]
    return Transcript(
        text,
        True,
        mean(weighed) if text else None,
        tuple(word for piece in pieces for word in piece.words),
        next((piece.language for piece in pieces if piece.language), ""),
    )
