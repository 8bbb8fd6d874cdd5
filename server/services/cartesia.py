"""Cartesia: a voice.

tts = {name = "cartesia", voice = "…", model = "…", language = "en"}
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from audio.services import TextToSpeech
from audio.tts import cartesia as wire
from server.services.access import Access, Provider, endpoint
from server.services.options import named, one_of, parted
from server.services.remote import Given, RemoteEngine
from server.services.voices import VoicePatience, checked_ahead, patience_of, websocket_voice

PROVIDER = Provider("wss://api.cartesia.ai", "CARTESIA_API_KEY")


class VoiceOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """`tts = {name = "cartesia", voice = "…", model = "…"}`."""

    voice: str
    """Its id; it must be given."""
    model: str
    """Which model, by its id; it must be given."""
    language: str = ""
    """As "en"; empty: the voice's own."""
    rate_hz: int = 16000
    """Of its audio: 8000, 16000, 22050, 24000, 44100 or 48000."""
    extra: dict[str, Any] = {}
    """Goes into each request as it is: generation_config, pronunciation_dict_id, …"""
    ahead: int = 2
    """Sentences that are made at once, 1 to 4; a plan allows so many."""


def voice(given: Given, **options: Any) -> RemoteEngine[TextToSpeech]:
    """A voice; another version of its API goes into `query` (cartesia_version)."""
    place = given.place
    chosen, access, patience = parted(place, options, VoiceOptions, Access, VoicePatience)
    times = patience_of(given, patience)
    named(place, voice=chosen.voice, model=chosen.model)
    one_of(place, "rate_hz", chosen.rate_hz, wire.RATES_HZ)
    extra = {**({"language": chosen.language} if chosen.language else {}), **chosen.extra}
    ahead = checked_ahead(place, chosen.ahead)
    where = endpoint(place, PROVIDER, access, wire.PATH, ("ws", "wss"))
    codec = wire.CartesiaCodec(chosen.model, chosen.voice, chosen.rate_hz, extra, ahead)
    return websocket_voice(where, codec, times)
