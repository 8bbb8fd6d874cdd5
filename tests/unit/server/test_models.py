"""Language models by name: what makes them, and one sentence for what is wrong."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from link.breaker import BreakerOptions
from link.errors import ConfigError
from llm.chat import ChatEngine
from llm.events import Ask, Delta, LinkUp, ReplyDone
from llm.fallback import FallbackOptions
from llm.local.faults import Faults
from llm.local.scripted import words
from llm.local.server import LocalBrain
from llm.responses import ResponsesSettings
from llm.several import FallbackEngine, SwitchEngine
from server.config import Service
from server.factories import Engine
from server.models import MAX_MODELS, FallbackTable, ModelEngine, make_model, names_in
from tests.unit.llm.desk import Desk
from tests.unit.llm.local.client import serving
from tests.unit.llm.puppets import Process, Source
from tests.unit.llm.service_stand import text_of
from tests.unit.llm.several_stand import a_request

PATIENCE_S = 10.0
SOURCE = f"{__name__}:source"
THERE_ARE = 'there are local, openai-responses, openai-chat, fallback, switch, scripted, or "package.module:factory"'


def source(free: int = 10) -> Source:
    """A model of one's own."""
    return Source(free=free)


def engine(service: Service) -> Engine[Any]:
    """The engine of a service."""
    return make_model(service, Process().spawn)


def sentence(service: Service) -> str:
    """What is said of a service that cannot be had: one line."""
    with pytest.raises(ConfigError) as caught:
        engine(service)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment has no key, unless a test puts one there."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


# --- names ------------------------------------------------------------------------------------------------------------

RESPONSES = {"name": "openai-responses", "model": "m", "api_key": "k3y"}
CHAT = {"name": "openai-chat", "model": "m", "base_url": "http://localhost:11434/v1"}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("service", "kind"),
    [
        ("local", ModelEngine),
        ({"name": "local", "token_ms": 0}, ModelEngine),
        ("scripted", ModelEngine),
        (RESPONSES, ModelEngine),
        (CHAT, ChatEngine),
        (SOURCE, Source),
        ({"name": "fallback", "models": ["local", CHAT]}, FallbackEngine),
        ({"name": "switch", "models": {"a": "local", "b": SOURCE}}, SwitchEngine),
    ],
)
async def test_each_name_makes_its_engine(service: Service, kind: type) -> None:
    assert isinstance(engine(service), kind)


def test_the_names_in_a_service_are_its_own_and_those_of_its_parts() -> None:
    assert list(names_in("local")) == ["local"]
    inner = {"name": "fallback", "models": [RESPONSES, "scripted"]}
    assert list(names_in({"name": "switch", "models": {"a": inner, "b": "local"}})) == [
        "switch",
        "fallback",
        "openai-responses",
        "scripted",
        "local",
    ]


# --- what is wrong ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "words"),
    [
        ("gpt", f"there is no llm 'gpt'; {THERE_ARE}"),
        ({"model": "m"}, 'llm: a table needs a name: llm = {name = "…", …}'),
        ({"name": 3}, 'llm: a table needs a name: llm = {name = "…", …}'),
        ({"name": "local", "token_ms": -1}, "faults: first_token_ms and token_ms must not be negative"),
        ({"name": "local", "tokens": 1}, "llm = 'local' has no option `tokens`; there are: token_ms"),
        ({"name": "scripted", "count": "x"}, "llm = 'scripted': option `count`: Expected `int`, got `str`"),
        ({"name": SOURCE, "free": "x"}, f"llm = '{SOURCE}': option `free`: Expected `int`, got `str`"),
    ],
)
def test_what_is_wrong_is_named(service: Service, words: str) -> None:
    assert sentence(service) == words


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "llm.model is missing"),
        ({"model": 3}, "llm.model: expected `str`, got `int`"),
        ({"model": "m", "modle": "m"}, "there is no key llm.modle"),
        ({"model": "m", "headers": {"a": 1}}, "llm.headers[...]: expected `str`, got `int`"),
        ({"model": "m", "query": 1}, "llm.query: expected `object`, got `int`"),
        ({"model": "m"}, "llm: set llm.api_key, or the environment variable OPENAI_API_KEY"),
        ({"model": "m", "url": "https://me:s3cret@x.org/v1"}, "llm.url must begin with ws:// or wss://"),
        (
            {"model": "m", "url": "wss://x.org", "renew_s": -1},
            "llm: renew_s must be above zero and have an end, not -1",
        ),
        (
            {"model": "m", "url": "wss://x.org", "extra": {"model": "n"}},
            "llm: extra must not set model: that is for the service to say",
        ),
    ],
)
def test_a_provider_that_is_described_wrong(options: dict[str, Any], words: str) -> None:
    assert sentence({"name": "openai-responses", **options}) == words


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "llm.model is missing"),
        ({"model": "m", "modle": "m"}, "there is no key llm.modle"),
        ({"model": "m", "temperature": "hot"}, "llm.temperature: expected `float | null`, got `str`"),
        ({"model": "m", "max_tokens_field": "x"}, "llm.max_tokens_field: invalid enum value 'x'"),
        (
            {"model": "m"},
            "llm: chat completions: set api_key, or the environment variable OPENAI_API_KEY",
        ),
        (
            {"model": "m", "base_url": "ftp://x"},
            "llm: chat completions: base_url must be an address like http://localhost:11434/v1",
        ),
    ],
)
def test_an_endpoint_that_is_described_wrong(options: dict[str, Any], words: str) -> None:
    assert sentence({"name": "openai-chat", **options}) == words


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("service", "words"),
    [
        ({"name": "fallback"}, "llm.models is missing"),
        ({"name": "fallback", "models": "local"}, "llm.models: expected `array`, got `str`"),
        ({"name": "fallback", "models": ["local", 3]}, "llm.models[1]: expected `str | object`, got `int`"),
        ({"name": "fallback", "models": ["local"]}, "llm.models: a fallback has 2 to 8 models, not 1"),
        ({"name": "fallback", "models": ["local"] * 9}, "llm.models: a fallback has 2 to 8 models, not 9"),
        ({"name": "fallback", "models": ["local", "gpt"]}, f"llm.models[1]: there is no llm 'gpt'; {THERE_ARE}"),
        (
            {"name": "fallback", "models": ["local", {"model": "m"}]},
            'llm.models[1]: a table needs a name: models[1] = {name = "…", …}',
        ),
        (
            {"name": "fallback", "models": ["local", {**RESPONSES, "model": 3}]},
            "llm.models[1].model: expected `str`, got `int`",
        ),
        ({"name": "fallback", "models": [{"name": "openai-chat"}, "local"]}, "llm.models[0].model is missing"),
        ({"name": "fallback", "models": [RESPONSES, {**CHAT, "modle": 1}]}, "there is no key llm.models[1].modle"),
        (
            {"name": "fallback", "models": ["local", {"name": "local", "tokens": 1}]},
            "llm.models[1] = 'local' has no option `tokens`; there are: token_ms",
        ),
        ({"name": "fallback", "models": ["local"] * 2, "first_s": 1}, "there is no key llm.first_s"),
        (
            {"name": "fallback", "models": ["local"] * 2, "first_output_s": 0},
            "llm.first_output_s must be above zero, not 0.0",
        ),
        (
            {"name": "fallback", "models": ["local"] * 2, "thinking_s": float("inf")},
            "llm.thinking_s must be above zero, not inf",
        ),
        (
            {"name": "fallback", "models": ["local"] * 2, "breaker": {"failures": 0}},
            "llm.breaker.failures must be above zero, not 0",
        ),
        (
            {"name": "fallback", "models": ["local"] * 2, "breaker": {"failure": 3}},
            "there is no key llm.breaker.failure",
        ),
        ({"name": "switch"}, "llm.models is missing"),
        ({"name": "switch", "models": ["local"]}, "llm.models: expected `object`, got `array`"),
        ({"name": "switch", "models": {}}, "llm.models: a switch has 1 to 8 models, each with a name"),
        ({"name": "switch", "models": {"": "local"}}, "llm.models: a switch has 1 to 8 models, each with a name"),
        ({"name": "switch", "models": {"a": "local"}, "wait_s": -1}, "llm.wait_s must be above zero, not -1.0"),
        (
            {"name": "switch", "models": {"a": "local", "smart": {"name": "openai-responses"}}},
            "llm.models.smart.model is missing",
        ),
        (
            {"name": "switch", "models": {"a": {"name": "fallback", "models": ["local", {**CHAT, "model": 1}]}}},
            "llm.models.a.models[1].model: expected `str`, got `int`",
        ),
    ],
)
async def test_several_models_that_are_described_wrong(service: Service, words: str) -> None:
    assert sentence(service) == words


def test_there_are_as_many_models_as_the_sentences_say() -> None:
    assert MAX_MODELS == 8


def test_the_options_of_a_fallback_have_one_default_each() -> None:
    table = FallbackTable(["local"])
    assert {name: getattr(table, name) for name in FallbackOptions.__struct_fields__} == {
        name: getattr(FallbackOptions(), name) for name in FallbackOptions.__struct_fields__
    }
    assert table.breaker == BreakerOptions()


@pytest.mark.asyncio
async def test_the_options_of_several_models_reach_them() -> None:
    patience = {"first_output_s": 1.0, "progress_s": 2.0, "thinking_s": 3.0, "avoid_s": 4.0}
    breaker = {"failures": 1, "window_s": 2.0, "open_s": 3.0, "most_open_s": 4.0, "refused_s": 5.0}
    made = engine({"name": "fallback", "models": ["local", "scripted"], **patience, "breaker": breaker})
    assert isinstance(made, FallbackEngine)
    assert made.options == FallbackOptions(1.0, 2.0, 3.0, 4.0)
    assert [each.options for each in made.breakers] == [BreakerOptions(1, 2.0, 3.0, 4.0, 5.0)] * 2
    assert list(made.sources) == ["llm.models[0] (local)", "llm.models[1] (scripted)"]
    switch = engine({"name": "switch", "models": {"a": RESPONSES, "b": "local"}, "wait_s": 1})
    assert isinstance(switch, SwitchEngine)
    assert switch.wait_s == 1
    assert list(switch.sources) == ["a", "b"]


@pytest.mark.asyncio
async def test_the_options_of_a_provider_reach_it() -> None:
    fields = {
        "lanes": True,
        "developer_role": False,
        "incremental": False,
        "warm_up": False,
        "renew_s": 60.0,
        "reasoning": True,
        "extra": {"a": 1},
    }
    made = engine({**RESPONSES, **fields})
    assert isinstance(made, ModelEngine)
    assert made.settings == ResponsesSettings("m", **fields)  # type: ignore[arg-type]
    plain = engine(RESPONSES)
    assert isinstance(plain, ModelEngine)
    assert plain.settings == ResponsesSettings("m", lanes=False)


# --- several, for real ------------------------------------------------------------------------------------------------


def provider(brain: LocalBrain) -> Service:
    """A model at a brain."""
    return {"name": "openai-responses", "model": "m", "url": brain.url, "lanes": True, "warm_up": False}


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "faults",
    [
        Faults(stall_after_events=0),
        Faults(drop_after_events=0),
        Faults(error_event="server_error"),
        Faults(error_event="insufficient_quota"),
        Faults(garbage_after_events=0),
        Faults(reject_status=401),
        Faults(reject_status=503),
        Faults(first_token_ms=60_000),
    ],
)
async def test_when_the_first_model_fails_the_second_answers_and_nobody_hears_of_it(faults: Faults) -> None:
    async with asyncio.timeout(PATIENCE_S), serving(faults=faults) as bad, serving() as good:
        service = {"name": "fallback", "models": [provider(bad), provider(good)], "first_output_s": 0.1}
        made = engine(service)
        await made.start()
        async with Desk(made.open()) as desk:
            await desk.until(LinkUp)
            for reply in (1, 2):
                desk.ask(reply)
                assert (await desk.until(ReplyDone)).reply == reply
                assert text_of(desk, reply)
            assert {type(fact) for fact in desk.facts} == {LinkUp, Delta, ReplyDone}
        await made.close()


@pytest.mark.asyncio
async def test_a_switch_is_switched_by_the_settings_of_a_request() -> None:
    async with asyncio.timeout(PATIENCE_S), serving(words(2)) as one, serving(words(5)) as two:
        made = engine({"name": "switch", "models": {"short": provider(one), "long": provider(two)}})
        async with Desk(made.open()) as desk:
            await desk.until(LinkUp)
            for reply, (service, count) in enumerate([("", 2), ("long", 5), ("short", 2)], 1):
                desk.tell(Ask(reply, a_request(service=service)))
                await desk.until(ReplyDone)
                assert len(text_of(desk, reply).split()) == count + 1
