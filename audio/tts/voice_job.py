"""The child's side of every voice in a process of its own: many calls share one voice, a sentence at a time.

The parent asks for a text (`Say`), gets the audio of its first sentence, and asks for the next one (`Say` without text)
once it has handed that over. So what lies between the two is bounded by a sentence, a long text keeps other calls
waiting no longer than a sentence takes, and a text that nobody wants any more stops by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from audio.events import Word
from audio.pieces import Pieces
from link.worker import Send

MAX_SENTENCE_CHARS = 200
"""Of the text that is made at once; a longer sentence is cut at a clause."""
SENTENCE_PAUSE_MS = 200
CLAUSE_PAUSE_MS = 100
AUDIBLE = 64
"""Of 32768 (-54 dB): what is softer before the first sound is cut off."""
LEAD_MS = 3
"""What is left of it."""


class Say(Struct, frozen=True, array_like=True):
    """Speak a text, or (None) go on with the one of this serial. The serials of a slot rise from 1."""

    serial: int
    text: str | None = None


class Chunk(Struct, frozen=True, array_like=True):
    """Audio, and the words that begin in it. After the last chunk of a sentence comes `more` (ask on) or `done`."""

    serial: int
    pcm: bytes
    words: tuple[Word, ...] = ()
    more: bool = False
    done: bool = False


class Speech(Protocol):
    """One utterance on its way."""

    serial: int
    left: list[tuple[int, int]]
    """The parts of its text that are to be made."""

    def speak(self, begin: int, until: int, send: Send, wanted: Callable[[], bool]) -> None:
        """Send the audio of a part, unless it is not wanted any more."""


class VoiceJob:
    """The Job that `link.worker` runs. `urgent` names the serial that is not wanted any more, nor those before it."""

    def __init__(self, begin: Callable[[int, str], Speech]) -> None:
        """`begin` makes the speech of a serial and its text."""
        self._begin = begin
        self._speeches: dict[int, Speech] = {}
        self._dropped: dict[int, int] = {}

    def open(self, slot: int, options: dict[str, Any]) -> None:
        """Nothing to prepare: there is one voice for all calls."""

    def message(self, slot: int, payload: Any, send: Send) -> None:
        """Speak the next sentence of what the slot asks for."""
        say = msgspec.convert(payload, Say)
        if say.text is not None:
            self._speeches[slot] = self._begin(say.serial, say.text)
        speech = self._speeches.get(slot)
        if speech is None or speech.serial != say.serial:
            return
        if not _go_on(speech, send, lambda: say.serial > self._dropped.get(slot, 0)):
            del self._speeches[slot]

    def urgent(self, slot: int, payload: Any) -> None:
        """Runs beside `message`, which asks after each block whether its speech is still wanted."""
        self._dropped[slot] = payload

    def close(self, slot: int) -> None:
        """Forget the call."""
        self._speeches.pop(slot, None)
        self._dropped.pop(slot, None)


def _go_on(speech: Speech, send: Send, wanted: Callable[[], bool]) -> bool:
    """Send the audio of the next sentence. False: it was the last, or is not wanted."""
    if wanted() and speech.left:
        speech.speak(*speech.left.pop(0), send, wanted)
    elif wanted():
        send(Chunk(speech.serial, b"", done=True))
    return wanted() and bool(speech.left)


def sentences(text: str, early_chars: int | None = None) -> Iterator[tuple[int, int]]:
    """The parts of a spoken text that are made at once; the first may end at a clause, from `early_chars` on."""
    pieces = Pieces(early_chars=early_chars, max_chars=MAX_SENTENCE_CHARS)
    begin = 0
    for piece in pieces.feed(text) + pieces.flush():
        if any(char.isalnum() for char in piece):
            yield begin, begin + len(piece)
        begin += len(piece)


def pause_ms(text: str, *, last: bool) -> int:
    """The silence after a part of a text."""
    mark = text.rstrip()[-1:]
    if mark in (",", ";", ":"):
        return CLAUSE_PAUSE_MS
    return SENTENCE_PAUSE_MS if mark in (".", "!", "?") or last else 0
