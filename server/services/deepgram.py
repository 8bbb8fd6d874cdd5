"""Deepgram: its Nova and Flux models as ears, Aura and Flux as voices.

stt = {name = "deepgram", model = "nova-3", language = "en"}
stt = {name = "deepgram-flux", model = "flux-general-en", eager_eot_threshold = 0.5}
tts = {name = "deepgram-tts", model = "…"}               # Aura, or Flux: its models are named `flux-…`
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from audio.services import SpeechToText, TextToSpeech
from audio.stt import deepgram as nova_wire
from audio.stt import deepgram_flux as flux_wire
from audio.stt.hearing import Patience
from audio.tts import deepgram as voice_wire
from server.services.access import Access, Provider, endpoint
from server.services.ears import terms, websocket_ears
from server.services.options import at, named, one_of, parted
from server.services.remote import Given, RemoteEngine
from server.services.voices import VoicePatience, websocket_voice

PROVIDER = Provider("wss://api.deepgram.com", "DEEPGRAM_API_KEY", "Authorization: Token")
SCHEMES = ("ws", "wss")
RATES_HZ = (8000, 16000, 24000, 44100, 48000)
"""What it hears as linear16."""
TERMS_OF = ("nova-3", "flux")
"""Models that take keyterms."""


class NovaOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """`stt = {name = "deepgram", model = "…"}`: Deepgram's Nova models."""

    model: str
    """Which model; it must be given."""
    language: str = ""
    """BCP 47, or `multi`; empty: the model's own."""
    rate_hz: int = 16000
    """Of the audio that is sent: 8000, 16000, 24000, 44100 or 48000."""
    smart_format: bool = True
    """Numbers, dates and addresses as they are written."""
    punctuate: bool = True
    """Sentences end with a sign."""
    keyterms: list[str] | None = None
    """Words to listen for; not given: the terms of the agent's vocabulary, for Nova-3."""


def nova(given: Given, **options: Any) -> RemoteEngine[SpeechToText]:
    """Ears that write down what is said."""
    place = given.place
    chosen, access, patience = parted(place, options, NovaOptions, Access, Patience)
    named(place, model=chosen.model)
    settings = nova_wire.DeepgramSettings(
        chosen.model,
        language=chosen.language,
        rate_hz=one_of(place, "rate_hz", chosen.rate_hz, RATES_HZ),
        smart_format=chosen.smart_format,
        punctuate=chosen.punctuate,
        keyterms=terms(f"{place}.keyterms", chosen.model, chosen.keyterms, given.agent.vocabulary, TERMS_OF),
    )
    where = endpoint(place, PROVIDER, access, nova_wire.path_of(settings), SCHEMES)
    return websocket_ears(where, lambda: nova_wire.DeepgramHearing(settings, patience))


class FluxOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """`stt = {name = "deepgram-flux", model = "…"}`: Deepgram's Flux models, which follow turns (docs/turns.md)."""

    model: str
    """Which model; it must be given."""
    language_hints: list[str] = []
    """For the multilingual model."""
    rate_hz: int = 16000
    """Of the audio that is sent: 8000, 16000, 24000, 44100 or 48000."""
    keyterms: list[str] | None = None
    """Words to listen for; not given: the terms of the agent's vocabulary."""
    eot_threshold: float | None = None
    """How sure Flux is of the end of a turn, 0.5 to 1; not given: Deepgram's default."""
    eager_eot_threshold: float | None = None
    """From here on it says that the turn may be over, 0.3 to 0.9; not given: never."""
    eot_timeout_ms: int = flux_wire.EOT_TIMEOUT_MS
    """The silence that ends a turn in any case."""


def flux(given: Given, **options: Any) -> RemoteEngine[SpeechToText]:
    """Ears that follow turns."""
    place = given.place
    chosen, access, patience = parted(place, options, FluxOptions, Access, Patience)
    named(place, model=chosen.model)
    rate_hz = one_of(place, "rate_hz", chosen.rate_hz, RATES_HZ)
    keyterms = terms(f"{place}.keyterms", chosen.model, chosen.keyterms, given.agent.vocabulary, TERMS_OF)
    settings = at(
        place,
        lambda: flux_wire.FluxSettings(
            chosen.model,
            language_hints=tuple(chosen.language_hints),
            rate_hz=rate_hz,
            keyterms=keyterms,
            eot_threshold=chosen.eot_threshold,
            eager_eot_threshold=chosen.eager_eot_threshold,
            eot_timeout_ms=chosen.eot_timeout_ms,
        ),
    )
    where = endpoint(place, PROVIDER, access, flux_wire.path_of(settings), SCHEMES)
    return websocket_ears(where, lambda: flux_wire.FluxHearing(settings, patience))


class VoiceOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """`tts = {name = "deepgram-tts", model = "…"}`: Aura, or Flux, which is what a model named `flux-…` is."""

    model: str
    """Which model; it is the voice as well. It must be given."""
    rate_hz: int = 16000
    """Of its audio: 8000, 16000, 24000, 32000 or 48000."""


def voice(given: Given, **options: Any) -> RemoteEngine[TextToSpeech]:
    """A voice; more of it (speed, expressivity, …) goes into `query`."""
    place = given.place
    chosen, access, patience = parted(place, options, VoiceOptions, Access, VoicePatience)
    named(place, model=chosen.model)
    one_of(place, "rate_hz", chosen.rate_hz, voice_wire.RATES_HZ)
    where = endpoint(place, PROVIDER, access, voice_wire.path_of(chosen.model, chosen.rate_hz), SCHEMES)
    codec = voice_wire.DeepgramCodec(voice_wire.dialect_of(chosen.model), chosen.rate_hz)
    return websocket_voice(where, codec, patience)
