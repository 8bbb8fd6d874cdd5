"""Services by name: `stt = "pocketsphinx"`, `llm = {name = "openai-responses", …}`, or `"package.module:factory"`.

An engine is what the process has of a service (a pool of workers, a provider's address); it is started once, before the
first call is accepted, and opens one service object for each call. Optional packages are imported only where chosen.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import os
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from random import Random
from typing import Any, Protocol, TypeVar, runtime_checkable

import msgspec
from msgspec import Struct

from audio.services import OnSpeech, SpeechToText, TextToSpeech, VoiceActivity
from audio.stt.scripted import ScriptedSpeechToText
from audio.tts.scripted import ScriptedTextToSpeech
from audio.vad import VadEngine, VadOptions
from link.errors import ConfigError, VoicewireError
from link.websocket import HANDSHAKES_AT_ONCE, Endpoint
from llm.local.scripted import words
from llm.local.server import LocalBrain
from llm.responses import ResponsesCodec, ResponsesSettings
from llm.service import LanguageModel
from llm.websocket import WebsocketLLMService
from server.agent import Agent
from server.call.services import CallServices
from server.config import Service, Settings, in_words

S_co = TypeVar("S_co", covariant=True)
Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]
Factory = Callable[..., Any]
"""Makes an engine from the options of its table."""
Known = dict[str, Callable[[], Factory]]

DEFAULTS: dict[str, Service] = {"stt": "pocketsphinx", "llm": "local", "tts": "espeak"}
OPENAI_URL = "wss://api.openai.com/v1/responses"


@runtime_checkable
class Engine(Protocol[S_co]):
    """What the process has of one service."""

    async def start(self) -> None:
        """Load, connect, warm up. Raises ConfigError or ProviderError in one clear sentence."""

    def open(self) -> S_co:
        """A service for one call. Raises Overloaded."""

    @property
    def free(self) -> int:
        """How many more calls can be served."""

    async def close(self) -> None:
        """Release everything."""


class Simple:
    """An engine that only makes objects."""

    free = 1 << 30

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    async def start(self) -> None:
        """Nothing to load."""

    def open(self) -> Any:
        """A service for one call."""
        return self._make()

    async def close(self) -> None:
        """Nothing to release."""


class ModelEngine:
    """Models behind a websocket that speaks the Responses protocol: a provider's, or the brain of this process."""

    free = 1 << 30

    def __init__(self, settings: ResponsesSettings, endpoint: Endpoint | None, brain: LocalBrain | None = None) -> None:
        """`endpoint` is None for the brain of this process, whose address is known once it listens."""
        self._settings = settings
        self._endpoint = endpoint
        self.brain = brain
        self._gate = asyncio.Semaphore(HANDSHAKES_AT_ONCE)
        self._random = Random()

    async def start(self) -> None:
        """Start the brain, if it is ours."""
        if self.brain is not None:
            self._endpoint = Endpoint(await self.brain.start())

    def open(self) -> LanguageModel:
        """A link for one call."""
        assert self._endpoint
        return WebsocketLLMService(self._endpoint, ResponsesCodec(self._settings), random=self._random, gate=self._gate)

    async def close(self) -> None:
        """Stop the brain, if it is ours."""
        if self.brain is not None:
            await self.brain.close()


class ProcessEngines:
    """All engines of the process; meets `server.call.services.Engines`."""

    def __init__(
        self, stt: Engine[SpeechToText], llm: Engine[LanguageModel], tts: Engine[TextToSpeech], vad: VadOptions
    ) -> None:
        self.stt = stt
        self.llm = llm
        self.tts = tts
        self._vad_options = vad
        loop = asyncio.get_running_loop()
        self._vad = {rate: VadEngine(rate, loop.call_later) for rate in (8000, 16000)}

    async def start(self) -> None:
        """Start them all, at the same time. When one fails the others are awaited too: `close` needs them whole."""
        starts = (self.stt.start(), self.llm.start(), self.tts.start())
        for failed in filter(None, await asyncio.gather(*starts, return_exceptions=True)):
            raise failed

    async def close(self) -> None:
        """Release everything."""
        await asyncio.gather(self.stt.close(), self.llm.close(), self.tts.close())

    @property
    def free(self) -> int:
        """How many more calls the engines can serve."""
        return min(self.stt.free, self.llm.free, self.tts.free)

    @property
    def vad_dropped(self) -> int:
        """Chunks that voice activity detection never saw."""
        return sum(engine.dropped_chunks for engine in self._vad.values())

    def open(self) -> CallServices:
        """Services for one call. Raises Overloaded, and then holds nothing."""
        stt = self.stt.open()
        try:
            return CallServices(stt, self.llm.open(), self.tts.open())
        except Exception:
            stt.close()
            raise

    def open_vad(self, rate_hz: int, on_speech: OnSpeech) -> tuple[VoiceActivity, int]:
        """8 kHz audio is judged as it is; everything else at 16 kHz."""
        rate = 8000 if rate_hz == 8000 else 16000
        return self._vad[rate].open(on_speech, self._vad_options), rate


def make_engines(settings: Settings, agent: Agent, spawn: Spawn) -> ProcessEngines:
    """The engines that the settings, or else the agent, or else the defaults name. Raises ConfigError."""
    chosen = {kind: getattr(settings, kind) or getattr(agent, kind) or default for kind, default in DEFAULTS.items()}
    llm_name, llm_options = _split(chosen["llm"], "llm")
    models: Known = {"local": lambda: _local, "openai-responses": lambda: _openai, "scripted": lambda: _scripted_llm}
    llm = _make("llm", llm_name, llm_options, models)
    vocabulary = [*agent.vocabulary, *_words_of_tools(agent), *(_brain_vocabulary() if llm_name == "local" else ())]
    ears: Known = {"pocketsphinx": partial(_pocketsphinx, vocabulary, spawn), "scripted": lambda: _scripted_stt}
    voices: Known = {"espeak": partial(_espeak, agent.voice, spawn), "scripted": lambda: _scripted_tts}
    stt = _make("stt", *_split(chosen["stt"], "stt"), ears)
    tts = _make("tts", *_split(chosen["tts"], "tts"), voices)
    return ProcessEngines(stt, llm, tts, settings.vad)


def _split(service: Service, kind: str) -> tuple[str, dict[str, Any]]:
    if isinstance(service, str):
        return service, {}
    options = dict(service)
    name = options.pop("name", None)
    if not isinstance(name, str):
        raise ConfigError(f'{kind}: a table needs a name: {kind} = {{name = "…", …}}')
    return name, options


def _make(kind: str, name: str, options: dict[str, Any], known: Known) -> Any:
    """The engine of this name; `known` finds the factories that have a short one."""
    if name not in known and ":" not in name:
        raise ConfigError(f'there is no {kind} {name!r}; there are {", ".join(known)}, or "package.module:factory"')
    try:
        factory = known[name]() if name in known else _load(name)
    except Exception as error:
        raise ConfigError(f"{kind} = {name!r} cannot be loaded: {type(error).__name__}: {error}") from error
    _check_options(f"{kind} = {name!r}", factory, options)
    try:
        engine = factory(**options)
    except VoicewireError:
        raise
    except Exception as error:
        raise ConfigError(f"{kind} = {name!r} failed: {type(error).__name__}: {error}") from error
    if not isinstance(engine, Engine):
        what = type(engine).__name__
        raise ConfigError(f"{kind} = {name!r} gives no engine but a {what}; one has start, open, free and close")
    return engine


def _load(name: str) -> Factory:
    module, _, attribute = name.partition(":")
    factory: Factory = getattr(importlib.import_module(module), attribute)
    return factory


def _check_options(what: str, factory: Factory, options: dict[str, Any]) -> None:
    """Whether the options fit what the factory is annotated with. Raises ConfigError that names the option."""
    try:
        parameters = inspect.signature(factory, eval_str=True).parameters
    except (TypeError, ValueError, NameError):  # it says nothing that can be checked
        return
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    for option, value in options.items():
        if option not in parameters:
            known = ", ".join(name for name in parameters if name != "spawn")
            raise ConfigError(f"{what} has no option `{option}`; there are: {known or 'none'}")
        try:
            hint = parameters[option].annotation
            msgspec.convert(value, Any if hint is inspect.Parameter.empty else hint)
        except msgspec.ValidationError as error:
            raise ConfigError(f"{what}: option `{option}`: {error}") from error
        except TypeError:  # a type of the factory's own, which cannot be checked
            continue


# --- language models ------------------------------------------------------------------------------------------------


def _local(token_ms: float = 15.0) -> ModelEngine:
    """The embedded brain, behind a websocket on loopback."""
    from llm.local.faults import Faults

    return ModelEngine(ResponsesSettings("voicewire-brain"), None, LocalBrain(faults=Faults(token_ms=token_ms)))


def _scripted_llm(count: int = 40, token_ms: float = 0.0) -> ModelEngine:
    """A model that answers at once, `count` words each time."""
    from llm.local.faults import Faults

    brain = LocalBrain(words(count), faults=Faults(token_ms=token_ms))
    return ModelEngine(ResponsesSettings("scripted"), None, brain)


class OpenAIOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """`llm = {name = "openai-responses", model = "…"}`: OpenAI, or whoever speaks the same protocol at `url`."""

    model: str
    url: str = OPENAI_URL
    api_key: str = ""
    """Empty: the environment variable OPENAI_API_KEY, for the default url only."""
    headers: dict[str, str] = {}
    lanes: bool = False
    """The provider takes `stream_id`."""
    extra: dict[str, Any] = {}
    """Goes into each request as it is: temperature, reasoning, service_tier, …"""


def _openai(**options: Any) -> ModelEngine:
    try:
        chosen = msgspec.convert(options, OpenAIOptions)
    except msgspec.ValidationError as error:
        raise ConfigError(f"llm = openai-responses: {in_words(error)}") from error
    if not chosen.url.startswith(("ws://", "wss://")):
        raise ConfigError("llm = openai-responses: url must begin with ws:// or wss://")
    ours = chosen.url == OPENAI_URL  # nobody else is shown the key of that provider
    key = chosen.api_key or (os.environ.get("OPENAI_API_KEY", "") if ours else "")
    if not key and ours:
        raise ConfigError("llm = openai-responses: set api_key, or the environment variable OPENAI_API_KEY")
    headers = {**({"Authorization": f"Bearer {key}"} if key else {}), **chosen.headers}
    endpoint = Endpoint(chosen.url, tuple(headers.items()))
    return ModelEngine(ResponsesSettings(chosen.model, chosen.lanes, chosen.extra), endpoint)


# --- ears and voices ------------------------------------------------------------------------------------------------


def _brain_vocabulary() -> Sequence[str]:
    from llm.local.vocabulary import VOCABULARY

    return VOCABULARY


def _words_of_tools(agent: Agent) -> list[str]:
    """Callers say the words of a tool's name and description."""
    schemas = [spec.schema for spec in agent.tools.specs()]
    return [text for schema in schemas for text in (schema.name.replace("_", " "), schema.description) if text]


def _pocketsphinx(vocabulary: Sequence[str], spawn: Spawn) -> Factory:
    from audio.stt.pocketsphinx import PocketSphinxEngine

    return partial(PocketSphinxEngine, vocabulary, spawn=spawn)


def _scripted_stt(lines: Sequence[str | None] = ("tell me something",), delay_ms: float = 0) -> Simple:
    return Simple(lambda: ScriptedSpeechToText(lines, delay_ms=delay_ms))


def _espeak(voice: str | None, spawn: Spawn) -> Factory:
    from audio.tts.espeak import EspeakEngine

    return partial(EspeakEngine, spawn=spawn, voice=voice) if voice else partial(EspeakEngine, spawn=spawn)


def _scripted_tts(rate_hz: int = 16000, ms_per_char: int = 60, delay_ms: int = 0) -> Simple:
    return Simple(lambda: ScriptedTextToSpeech(rate_hz, ms_per_char, delay_ms))
