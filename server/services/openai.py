"""OpenAI: realtime transcription as ears, and a voice.

stt = {name = "openai-realtime-stt", model = "…"}
tts = {name = "openai-tts", model = "…", voice = "…"}
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from audio.services import SpeechToText, TextToSpeech
from audio.stt.hearing import Patience
from audio.stt.openai_events import RealtimeSettings
from audio.stt.openai_realtime import PATH, RealtimeHearing
from audio.tts import openai as voice_wire
from link.errors import ConfigError
from server.services.access import Access, Provider, endpoint
from server.services.ears import terms, websocket_ears
from server.services.options import named, parted
from server.services.remote import Given, HttpEngine, RemoteEngine
from server.services.voices import VoicePatience, checked_ahead, http_voice

REALTIME = Provider("wss://api.openai.com/v1", "OPENAI_API_KEY")
OVER_HTTP = Provider("https://api.openai.com/v1", "OPENAI_API_KEY")
KEYWORDS_OF = ("gpt-transcribe", "gpt-live-transcribe")
"""Models that take words to listen for."""


class RealtimeOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """`stt = {name = "openai-realtime-stt", model = "…"}`: OpenAI's realtime transcription."""

    model: str
    """Which model; it must be given."""
    language: str = ""
    """ISO 639-1."""
    prompt: str = ""
    """What the model is told of what it will hear, where it takes a prompt."""
    keywords: list[str] | None = None
    """Words to listen for; not given: the terms of the agent's vocabulary, where the model takes them."""
    delay: str = ""
    """How long the model may wait for more before it writes, where it takes that: `low`, `high`, …"""
    noise_reduction: str = ""
    """`near_field` or `far_field`."""


def realtime(given: Given, **options: Any) -> RemoteEngine[SpeechToText]:
    """Ears that write while they listen."""
    place = given.place
    chosen, access, patience = parted(place, options, RealtimeOptions, Access, Patience)
    named(place, model=chosen.model)
    settings = RealtimeSettings(
        chosen.model,
        chosen.language,
        chosen.prompt,
        terms(place, chosen.model, chosen.keywords, given.agent.vocabulary, KEYWORDS_OF),
        chosen.delay,
        chosen.noise_reduction,
    )
    where = endpoint(place, REALTIME, access, PATH, ("ws", "wss"))
    return websocket_ears(where, lambda: RealtimeHearing(settings, patience))


class VoiceOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """`tts = {name = "openai-tts", model = "…", voice = "…"}`: OpenAI's speech, or of a server like it."""

    voice: str | dict[str, str]
    """Its name, or `{id = "…"}` for one of your own; it must be given."""
    model: str
    """Which model; it must be given."""
    instructions: str = ""
    """How it is to speak, in words, where the model takes that."""
    speed: float | None = None
    """0.25 to 4; not given: the model's own."""
    rate_hz: int = voice_wire.RATE_HZ
    """Of its audio. OpenAI's is 24000; servers like it may have another."""
    extra: dict[str, Any] = {}
    """Goes into each request as it is."""
    ahead: int = 2
    """Sentences that are made at once, 1 to 4."""


def voice(given: Given, **options: Any) -> HttpEngine[TextToSpeech]:
    """A voice: one request for each sentence."""
    place = given.place
    chosen, access, patience = parted(place, options, VoiceOptions, Access, VoicePatience)
    own = chosen.voice if isinstance(chosen.voice, str) else chosen.voice.get("id", "")
    named(place, voice=own, model=chosen.model)
    low, high = voice_wire.SPEED
    if chosen.speed is not None and not low <= chosen.speed <= high:
        raise ConfigError(f"{place}.speed must be from {low:g} to {high:g}, not {chosen.speed:g}")
    if not 8000 <= chosen.rate_hz <= 48000:
        raise ConfigError(f"{place}.rate_hz must be from 8000 to 48000, not {chosen.rate_hz}")
    extra: dict[str, Any] = {"instructions": chosen.instructions} if chosen.instructions else {}
    extra |= {"speed": chosen.speed} if chosen.speed is not None else {}
    where = endpoint(place, OVER_HTTP, access, voice_wire.PATH, ("http", "https"))
    speech = voice_wire.OpenAISpeech(chosen.model, chosen.voice, chosen.rate_hz, {**extra, **chosen.extra})
    return http_voice(where, speech, checked_ahead(place, chosen.ahead), patience)
