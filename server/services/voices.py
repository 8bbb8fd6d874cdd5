"""What the voices of all providers share: their patience, and how a codec becomes an engine."""

from __future__ import annotations

import asyncio
from random import Random

import msgspec
from msgspec import Struct

from audio.services import TextToSpeech
from audio.tts.delivery import Patience
from audio.tts.http import HttpSpeech, HttpVoice
from audio.tts.websocket import WebsocketVoice
from audio.tts.wire import Codec
from link.errors import ConfigError
from link.http import HttpClient
from link.websocket import Endpoint
from server.services.remote import Given, HttpEngine, RemoteEngine

MAX_AHEAD = 4
CONNECT_S = 3.0
SEND_S = 2.0
"""Less than the core's patience with a voice."""
MARGIN_S = 0.2
"""So much sooner than the call a voice gives a sentence up, so that its reason is told."""
_PATIENCE = Patience()


class VoicePatience(Struct, frozen=True, forbid_unknown_fields=True):
    """How long a voice may take; the call's own patience (`policy.speech_first_s`) goes before."""

    first_audio_s: float | None = None
    """A voice that has given no audio for so long is asked again, on another connection; not given: half of what the
    call waits (`policy.speech_first_s`, less 0.2 s)."""


def patience_of(given: Given, table: VoicePatience) -> Patience:
    """A voice's times, which are those of the call, less a margin. Raises ConfigError."""
    policy = given.settings.over("policy", given.agent.policy)
    give_up_s, give_up_next_s = (
        max(limit_s - MARGIN_S, limit_s / 2) for limit_s in (policy.speech_first_s, policy.speech_next_s)
    )
    first_audio_s = give_up_s / 2 if table.first_audio_s is None else table.first_audio_s
    if not 0 < first_audio_s < give_up_s:
        why = f"the call waits for {policy.speech_first_s:g} s (policy.speech_first_s)"
        raise ConfigError(f"{given.place}.first_audio_s must be above zero and below {give_up_s:g}: {why}")
    return Patience(first_audio_s, min(_PATIENCE.next_audio_s, give_up_next_s), give_up_s, give_up_next_s)


def websocket_voice(endpoint: Endpoint, codec: Codec, patience: Patience) -> RemoteEngine[TextToSpeech]:
    """A voice behind a websocket."""
    address = msgspec.structs.replace(endpoint, connect_s=CONNECT_S, send_s=SEND_S)

    def voice(random: Random, gate: asyncio.Semaphore) -> TextToSpeech:
        return WebsocketVoice(address, codec, random=random, gate=gate, patience=patience)

    return RemoteEngine(address, voice)


def http_voice(endpoint: Endpoint, speech: HttpSpeech, ahead: int, patience: Patience) -> HttpEngine[TextToSpeech]:
    """A voice behind requests over HTTP."""
    address = msgspec.structs.replace(endpoint, connect_s=CONNECT_S)
    return HttpEngine(HttpClient(address), lambda client: HttpVoice(client, speech, ahead, patience))


def checked_ahead(place: str, ahead: int) -> int:
    """How many sentences are made at once. Raises ConfigError."""
    if not 1 <= ahead <= MAX_AHEAD:
        raise ConfigError(f"{place}.ahead must be from 1 to {MAX_AHEAD}")
    return ahead
