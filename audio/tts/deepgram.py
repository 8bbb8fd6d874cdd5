"""Deepgram: Aura on /v1/speak and Flux on /v2/speak, one stream of audio each, without word times. Pure.

There is one utterance at a time. What is cancelled is dropped until the provider says that it stopped: `Cleared` of
Aura; of Flux `SpeechInterrupted`, or `SpeechMetadata` where it could not be stopped any more, or not yet. Nothing says
whose audio comes, so an end before any audio is taken for that of another utterance, and costs the connection.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from audio.tts.wire import Event, Over, Refused, Sound, Terms

RATES_HZ = (8000, 16000, 24000, 32000, 48000)
MAX_CHARS = 2000
"""Of one `Speak` message: more is refused."""
FLUSHES = 18
"""Aura takes 20 flushes a minute on a connection, and then none."""


class Dialect(Struct, frozen=True):
    """In what Aura and Flux differ: what cancels, and what ends an utterance, one that was cancelled, or the lot."""

    path: str
    cancel: str
    ends: frozenset[str]
    cancelled: frozenset[str]
    per_link: int


AURA = Dialect("/v1/speak", "Clear", frozenset({"Flushed"}), frozenset({"Cleared"}), FLUSHES)
FLUX_STOPS = frozenset({"SpeechMetadata", "SpeechInterrupted"})
FLUX = Dialect("/v2/speak", "Interrupt", frozenset({"SpeechMetadata"}), FLUX_STOPS, 1 << 30)


class DeepgramCodec:
    """A voice there."""

    name = "deepgram-tts"

    def __init__(self, dialect: Dialect, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self.terms = Terms(1, 1, "context", "told", dialect.per_link)
        self._dialect = dialect

    def open(self) -> DeepgramWire:
        """The codec of a new connection."""
        return DeepgramWire(self._dialect)

    def is_final(self, reason: str) -> bool:
        """A close for "policy" may be for a text that it did not like."""
        return False


def path_of(dialect: Dialect, model: str, rate_hz: int) -> str:
    """What stands behind the address."""
    asked = {"model": model, "encoding": "linear16", "sample_rate": str(rate_hz)}
    return f"{dialect.path}?{urlencode(asked)}"


class _Message(Struct):
    type: str = ""
    code: str | None = None
    description: str | None = None
    message: str | None = None
    err_code: str | None = None
    err_msg: str | None = None


_decode = msgspec.json.Decoder(_Message).decode


class DeepgramWire:
    """One connection's codec: it knows whose audio comes."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._context = ""
        self._state: Literal["asked", "speaking", "stopping"] = "asked"

    def ask(self, context: str, text: str) -> list[str]:
        """Say it all."""
        self._context, self._state = context, "asked"
        return [*(_text("Speak", text=part) for part in _parts(text)), _text("Flush")]

    def cancel(self, context: str) -> list[str]:
        """Stop, if it is still spoken."""
        if context != self._context or self._state == "stopping":
            return []
        self._state = "stopping"
        return [_text(self._dialect.cancel)]

    def read(self, message: str | bytes) -> list[Event]:
        """What a message says; a binary one is audio."""
        if isinstance(message, bytes):
            return self._sound(message)
        told = _decode(message)
        if told.type == "Error" or told.err_code:
            return [Refused(_reason(told))]
        if told.type == "Warning" and "flush" in f"{told.code} {told.description}".lower():
            return [Refused(_reason(told))]
        ends = self._dialect.cancelled if self._state == "stopping" else self._dialect.ends
        if told.type not in ends or not self._context:
            return []
        if self._state == "asked":
            return [Refused("it ended what it had not begun")]
        context, self._context = self._context, ""
        return [Over(context)]

    def _sound(self, pcm: bytes) -> list[Event]:
        if not self._context or self._state == "stopping":
            return []
        self._state = "speaking"
        return [Sound(self._context, pcm)]


def _parts(text: str) -> Iterator[str]:
    """The text in pieces that are not too long, cut at spaces where there are any."""
    while len(text) > MAX_CHARS:
        cut = text.rfind(" ", 1, MAX_CHARS) + 1 or MAX_CHARS
        yield text[:cut]
        text = text[cut:]
    yield text


def _reason(told: _Message) -> str:
    parts = (told.err_code or told.code, told.err_msg or told.description or told.message)
    return ": ".join(each for each in parts if each) or "an error without words"


def _text(kind: str, **fields: Any) -> str:
    return msgspec.json.encode({"type": kind, **fields}).decode()
