"""Speech-to-text by name, of providers: `stt = {name = "deepgram", model = "…"}`.

    stt = {name = "deepgram", model = "nova-3", language = "en"}
    stt = {name = "deepgram-flux", model = "flux-general-en", eager_eot_threshold = 0.5}
    stt = {name = "openai-realtime-stt", model = "gpt-live-transcribe"}

A key stands in the table (`api_key`), or in an environment variable (`key_env` names another than the provider's own).
A key of the environment is shown to its own provider only: whoever gives another `url` says which key is meant.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from random import Random
from typing import Any, TypeVar

from msgspec import Struct

from audio.services import SpeechToText
from audio.stt import deepgram, deepgram_flux
from audio.stt.deepgram import NOVA_URL, DeepgramHearing, DeepgramSettings
from audio.stt.deepgram_flux import EOT_TIMEOUT_MS, FLUX_URL, FluxHearing, FluxSettings
from audio.stt.hearing import Hearing, Patience
from audio.stt.openai_events import RealtimeSettings
from audio.stt.openai_realtime import REALTIME_URL, RealtimeHearing
from audio.stt.websocket import WebsocketEars
from link.addresses import fault_of, fault_of_headers
from link.errors import ConfigError
from link.websocket import HANDSHAKES_AT_ONCE, Endpoint
from server.factories import Known
from server.providers import converted, key_of, shows_a_key

T = TypeVar("T")

RATES_HZ = (8000, 16000, 24000, 44100, 48000)
"""What Deepgram takes as linear16."""
MAX_TERMS = 100
MAX_TERM_CHARS = 1500
"""Deepgram takes 500 tokens of keyterms, and refuses the connection beyond; a token has 3 characters or more."""
MAX_TERM_WORDS = 4
"""A longer entry of the vocabulary is an example sentence, no term."""
TERMS_OF = ("nova-3", "flux")
"""Models that take keyterms; others refuse the connection for them."""
KEYWORDS_OF = ("gpt-transcribe", "gpt-live-transcribe")
"""The same at OpenAI, where they are called keywords."""

_PATIENCE = Patience()


class Provider(Struct, frozen=True):
    """Where a provider is, and how it is shown a key."""

    url: str
    key_env: str
    scheme: str
    """Stands before the key in the header `Authorization`."""


DEEPGRAM = Provider(NOVA_URL, "DEEPGRAM_API_KEY", "Token")
FLUX = Provider(FLUX_URL, "DEEPGRAM_API_KEY", "Token")
OPENAI = Provider(REALTIME_URL, "OPENAI_API_KEY", "Bearer")


class Access(Struct, frozen=True):
    """What every table may have. Empty: the provider's own."""

    url: str
    api_key: str
    key_env: str
    headers: dict[str, str]

    def __repr__(self) -> str:
        return f"Access({Endpoint(self.url).name!r})"  # headers, query and key may be secret


class EarsEngine:
    """What the process has of one provider: nothing but its address, and a gate for handshakes."""

    free = 1 << 30

    def __init__(self, endpoint: Endpoint, make: Callable[[], Hearing]) -> None:
        """`make` gives each call its own state."""
        self.endpoint = endpoint
        self.make = make
        self._gate = asyncio.Semaphore(HANDSHAKES_AT_ONCE)
        self._random = Random()

    async def start(self) -> None:
        """Nothing to load."""

    def open(self) -> SpeechToText:
        """Ears for one call."""
        return WebsocketEars(self.endpoint, self.make(), random=self._random, gate=self._gate)

    async def close(self) -> None:
        """Nothing to release."""


def known_ears(vocabulary: Sequence[str], place: str = "stt") -> Known:
    """The factories by name; `vocabulary` is the agent's, of which the terms are listened for."""
    return {
        "deepgram": lambda: partial(_deepgram, place, vocabulary),
        "deepgram-flux": lambda: partial(_flux, place, vocabulary),
        "openai-realtime-stt": lambda: partial(_openai, place, vocabulary),
    }


# --- Deepgram ---------------------------------------------------------------------------------------------------------


class DeepgramOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """`stt = {name = "deepgram", model = "…"}`: Deepgram's Nova models."""

    model: str
    language: str = ""
    """BCP 47, or `multi`; empty: the model's own."""
    rate_hz: int = 16000
    smart_format: bool = True
    """Numbers, dates and addresses as they are written."""
    punctuate: bool = True
    keyterms: list[str] | None = None
    url: str = ""
    api_key: str = ""
    key_env: str = ""
    headers: dict[str, str] = {}
    final_s: float = _PATIENCE.final_s
    link_s: float = _PATIENCE.link_s

    def __repr__(self) -> str:
        return f"DeepgramOptions({self.model!r})"  # headers, url and key may be secret


def _deepgram(place: str, vocabulary: Sequence[str], **options: Any) -> EarsEngine:
    chosen = converted(place, options, DeepgramOptions)
    settings = DeepgramSettings(
        _model(place, chosen.model),
        language=chosen.language,
        rate_hz=_rate(place, chosen.rate_hz),
        smart_format=chosen.smart_format,
        punctuate=chosen.punctuate,
        keyterms=_terms(place, chosen.model, chosen.keyterms, vocabulary, TERMS_OF),
    )
    access = Access(chosen.url, chosen.api_key, chosen.key_env, chosen.headers)
    endpoint = _endpoint(place, DEEPGRAM, access, deepgram.query_of(settings))
    patience = _at(place, lambda: Patience(chosen.final_s, chosen.link_s))
    return EarsEngine(endpoint, lambda: DeepgramHearing(settings, patience))


class FluxOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """`stt = {name = "deepgram-flux", model = "…"}`: Deepgram's Flux models, which follow turns (docs/turns.md)."""

    model: str
    language_hints: list[str] = []
    """For the multilingual model."""
    rate_hz: int = 16000
    keyterms: list[str] | None = None
    eot_threshold: float | None = None
    """How sure Flux is of the end of a turn, 0.5 to 1; not given: Deepgram's default."""
    eager_eot_threshold: float | None = None
    """From here on it says that the turn may be over, 0.3 to 0.9; not given: never."""
    eot_timeout_ms: int = EOT_TIMEOUT_MS
    """The silence that ends a turn in any case."""
    url: str = ""
    api_key: str = ""
    key_env: str = ""
    headers: dict[str, str] = {}
    final_s: float = _PATIENCE.final_s
    link_s: float = _PATIENCE.link_s

    def __repr__(self) -> str:
        return f"FluxOptions({self.model!r})"


def _flux(place: str, vocabulary: Sequence[str], **options: Any) -> EarsEngine:
    chosen = converted(place, options, FluxOptions)
    keyterms = _terms(place, chosen.model, chosen.keyterms, vocabulary, TERMS_OF)
    model, rate_hz = _model(place, chosen.model), _rate(place, chosen.rate_hz)
    settings = _at(
        place,
        lambda: FluxSettings(
            model,
            language_hints=tuple(chosen.language_hints),
            rate_hz=rate_hz,
            keyterms=keyterms,
            eot_threshold=chosen.eot_threshold,
            eager_eot_threshold=chosen.eager_eot_threshold,
            eot_timeout_ms=chosen.eot_timeout_ms,
        ),
    )
    access = Access(chosen.url, chosen.api_key, chosen.key_env, chosen.headers)
    endpoint = _endpoint(place, FLUX, access, deepgram_flux.query_of(settings))
    patience = _at(place, lambda: Patience(chosen.final_s, chosen.link_s))
    return EarsEngine(endpoint, lambda: FluxHearing(settings, patience))


# --- OpenAI -----------------------------------------------------------------------------------------------------------


class RealtimeOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """`stt = {name = "openai-realtime-stt", model = "…"}`: OpenAI's realtime transcription."""

    model: str
    language: str = ""
    """ISO 639-1."""
    prompt: str = ""
    keywords: list[str] | None = None
    """Words to listen for; not given: the terms of the agent's vocabulary, where the model takes them."""
    delay: str = ""
    noise_reduction: str = ""
    """`near_field` or `far_field`."""
    url: str = ""
    api_key: str = ""
    key_env: str = ""
    headers: dict[str, str] = {}
    final_s: float = _PATIENCE.final_s
    link_s: float = _PATIENCE.link_s

    def __repr__(self) -> str:
        return f"RealtimeOptions({self.model!r})"


def _openai(place: str, vocabulary: Sequence[str], **options: Any) -> EarsEngine:
    chosen = converted(place, options, RealtimeOptions)
    settings = RealtimeSettings(
        _model(place, chosen.model),
        chosen.language,
        chosen.prompt,
        _terms(place, chosen.model, chosen.keywords, vocabulary, KEYWORDS_OF),
        chosen.delay,
        chosen.noise_reduction,
    )
    access = Access(chosen.url, chosen.api_key, chosen.key_env, chosen.headers)
    endpoint = _endpoint(place, OPENAI, access, "")
    patience = _at(place, lambda: Patience(chosen.final_s, chosen.link_s))
    return EarsEngine(endpoint, lambda: RealtimeHearing(settings, patience))


# --- what they share --------------------------------------------------------------------------------------------------


def _at(place: str, make: Callable[[], T]) -> T:
    """What `make` gives; what it finds wrong begins with the name of the option."""
    try:
        return make()
    except ConfigError as error:
        raise ConfigError(f"{place}.{error}") from error


def _model(place: str, model: str) -> str:
    if not model.strip():
        raise ConfigError(f"{place}.model is empty: say which model")
    return model


def _rate(place: str, rate_hz: int) -> int:
    if rate_hz not in RATES_HZ:
        raise ConfigError(f"{place}.rate_hz must be one of {', '.join(map(str, RATES_HZ))}, not {rate_hz}")
    return rate_hz


def _terms(
    place: str, model: str, given: Sequence[str] | None, vocabulary: Iterable[str], models: tuple[str, ...]
) -> tuple[str, ...]:
    """What is listened for: what is given, else the terms of the vocabulary, as many as the provider takes."""
    if given is not None:
        if len(given) > MAX_TERMS or sum(map(len, given)) > MAX_TERM_CHARS:
            raise ConfigError(
                f"{place}: at most {MAX_TERMS} words to listen for, of {MAX_TERM_CHARS} characters together"
            )
        return tuple(given)
    if not model.startswith(models):
        return ()
    terms: list[str] = []
    left = MAX_TERM_CHARS
    for term in dict.fromkeys(each.strip() for each in vocabulary):
        if term and len(term.split()) <= MAX_TERM_WORDS and len(term) <= left and len(terms) < MAX_TERMS:
            terms.append(term)
            left -= len(term)
    return tuple(terms)


def _endpoint(place: str, provider: Provider, access: Access, query: str) -> Endpoint:
    """Where to connect, and with which key. Raises ConfigError that names what is missing or wrong."""
    url = access.url or provider.url
    if fault := fault_of(url, ("ws", "wss")):
        raise ConfigError(f"{place}.url {fault}")
    if fault := fault_of_headers(access.headers.items()):
        raise ConfigError(f"{place}.headers {fault}")
    key = _key(place, provider, access)
    headers = {**({"Authorization": f"{provider.scheme} {key}"} if key else {}), **access.headers}
    if query:
        url = f"{url}{'&' if '?' in url else '?'}{query}"
    return Endpoint(url, tuple(headers.items()))


def _key(place: str, provider: Provider, access: Access) -> str:
    """The key to show, if any; nobody but its own provider is shown that of the environment, unasked."""
    if shows_a_key(access.headers):
        return ""
    ours = access.url in ("", provider.url)
    return key_of(place, access.api_key, access.key_env or (provider.key_env if ours else ""))
