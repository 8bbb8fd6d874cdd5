"""ElevenLabs: text-to-speech on a websocket of many contexts (/v1/text-to-speech/{voice_id}/multi-stream-input). Pure.

A context is opened, given its text, flushed and closed at once; it then speaks to its end. Closing a context does not
stop what was flushed, so one that is cancelled holds its place until `isFinal`; what comes of it is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct, field

from audio.tts.wire import Event, Over, Refused, Sound, Terms, Timed

RATES_HZ = (8000, 16000, 22050, 24000, 32000, 44100, 48000)
MAX_CONTEXTS = 5
"""More on one connection are answered with `max_active_conversations` and the end of the connection."""
INACTIVITY_S = 180
"""The longest `inactivity_timeout`; the default is 20. An idle connection that is closed then is made again at once."""
FATAL = frozenset(
    """
    invalid_api_key missing_permissions needs_authorization quota_exceeded voice_not_found voice_id_does_not_exist
    model_not_found invalid_model_id unsupported_model output_format_not_allowed
    """.split()
)
_FINAL_WORDS = ("api key", "api_key", "quota", "does not exist", "not authorized", "unauthorized", "permission")


class ElevenLabsCodec:
    """A voice there."""

    name = "elevenlabs"

    def __init__(self, rate_hz: int, voice_settings: Mapping[str, float | bool], ahead: int) -> None:
        """`voice_settings`: stability, similarity_boost, style, use_speaker_boost, speed."""
        self.rate_hz = rate_hz
        self.terms = Terms(min(ahead, MAX_CONTEXTS), MAX_CONTEXTS, "message", "told")
        self._settings = dict(voice_settings)

    def open(self) -> ElevenLabsWire:
        """The codec of a new connection."""
        return ElevenLabsWire(self._settings)

    def is_final(self, reason: str) -> bool:
        """Its every close is for "policy", that of an idle connection too."""
        words = reason.lower()
        return any(each in words for each in _FINAL_WORDS)


def path_of(voice: str, model: str, rate_hz: int) -> str:
    """What stands behind the address."""
    asked = {"model_id": model, "output_format": f"pcm_{rate_hz}", "inactivity_timeout": str(INACTIVITY_S)}
    return f"/v1/text-to-speech/{quote(voice, safe='')}/multi-stream-input?{urlencode(asked)}"


class _Alignment(Struct):
    chars: list[str] = field(default_factory=list)
    charStartTimesMs: list[float] = field(default_factory=list)
    charDurationsMs: list[float] = field(default_factory=list)


class _Message(Struct):
    audio: bytes | None = None
    alignment: _Alignment | None = None
    contextId: str | None = None
    context_id: str | None = None
    isFinal: bool | None = None
    is_final: bool | None = None
    error: str | None = None
    message: str | None = None


_decode = msgspec.json.Decoder(_Message).decode


class ElevenLabsWire:
    """One connection's codec."""

    def __init__(self, settings: Mapping[str, float | bool]) -> None:
        self._settings = settings

    def ask(self, context: str, text: str) -> list[str]:
        """Open, say, close."""
        opening: dict[str, Any] = {"text": " ", "context_id": context}
        if self._settings:
            opening["voice_settings"] = self._settings
        text = f"{text.rstrip()} "  # its end is known to be one by the space
        return [_text(opening), _text({"text": text, "context_id": context, "flush": True}), *self.cancel(context)]

    def cancel(self, context: str) -> list[str]:
        """Close it; to close it twice does no harm."""
        return [_text({"context_id": context, "close_context": True})]

    def read(self, message: str | bytes) -> list[Event]:
        """What a message says."""
        told = _decode(message)
        context = told.contextId or told.context_id or ""
        if told.error:
            reason = f"{told.error}: {told.message}" if told.message else told.error
            return [Refused(reason, context, told.error in FATAL)]
        events: list[Event] = []
        if told.audio or told.alignment:
            events.append(Sound(context, told.audio or b"", _spoken(told.alignment)))
        if told.isFinal or told.is_final:
            events.append(Over(context))
        return events


def _spoken(alignment: _Alignment | None) -> tuple[Timed, ...]:
    if alignment is None:
        return ()
    parts = zip(alignment.chars, alignment.charStartTimesMs, alignment.charDurationsMs, strict=False)
    return tuple(Timed(char, start, start + lasts) for char, start, lasts in parts)


def _text(message: dict[str, Any]) -> str:
    return msgspec.json.encode(message).decode()
