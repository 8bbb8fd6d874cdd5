"""Text-to-speech by name, of providers: `tts = {name = "elevenlabs", voice = "…", model = "…"}`.

    tts = {name = "cartesia", voice = "…", model = "…", language = "en"}
    tts = {name = "deepgram-tts", model = "…"}               # Aura, or Flux: its models are named `flux-…`
    tts = {name = "elevenlabs", …, cache = "/var/cache/voicewire"}

With `cache`, which every voice may have, the agent's greeting and its fixed sentences are made once and kept there. A
key of the environment is shown to its own provider only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import msgspec
from loguru import logger
from msgspec import Struct

from audio.pieces import Pieces
from audio.services import TextToSpeech
from audio.tts import cartesia, deepgram, elevenlabs
from audio.tts.cache import CachedVoice, SentenceCache
from audio.tts.websocket import Patience, WebsocketVoice
from audio.tts.wire import Codec
from link.addresses import fault_of
from link.errors import ConfigError
from link.websocket import HANDSHAKES_AT_ONCE, Endpoint
from server.agent import Agent
from server.config import Service, Settings
from server.factories import Engine, Known, make, split
from server.providers import converted, key_of

Options = dict[str, Any]
T = TypeVar("T")

ELEVENLABS_URL = "wss://api.elevenlabs.io"
CARTESIA_URL = "wss://api.cartesia.ai"
DEEPGRAM_URL = "wss://api.deepgram.com"
MAX_AHEAD = 4
CONNECT_S = 3.0
SEND_S = 2.0
"""Less than the core's patience with a voice."""
_PATIENCE = Patience()


class ElevenLabsOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """`tts = {name = "elevenlabs", voice = "…", model = "…"}`."""

    voice: str
    """Its id."""
    model: str
    """Which model, by its id."""
    rate_hz: int = 16000
    """Of its audio: 8000, 16000, 22050, 24000, 32000, 44100 or 48000."""
    voice_settings: dict[str, float | bool] = {}
    """stability, similarity_boost, style, use_speaker_boost, speed."""
    query: dict[str, str] = {}
    """Goes into the address: language_code, apply_text_normalization, …"""
    ahead: int = 2
    """Sentences that are made at once, 1 to 4; a plan allows so many."""
    url: str = ELEVENLABS_URL
    """Where it is."""
    api_key: str = ""
    """Empty: the environment variable ELEVENLABS_API_KEY, for the default url only."""
    first_audio_s: float = _PATIENCE.first_audio_s
    """A voice that has given no audio for so long is asked again, on another connection."""

    def __repr__(self) -> str:
        return f"ElevenLabsOptions({self.voice!r}, {self.model!r})"  # the key, the query and the url may be secret


class CartesiaOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """`tts = {name = "cartesia", voice = "…", model = "…"}`."""

    voice: str
    """Its id."""
    model: str
    """Which model, by its id."""
    language: str = ""
    """As "en"; empty: the voice's own."""
    rate_hz: int = 16000
    """Of its audio: 8000, 16000, 22050, 24000, 44100 or 48000."""
    extra: dict[str, Any] = {}
    """Goes into each request as it is: generation_config, pronunciation_dict_id, …"""
    query: dict[str, str] = {}
    """Goes into the address: cartesia_version."""
    ahead: int = 2
    """Sentences that are made at once, 1 to 4; a plan allows so many."""
    url: str = CARTESIA_URL
    """Where it is."""
    api_key: str = ""
    """Empty: the environment variable CARTESIA_API_KEY, for the default url only."""
    first_audio_s: float = _PATIENCE.first_audio_s
    """A voice that has given no audio for so long is asked again, on another connection."""

    def __repr__(self) -> str:
        return f"CartesiaOptions({self.voice!r}, {self.model!r})"


class DeepgramTtsOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """`tts = {name = "deepgram-tts", model = "…"}`: Aura, or Flux, which is what a model named `flux-…` is."""

    model: str
    """Which model; it is the voice as well."""
    rate_hz: int = 16000
    """Of its audio: 8000, 16000, 24000, 32000 or 48000."""
    query: dict[str, str] = {}
    """Goes into the address: speed, mip_opt_out, expressivity, …"""
    url: str = DEEPGRAM_URL
    """Where it is."""
    api_key: str = ""
    """Empty: the environment variable DEEPGRAM_API_KEY, for the default url only."""
    first_audio_s: float = _PATIENCE.first_audio_s
    """A voice that has given no audio for so long is asked again, on another connection."""

    def __repr__(self) -> str:
        return f"DeepgramTtsOptions({self.model!r})"


Chosen = ElevenLabsOptions | CartesiaOptions | DeepgramTtsOptions


class VoiceEngine:
    """A provider's address and what a voice is there."""

    free = 1 << 30

    def __init__(self, endpoint: Endpoint, codec: Codec, patience: Patience) -> None:
        self.endpoint = endpoint
        self.codec = codec
        self._patience = patience
        self._gate = asyncio.Semaphore(HANDSHAKES_AT_ONCE)
        self._random = Random()

    async def start(self) -> None:
        """Nothing to load."""

    def open(self) -> TextToSpeech:
        """A voice for one call."""
        return WebsocketVoice(self.endpoint, self.codec, random=self._random, gate=self._gate, patience=self._patience)

    async def close(self) -> None:
        """Nothing to release."""


class CachedEngine:
    """Another engine, whose voices have fixed sentences from a folder."""

    def __init__(self, engine: Engine[TextToSpeech], folder: Path, identity: str, fixed: frozenset[str]) -> None:
        """`identity`: all that makes the voice."""
        self._engine = engine
        self._folder = folder
        self._identity = identity
        self._fixed = fixed
        self._cache: SentenceCache | None = None  # its rate is known by the first voice

    async def start(self) -> None:
        """Start the other."""
        await self._engine.start()

    @property
    def free(self) -> int:
        """As the other."""
        return self._engine.free

    def open(self) -> TextToSpeech:
        """A voice for one call."""
        voice = self._engine.open()
        if self._cache is None:
            self._cache = SentenceCache(self._folder, self._identity, voice.rate_hz)
        return CachedVoice(voice, self._cache, self._fixed)

    async def close(self) -> None:
        """Close the other."""
        await self._engine.close()


def make_voice(service: Service, known: Known, settings: Settings, agent: Agent) -> Engine[TextToSpeech]:
    """The engine of a voice, with or without a cache. Raises ConfigError that names the key."""
    name, options = split("tts", service)
    folder = options.pop("cache", None)
    engine: Engine[TextToSpeech] = make("tts", "tts", {"name": name, **options}, known)
    if folder is None:
        return engine
    if not isinstance(folder, str) or not folder:
        raise ConfigError("tts.cache must name a folder")
    path = Path(folder).expanduser()
    return CachedEngine(engine, _folder(path), _identity(name, options, agent), _fixed(settings, agent))


def _folder(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"tts.cache: the folder {path} cannot be made: {error.strerror}") from error
    return path


def _identity(name: str, options: Options, agent: Agent) -> str:
    """All that makes the voice, without keys: they change, and say nothing of it."""
    told = {key: value for key, value in options.items() if key not in ("api_key", "url", "ahead", "first_audio_s")}
    return msgspec.json.encode([name, agent.voice, told], order="deterministic").decode()


def _fixed(settings: Settings, agent: Agent) -> frozenset[str]:
    """The agent's greeting and what the call says by itself, in the pieces that come to the voice."""
    said = agent.call_settings(settings)
    to_caller = ("apology", "fatal", "idle", "idle_again", "idle_goodbye", "too_long")
    fixed = (said.greeting, *(getattr(said.sentences, name) for name in to_caller))
    return frozenset(piece for text in fixed for piece in _pieces(text, settings, agent))


def _pieces(text: str, settings: Settings, agent: Agent) -> Iterator[str]:
    """As `Speaking.say` cuts them, and `Session` words them."""
    wording, pieces, before = agent.wording(settings), Pieces(), ""
    for piece in (*pieces.feed(text), *pieces.flush()):
        try:
            yield wording.said(piece, before).text
        except Exception as error:  # a filter of the agent
            logger.warning("tts: a fixed sentence cannot be kept: {}: {}", type(error).__name__, error)
        before += piece


# --- providers --------------------------------------------------------------------------------------------------------


def _elevenlabs(place: str, **options: Any) -> VoiceEngine:
    chosen = converted(place, options, ElevenLabsOptions)
    _check(place, chosen, elevenlabs.RATES_HZ)
    path = elevenlabs.path_of(chosen.voice, chosen.model, chosen.rate_hz, chosen.query)
    headers = _headers(place, chosen, ELEVENLABS_URL, "ELEVENLABS_API_KEY", "xi-api-key")
    codec = elevenlabs.ElevenLabsCodec(chosen.rate_hz, chosen.voice_settings, chosen.ahead)
    return VoiceEngine(_endpoint(chosen, path, headers), codec, _patience(chosen))


def _cartesia(place: str, **options: Any) -> VoiceEngine:
    chosen = converted(place, options, CartesiaOptions)
    _check(place, chosen, cartesia.RATES_HZ)
    language = {"language": chosen.language} if chosen.language else {}
    extra = {**language, **chosen.extra}
    headers = _headers(place, chosen, CARTESIA_URL, "CARTESIA_API_KEY", "Authorization: Bearer")
    codec = cartesia.CartesiaCodec(chosen.model, chosen.voice, chosen.rate_hz, extra, chosen.ahead)
    return VoiceEngine(_endpoint(chosen, cartesia.path_of(chosen.query), headers), codec, _patience(chosen))


def _deepgram(place: str, **options: Any) -> VoiceEngine:
    chosen = converted(place, options, DeepgramTtsOptions)
    _check(place, chosen, deepgram.RATES_HZ)
    path = deepgram.path_of(chosen.model, chosen.rate_hz, chosen.query)
    headers = _headers(place, chosen, DEEPGRAM_URL, "DEEPGRAM_API_KEY", "Authorization: Token")
    codec = deepgram.DeepgramCodec(deepgram.dialect_of(chosen.model), chosen.rate_hz)
    return VoiceEngine(_endpoint(chosen, path, headers), codec, _patience(chosen))


PROVIDERS: Known = {
    "elevenlabs": lambda: partial(_elevenlabs, "tts"),
    "cartesia": lambda: partial(_cartesia, "tts"),
    "deepgram-tts": lambda: partial(_deepgram, "tts"),
}


# --- what is wrong, and where -----------------------------------------------------------------------------------------


def _check(place: str, chosen: Chosen, rates_hz: tuple[int, ...]) -> None:
    for name in ("voice", "model"):
        if not getattr(chosen, name, name).strip():
            raise ConfigError(f"{place}.{name} is empty: say which {name}")
    if chosen.rate_hz not in rates_hz:
        raise ConfigError(f"{place}.rate_hz must be one of {', '.join(map(str, rates_hz))}, not {chosen.rate_hz}")
    if not 1 <= getattr(chosen, "ahead", 1) <= MAX_AHEAD:
        raise ConfigError(f"{place}.ahead must be from 1 to {MAX_AHEAD}")
    if not 0 < chosen.first_audio_s < _PATIENCE.give_up_s:
        raise ConfigError(f"{place}.first_audio_s must be above zero and below {_PATIENCE.give_up_s:g}")
    if fault := fault_of(chosen.url, ("ws", "wss")):
        raise ConfigError(f"{place}.url {fault}")
    if "?" in chosen.url:
        raise ConfigError(f"{place}.url must have no query; there is {place}.query")


def _headers(place: str, chosen: Chosen, url: str, variable: str, header: str) -> tuple[tuple[str, str], ...]:
    """How the key is shown; that of the environment at its provider's own `url` only."""
    key = key_of(place, chosen.api_key, variable if chosen.url == url else "")
    name, _, scheme = header.partition(": ")
    return ((name, f"{scheme} {key}".strip()),) if key else ()


def _endpoint(chosen: Chosen, path: str, headers: tuple[tuple[str, str], ...]) -> Endpoint:
    return Endpoint(chosen.url.rstrip("/") + path, headers, connect_s=CONNECT_S, send_s=SEND_S)


def _patience(chosen: Chosen) -> Patience:
    return Patience(first_audio_s=chosen.first_audio_s)
