"""Cartesia: text-to-speech on a websocket of many contexts (/tts/websocket). Pure.

A context is one whole text (`continue: false`). A cancelled one is over at once; what still comes of it is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct, field

from audio.tts.wire import Event, Over, Refused, Sound, Terms, Timed

RATES_HZ = (8000, 16000, 22050, 24000, 44100, 48000)
VERSION = "2026-03-01"
"""The version of the API that these messages are of."""
PATH = f"/tts/websocket?cartesia_version={VERSION}"
MAX_CONTEXTS = 8
FATAL_STATUS = frozenset({401, 402, 403, 404})


class CartesiaCodec:
    """A voice there."""

    name = "cartesia"

    def __init__(self, model: str, voice: str, rate_hz: int, extra: Mapping[str, Any], ahead: int) -> None:
        """`extra` goes into each request: language, generation_config, …"""
        self.rate_hz = rate_hz
        self.terms = Terms(min(ahead, MAX_CONTEXTS), MAX_CONTEXTS, "context", "over")
        self._request = {
            "model_id": model,
            "voice": {"mode": "id", "id": voice},
            "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": rate_hz},
            "add_timestamps": True,
            "use_normalized_timestamps": False,
            "continue": False,
            **extra,
        }

    def open(self) -> CartesiaWire:
        """The codec of a new connection."""
        return CartesiaWire(self._request)

    def is_final(self, reason: str) -> bool:
        """A close for "policy" is."""
        return True


class _Words(Struct):
    words: list[str] = field(default_factory=list)
    start: list[float] = field(default_factory=list)
    end: list[float] = field(default_factory=list)


class _Message(Struct):
    type: str
    context_id: str | None = None
    data: bytes | None = None
    done: bool = False
    word_timestamps: _Words | None = None
    status_code: int | None = None
    error_code: str | None = None
    title: str | None = None
    message: str | None = None
    error: str | None = None


_decode = msgspec.json.Decoder(_Message).decode


class CartesiaWire:
    """One connection's codec."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        self._request = request

    def ask(self, context: str, text: str) -> list[str]:
        """One request."""
        return [_text({**self._request, "context_id": context, "transcript": text})]

    def cancel(self, context: str) -> list[str]:
        """No more of it."""
        return [_text({"context_id": context, "cancel": True})]

    def read(self, message: str | bytes) -> list[Event]:
        """What a message says."""
        told = _decode(message)
        context = told.context_id or ""
        if told.type == "error":
            return [_refused(told, context)]
        events: list[Event] = []
        if told.type == "chunk" and told.data:
            events.append(Sound(context, told.data))
        elif told.type == "timestamps" and told.word_timestamps:
            events.append(Sound(context, b"", _spoken(told.word_timestamps)))
        if told.type == "done" or (told.type == "chunk" and told.done):
            events.append(Over(context))
        return events


def _refused(told: _Message, context: str) -> Refused:
    parts = [each for each in (told.title, told.message, told.error) if each]
    missing = (told.error_code or "").endswith("_not_found")
    reason = ": ".join(parts) or told.error_code or f"error {told.status_code}"
    return Refused(reason, context, missing or told.status_code in FATAL_STATUS)


def _spoken(told: _Words) -> tuple[Timed, ...]:
    """Times are told in seconds."""
    parts = zip(told.words, told.start, told.end, strict=False)
    return tuple(Timed(f"{word} ", start * 1000, end * 1000) for word, start, end in parts)


def _text(message: Mapping[str, Any]) -> str:
    return msgspec.json.encode(message).decode()
