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
from server.services.remote import HttpEngine, RemoteEngine

MAX_AHEAD = 4
CONNECT_S = 3.0
SEND_S = 2.0
"""Less than the core's patience with a voice."""
_PATIENCE = Patience()


class VoicePatience(Struct, frozen=True, forbid_unknown_fields=True):
    """How long a voice may take. Raises ConfigError."""

    first_audio_s: float = _PATIENCE.first_audio_s
    """A voice that has given no audio for so long is asked again, on another connection."""

    def __post_init__(self) -> None:
        if not 0 < self.first_audio_s < _PATIENCE.give_up_s:
            raise ConfigError(f"first_audio_s must be above zero and below {_PATIENCE.give_up_s:g}")


def websocket_voice(endpoint: Endpoint, codec: Codec, patience: VoicePatience) -> RemoteEngine[TextToSpeech]:
    """A voice behind a websocket."""
    address = msgspec.structs.replace(endpoint, connect_s=CONNECT_S, send_s=SEND_S)
    times = Patience(first_audio_s=patience.first_audio_s)

    def voice(random: Random, gate: asyncio.Semaphore) -> TextToSpeech:
        return WebsocketVoice(address, codec, random=random, gate=gate, patience=times)

    return RemoteEngine(address, voice)


def http_voice(endpoint: Endpoint, speech: HttpSpeech, ahead: int, patience: VoicePatience) -> HttpEngine[TextToSpeech]:
    """A voice behind requests over HTTP."""
    address = msgspec.structs.replace(endpoint, connect_s=CONNECT_S)
    times = Patience(first_audio_s=patience.first_audio_s)
    return HttpEngine(HttpClient(address), lambda client: HttpVoice(client, speech, ahead, times))


def checked_ahead(place: str, ahead: int) -> int:
    """How many sentences are made at once. Raises ConfigError."""
    if not 1 <= ahead <= MAX_AHEAD:
        raise ConfigError(f"{place}.ahead must be from 1 to {MAX_AHEAD}")
    return ahead
