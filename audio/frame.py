"""A piece of speech or a message on its way to the caller: what there is of it, was sent, was heard. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from audio.events import Word
from audio.proportion import place_at

# How fast speech is, where a voice gives no word times and is not done: 60 ms a character is some 165 words a minute.
MS_PER_CHARACTER = 60


class Frame:
    """One piece of speech or one message in the queue. Counts are samples."""

    __slots__ = (
        "done",
        "ending",
        "first_at",
        "heard",
        "id",
        "interruptible",
        "payload",
        "pcm",
        "pcm_start",
        "places",
        "queued",
        "seen_first_at",
        "seen_sent",
        "sent",
        "text",
        "words",
    )

    def __init__(self, number: int, text: str, interruptible: bool, payload: object = None) -> None:
        self.id = number
        self.text = text
        self.interruptible = interruptible
        self.payload = payload
        self.words: list[Word] = []  # as the voice tells
        self.places: tuple[Word, ...] = ()  # where they are thought to begin, if it tells none
        self.queued = 0
        self.heard = 0  # as the core knows it
        self.seen_sent = 0  # as the core knows it
        self.seen_first_at = 0.0  # as the core knows it
        self.done = payload is not None  # no more audio comes
        self.ending = False  # with the word that is being said
        self.sent = 0  # as the writer knows it
        self.first_at = 0.0  # when its first sample is played, in seconds by the clock: with a client far off, later
        self.pcm = bytearray()
        self.pcm_start = 0  # the sample at which `pcm` begins

    @property
    def begins(self) -> Sequence[Word]:
        """When its words begin, as far as that is known."""
        return self.words or self.places

    @property
    def finished(self) -> bool:
        """Nothing of it remains to be played."""
        return self.done and self.heard >= self.queued and (self.payload is None or self.seen_sent > 0)

    @property
    def silent(self) -> bool:
        """It has words, and no sound."""
        return self.payload is None and self.done and self.queued == 0 and bool(self.text)

    def text_at(self, samples: int, rate_hz: int) -> str:
        """The words that have begun within the first `samples`, as text."""
        if self.done and samples >= self.queued > 0:
            return self.text
        if samples <= 0:
            return ""
        played_ms = samples * 1000 / rate_hz
        if self.begins:
            begun = [word.end for word in self.begins if word.start_ms < played_ms]
            return self.text[: begun[-1]] if begun else ""
        end = self.text.find(" ", place_at(self.text, played_ms / self.whole_ms(rate_hz)))
        return self.text if end < 0 else self.text[:end]

    def whole_ms(self, rate_hz: int) -> float:
        """How long it takes to say; by the text, where more audio may come."""
        queued_ms = self.queued * 1000 / rate_hz
        return queued_ms if self.done else max(queued_ms, len(self.text) * MS_PER_CHARACTER)
