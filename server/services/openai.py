"""OpenAI: realtime transcription as ears.

stt = {name = "openai-realtime-stt", model = "…"}
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from audio.services import SpeechToText
from audio.stt.hearing import Patience
from audio.stt.openai_events import RealtimeSettings
from audio.stt.openai_realtime import PATH, RealtimeHearing
from server.services.access import Access, Provider, endpoint
from server.services.ears import terms, websocket_ears
from server.services.options import named, parted
from server.services.remote import Given, RemoteEngine

REALTIME = Provider("wss://api.openai.com/v1", "OPENAI_API_KEY")
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
