"""Deepgram: its Nova and Flux models as ears, Aura and Flux as voices.

stt = {name = "deepgram", model = "…", language = "en", terms = "keyterms"}
stt = {name = "deepgram-flux", model = "…", eager_eot_threshold = 0.5}
tts = {name = "deepgram-tts", model = "…", protocol = "v2"}     # Flux; "v1" is Aura
"""

from __future__ import annotations

from typing import Any, Literal

from loguru import logger
from msgspec import Struct

from audio.services import SpeechToText, TextToSpeech
from audio.stt import deepgram as nova_wire
from audio.stt import deepgram_flux as flux_wire
from audio.stt.hearing import Patience
from audio.tts import deepgram as voice_wire
from server.services.access import Access, Provider, endpoint
from server.services.ears import terms, way_of, websocket_ears
from server.services.options import at, named, one_of, parted
from server.services.remote import Given, RemoteEngine
from server.services.voices import VoicePatience, patience_of, websocket_voice

PROVIDER = Provider("wss://api.deepgram.com", "DEEPGRAM_API_KEY", "Authorization: Token")
SCHEMES = ("ws", "wss")
RATES_HZ = (8000, 16000, 24000, 44100, 48000)
"""What it hears as linear16."""


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
    """Words to listen for, where the model takes them; not given: as `terms` says."""
    terms: Literal["keyterms", "no"] | None = None
    """The terms of the agent's vocabulary: `keyterms`, for a model that takes them (others refuse the connection for
    them), or `no`; not given: `no`, which the log tells."""


def nova(given: Given, **options: Any) -> RemoteEngine[SpeechToText]:
    """Ears that write down what is said."""
    place = given.place
    chosen, access, patience = parted(place, options, NovaOptions, Access, Patience)
    named(place, model=chosen.model)
    keyterms = terms(f"{place}.keyterms", chosen.keyterms, given.agent.vocabulary)
    if chosen.keyterms is None and way_of(place, chosen.terms, "no", "keyterms", keyterms) == "no":
        keyterms = ()
    settings = nova_wire.DeepgramSettings(
        chosen.model,
        language=chosen.language,
        rate_hz=one_of(place, "rate_hz", chosen.rate_hz, RATES_HZ),
        smart_format=chosen.smart_format,
        punctuate=chosen.punctuate,
        keyterms=keyterms,
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
    keyterms = terms(f"{place}.keyterms", chosen.keyterms, given.agent.vocabulary)
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
    """`tts = {name = "deepgram-tts", model = "…", protocol = "v2"}`: Aura, or Flux."""

    model: str
    """Which model; it is the voice as well. It must be given."""
    protocol: Literal["v1", "v2"] | None = None
    """How it is asked: Aura at `/v1/speak`, Flux at `/v2/speak`; not given: `v1`, which the log tells."""
    rate_hz: int = 16000
    """Of its audio: 8000, 16000, 24000, 32000 or 48000."""


def voice(given: Given, **options: Any) -> RemoteEngine[TextToSpeech]:
    """A voice; more of it (speed, expressivity, …) goes into `query`."""
    place = given.place
    chosen, access, patience = parted(place, options, VoiceOptions, Access, VoicePatience)
    times = patience_of(given, patience)
    named(place, model=chosen.model)
    one_of(place, "rate_hz", chosen.rate_hz, voice_wire.RATES_HZ)
    if chosen.protocol is None:
        logger.info(
            '{}: the voice is asked at /v1/speak, as Aura is; for one of Flux set {}.protocol = "v2"', place, place
        )
    dialect = voice_wire.FLUX if chosen.protocol == "v2" else voice_wire.AURA
    where = endpoint(place, PROVIDER, access, voice_wire.path_of(dialect, chosen.model, chosen.rate_hz), SCHEMES)
    codec = voice_wire.DeepgramCodec(dialect, chosen.rate_hz)
    return websocket_voice(where, codec, times)
