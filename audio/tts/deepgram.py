"""Deepgram: Aura on /v1/speak and Flux on /v2/speak, one stream of audio each, without word times. Pure.

There is one utterance at a time. What is cancelled is dropped until the provider says that it stopped: `Cleared` of
Aura; of Flux `SpeechInterrupted`, or `SpeechMetadata` where it could not be stopped any more, or not yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
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
FLUX_ENDS = frozenset({"SpeechMetadata", "SpeechInterrupted"})
FLUX = Dialect("/v2/speak", "Interrupt", FLUX_ENDS, FLUX_ENDS, 1 << 30)


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
        self._stopping = False

    def ask(self, context: str, text: str) -> list[str]:
        """Say it all."""
        self._context, self._stopping = context, False
        return [*(_text("Speak", text=part) for part in _parts(text)), _text("Flush")]

    def cancel(self, context: str) -> list[str]:
        """Stop, if it is still spoken."""
        if context != self._context or self._stopping:
            return []
        self._stopping = True
        return [_text(self._dialect.cancel)]

    def read(self, message: str | bytes) -> list[Event]:
        """What a message says; a binary one is audio."""
        if isinstance(message, bytes):
            return [Sound(self._context, message)] if self._context and not self._stopping else []
        told = _decode(message)
        if told.type == "Error" or told.err_code:
            return [Refused(_reason(told))]
        if told.type == "Warning" and "flush" in f"{told.code} {told.description}".lower():
            return [Refused(_reason(told))]
        if told.type not in (self._dialect.cancelled if self._stopping else self._dialect.ends):
            return []
        context, self._context, self._stopping = self._context, "", False
        return [Over(context)] if context else []


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
