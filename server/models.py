"""Language models by name: `llm = {name = "openai-responses", model = "…"}`, or several of them as one.

    llm = {name = "fallback", models = [{name = "openai-responses", model = "…"}, {name = "openai-chat", …}]}
    llm = {name = "switch", models = {fast = {name = "openai-responses", model = "…"}, smart = {…}}}

Whoever speaks the protocol of OpenAI's Responses websocket or of Chat Completions is reached by address, headers and
query: xAI, Azure and gateways (`url` or `base_url`, an `api-key` among the `headers`, an `api-version` in the `query`),
and local servers as Ollama, vLLM and llama.cpp. There are no names for them here: addresses change, their
documentation has them. A key is shown only to the provider that it was given for.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Any, TypeVar
from urllib.parse import urlencode

from msgspec import Struct

from link.addresses import fault_of, fault_of_headers
from link.breaker import BreakerOptions
from link.errors import ConfigError
from link.tasks import Spawn
from link.websocket import HANDSHAKES_AT_ONCE, Endpoint
from llm.fallback import FallbackOptions
from llm.local.scripted import words
from llm.local.server import PACE, LocalBrain
from llm.responses import ResponsesCodec, ResponsesSettings
from llm.service import LanguageModel
from llm.several import FallbackEngine, SwitchEngine
from llm.switch import WAIT_S
from llm.websocket import WebsocketLLMService
from server.config import Service
from server.factories import Engine, Known, make, split
from server.services.access import key_of, shows_a_key
from server.services.options import converted

Options = dict[str, Any]
T = TypeVar("T")

OPENAI_URL = "wss://api.openai.com/v1/responses"
MAX_MODELS = 8
"""Each call has a link to each of them."""


def make_model(service: Service, spawn: Spawn, place: str = "llm") -> Engine[LanguageModel]:
    """The engine of a language model. `spawn` makes tasks of the process. Raises ConfigError that names the key."""
    known: Known = {
        "local": lambda: _local,
        "openai-responses": lambda: partial(_openai_responses, place),
        "openai-chat": lambda: partial(_openai_chat, place),
        "fallback": lambda: partial(_fallback, place, spawn),
        "switch": lambda: partial(_switch, place, spawn),
        "scripted": lambda: _scripted,
    }
    engine: Engine[LanguageModel] = make("llm", place, service, known)
    return engine


def names_in(service: Service) -> Iterator[str]:
    """The names of all models in it: its own, and those of which it is made."""
    name, options = split("llm", service)
    yield name
    models = options.get("models", ()) if name in ("fallback", "switch") else ()
    for each in models.values() if isinstance(models, dict) else models:
        yield from names_in(each)


class ModelEngine:
    """Models behind a websocket that speaks the Responses protocol: a provider's, or the brain of this process."""

    free = 1 << 30

    def __init__(self, settings: ResponsesSettings, endpoint: Endpoint | None, brain: LocalBrain | None = None) -> None:
        """`endpoint` is None for the brain of this process, whose address is known once it listens."""
        self.settings = settings
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
        return WebsocketLLMService(self._endpoint, ResponsesCodec(self.settings), random=self._random, gate=self._gate)

    async def close(self) -> None:
        """Stop the brain, if it is ours."""
        if self.brain is not None:
            await self.brain.close()


# --- models of this process -------------------------------------------------------------------------------------------


def _local(token_ms: float = PACE.token_ms) -> ModelEngine:
    """The embedded brain, behind a websocket on loopback."""
    from llm.local.faults import Faults

    return ModelEngine(ResponsesSettings("voicewire-brain"), None, LocalBrain(faults=Faults(token_ms=token_ms)))


def _scripted(count: int = 40, token_ms: float = 0.0) -> ModelEngine:
    """A model that answers at once, `count` words each time."""
    from llm.local.faults import Faults

    brain = LocalBrain(words(count), faults=Faults(token_ms=token_ms))
    return ModelEngine(ResponsesSettings("scripted"), None, brain)


# --- providers --------------------------------------------------------------------------------------------------------


class OpenAIOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """`llm = {name = "openai-responses", model = "…"}`: OpenAI, or whoever speaks the same protocol at `url`."""

    model: str
    url: str = OPENAI_URL
    api_key: str = ""
    """Empty: the environment variable OPENAI_API_KEY, for the default url only."""
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    """What stands behind the `?` of the url, besides what the url has itself."""
    lanes: bool = False
    """The provider takes `stream_id`."""
    incremental: bool = True
    """Send only what is new, where the provider remembers the rest."""
    warm_up: bool = True
    """Let the provider prepare a request before it is asked (`generate: false`)."""
    renew_s: float = 55 * 60.0
    """An older connection is replaced while it is idle."""
    reasoning: bool = False
    """Ask for what the model thought (encrypted), to show it again with the results of its calls."""
    developer_role: bool = True
    """False for models without it: what the application says is a user's."""
    extra: dict[str, Any] = {}
    """Goes into each request as it is: temperature, reasoning, service_tier, …"""

    def __repr__(self) -> str:
        return f"OpenAIOptions({self.model!r}, {Endpoint(self.url).name!r})"  # headers, query and key may be secret


def _openai_responses(place: str, **options: Any) -> ModelEngine:
    chosen = _convert(place, options, OpenAIOptions)
    _check_provider(place, chosen)
    key = _key_for(place, chosen)
    headers = {**({"Authorization": f"Bearer {key}"} if key else {}), **chosen.headers}
    settings = _at(
        place,
        lambda: ResponsesSettings(
            chosen.model,
            lanes=chosen.lanes,
            extra=chosen.extra,
            incremental=chosen.incremental,
            warm_up=chosen.warm_up,
            renew_s=chosen.renew_s,
            reasoning=chosen.reasoning,
            developer_role=chosen.developer_role,
        ),
    )
    return ModelEngine(settings, Endpoint(_address(place, chosen), tuple(headers.items())))


def _check_provider(place: str, chosen: OpenAIOptions) -> None:
    if not chosen.model.strip():
        raise ConfigError(f"{place}.model is empty: say which model")
    if fault := fault_of(chosen.url, ("ws", "wss")):
        raise ConfigError(f"{place}.url {fault}")
    if fault := fault_of_headers(chosen.headers.items()):
        raise ConfigError(f"{place}.headers {fault}")


def _key_for(place: str, chosen: OpenAIOptions) -> str:
    """The key to show, if any; nobody but its own provider is shown that of the environment."""
    if shows_a_key(chosen.headers):
        return ""
    return key_of(place, chosen.api_key, "OPENAI_API_KEY" if chosen.url == OPENAI_URL else "")


def _address(place: str, chosen: OpenAIOptions) -> str:
    if not chosen.query:
        return chosen.url
    try:
        return f"{chosen.url}{'&' if '?' in chosen.url else '?'}{urlencode(chosen.query)}"
    except UnicodeEncodeError:
        raise ConfigError(f"{place}.query holds a character that cannot be sent") from None


def _openai_chat(place: str, **options: Any) -> Engine[LanguageModel]:
    """Chat Completions, through the package `openai`; it is needed only here."""
    from llm.chat import ChatEngine, ChatOptions

    chosen = _convert(place, options, ChatOptions)
    _at(place, lambda: chosen.key(os.environ.get("OPENAI_API_KEY", "")))
    return ChatEngine(chosen)


# --- several models as one --------------------------------------------------------------------------------------------

_PATIENCE = FallbackOptions()


class FallbackTable(Struct, frozen=True, forbid_unknown_fields=True):
    """`llm = {name = "fallback", models = […]}`: the first that can answers; who is late or fails is replaced."""

    models: list[Service]
    """In order of preference; each a name, or a table with `name` and options."""
    first_output_s: float = _PATIENCE.first_output_s
    """A model that has shown nothing for so long is late, and the next one is asked."""
    progress_s: float = _PATIENCE.progress_s
    """So is one that has shown progress (it reasons), and then nothing for so long."""
    thinking_s: float = _PATIENCE.thinking_s
    """So is one that has shown nothing but progress for so long."""
    avoid_s: float = _PATIENCE.avoid_s
    """A model that was late or failed comes after the others for so long, in that call."""
    breaker: BreakerOptions = BreakerOptions()
    """When a model is left alone by all calls: `failures` within `window_s`, then a probe after `open_s`, …"""


class SwitchTable(Struct, frozen=True, forbid_unknown_fields=True):
    """`llm = {name = "switch", models = {fast = {…}, smart = {…}}}`: the call chooses, also in the middle."""

    models: dict[str, Service]
    """By the names that calls choose them by; the first is the default."""
    wait_s: float = WAIT_S
    """So long a question waits for the link of a model that was just chosen."""


def _fallback(place: str, spawn: Spawn, **options: Any) -> FallbackEngine:
    table = _convert(place, options, FallbackTable)
    if not 2 <= len(table.models) <= MAX_MODELS:
        raise ConfigError(f"{place}.models: a fallback has 2 to {MAX_MODELS} models, not {len(table.models)}")
    sources = {}
    for number, each in enumerate(table.models):
        where = f"{place}.models[{number}]"
        sources[f"{where} ({_label(where, each)})"] = make_model(each, spawn, where)
    patience = FallbackOptions(table.first_output_s, table.progress_s, table.thinking_s, table.avoid_s)
    return FallbackEngine(sources, spawn, patience, table.breaker)


def _switch(place: str, spawn: Spawn, **options: Any) -> SwitchEngine:
    table = _convert(place, options, SwitchTable)
    if not 1 <= len(table.models) <= MAX_MODELS or "" in table.models:
        raise ConfigError(f"{place}.models: a switch has 1 to {MAX_MODELS} models, each with a name")
    sources = {name: make_model(each, spawn, f"{place}.models.{name}") for name, each in table.models.items()}
    return SwitchEngine(sources, table.wait_s)


def _label(place: str, service: Service) -> str:
    """A model as the log shows it."""
    name, options = split(place, service)
    return f"{name} {options['model']}" if isinstance(options.get("model"), str) else name


# --- what is wrong, and where -----------------------------------------------------------------------------------------


def _convert(place: str, options: Options, kind: type[T]) -> T:
    chosen = converted(place, options, kind)
    _check_numbers(place, chosen)
    return chosen


def _check_numbers(place: str, options: Any) -> None:
    """Times and counts are above zero and have an end."""
    for name in options.__struct_fields__:
        value = getattr(options, name)
        if isinstance(value, BreakerOptions):
            _check_numbers(f"{place}.{name}", value)
        elif name in TIMES_AND_COUNTS and not 0 < value < math.inf:
            raise ConfigError(f"{place}.{name} must be above zero, not {value}")


TIMES_AND_COUNTS = {"wait_s", *FallbackOptions.__struct_fields__, *BreakerOptions.__struct_fields__}


def _at(place: str, check: Callable[[], T]) -> T:
    """What `check` gives; what it finds wrong is told with the place."""
    try:
        return check()
    except ConfigError as error:
        raise ConfigError(f"{place}: {str(error).removeprefix('llm: ')}") from error
