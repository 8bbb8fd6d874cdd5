"""What ears and voice tell the core: frozen facts, one line of the journal each."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class SpeechStarted(Struct, frozen=True, tag=True):
    """The caller's voice came on. `voiced_ms` of it were heard already when this was decided."""

    voiced_ms: float = 0.0


class SpeechStopped(Struct, frozen=True, tag=True):
    """The caller's voice went off. The last voiced sample was `silence_ms` ago."""

    silence_ms: float = 0.0


class SpokenWord(Struct, frozen=True, array_like=True):
    """A word that was understood; its times count from the first sample after the last `Begin`, pre-roll included."""

    text: str
    start_ms: float
    end_ms: float
    confidence: float | None = None


class Transcript(Struct, frozen=True, tag=True):
    """What the speech-to-text understood of the speech since the last final one.

    A partial (`final=False`) replaces the partial before it. A final one closes it; an empty final text means that
    nothing was understood. `words`, `confidence` (0 to 1) and `language` (BCP 47) are there where the engine has them.
    """

    text: str
    final: bool
    confidence: float | None = None
    words: tuple[SpokenWord, ...] = ()
    language: str = ""


class TurnHint(Struct, frozen=True, tag=True):
    """What a speech-to-text that follows turns itself thinks of this one.

    `started`; `eager`: it may be over; `resumed`: it was not; `ended`. The transcript of an ended turn comes before it.
    """

    kind: Literal["started", "eager", "resumed", "ended"]


class TurnJudged(Struct, frozen=True, tag=True):
    """How sure an acoustic model is that the turn was over at the newest pause: `complete` from 0 to 1."""

    complete: float


class SpeechLost(Struct, frozen=True, tag=True):
    """The speech-to-text failed; what was being said is lost."""

    reason: str


class HeardAgain(Struct, frozen=True, tag=True):
    """Other ears hear what is not understood yet, from its beginning: its final transcript takes as long once more."""


EarFact = Transcript | SpeechLost | HeardAgain | TurnHint
"""What a speech-to-text tells."""
Listens = Literal["speech", "always"]
"""Which audio ears get: what stands between `Begin` and `Finish` only, or all of it, in which these are marks."""


class Word(Struct, frozen=True, array_like=True):
    """A spoken word: `text[:end]` of its frame has been said once it is over; it begins at `start_ms`."""

    start_ms: float
    end: int


class Queued(Struct, frozen=True, tag=True):
    """`samples` of a frame's audio entered the playout, with the words that begin in them.

    `places`: where the words of the whole frame are thought to begin, in place of what was thought before.
    """

    frame: int
    samples: int
    words: tuple[Word, ...] = ()
    places: tuple[Word, ...] = ()


class Synthesised(Struct, frozen=True, tag=True):
    """All audio of a frame is in the playout."""

    frame: int


class SpeechFailed(Struct, frozen=True, tag=True):
    """The text-to-speech gave up on a frame."""

    frame: int
    reason: str


class Heard(Struct, frozen=True, array_like=True):
    """The caller has heard the first `samples` of a frame, and the first `sent` are on their way or heard.

    `first_at`: when a frame that is not to be interrupted begins to be played, by the clock and at the earliest.
    """

    frame: int
    samples: int
    sent: int
    first_at: float = 0.0


class Played(Struct, frozen=True, tag=True):
    """What was heard meanwhile, of all frames at once: a decision on half of it would be wrong."""

    frames: tuple[Heard, ...]
