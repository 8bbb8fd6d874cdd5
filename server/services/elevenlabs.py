"""ElevenLabs: a voice.

tts = {name = "elevenlabs", voice = "…", model = "…"}
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from audio.services import TextToSpeech
from audio.tts import elevenlabs as wire
from server.services.access import Access, Provider, endpoint
from server.services.options import named, one_of, parted
from server.services.remote import Given, RemoteEngine
from server.services.voices import VoicePatience, checked_ahead, patience_of, websocket_voice

PROVIDER = Provider("wss://api.elevenlabs.io", "ELEVENLABS_API_KEY", "xi-api-key")


class VoiceOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """`tts = {name = "elevenlabs", voice = "…", model = "…"}`."""

    voice: str
    """Its id; it must be given."""
    model: str
    """Which model, by its id; it must be given."""
    rate_hz: int = 16000
    """Of its audio: 8000, 16000, 22050, 24000, 32000, 44100 or 48000."""
    voice_settings: dict[str, float | bool] = {}
    """stability, similarity_boost, style, use_speaker_boost, speed."""
    ahead: int = 2
    """Sentences that are made at once, 1 to 4; a plan allows so many."""


def voice(given: Given, **options: Any) -> RemoteEngine[TextToSpeech]:
    """A voice; more of it (language_code, apply_text_normalization, …) goes into `query`."""
    place = given.place
    chosen, access, patience = parted(place, options, VoiceOptions, Access, VoicePatience)
    times = patience_of(given, patience)
    named(place, voice=chosen.voice, model=chosen.model)
    one_of(place, "rate_hz", chosen.rate_hz, wire.RATES_HZ)
    ahead = checked_ahead(place, chosen.ahead)
    path = wire.path_of(chosen.voice, chosen.model, chosen.rate_hz)
    where = endpoint(place, PROVIDER, access, path, ("ws", "wss"))
    return websocket_voice(where, wire.ElevenLabsCodec(chosen.rate_hz, chosen.voice_settings, ahead), times)
