"""A provider of the Responses protocol by its options: what cannot be sent, and whom a key is shown to."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from link.errors import ConfigError
from llm.events import LinkDown, LinkUp, ReplyDone
from server.config import Service
from server.factories import Engine
from server.models import OpenAIOptions, make_model
from tests.unit.llm.desk import Desk
from tests.unit.llm.local.client import serving
from tests.unit.llm.puppets import Process

PATIENCE_S = 10.0


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


# --- what cannot be sent ----------------------------------------------------------------------------------------------

AN_ADDRESS = "llm.url must be an address like wss://host/path"
IN_ONE_LINE = "llm.url must hold no white space and no control characters"
NO_KEY = "llm.api_key holds a character that no key has; was it copied whole?"
NO_NAME = "llm.headers has a name with characters that no header can have"
NO_VALUE = "llm.headers has a value with characters that no header can have, under 'X'"
NO_TIME = "llm: renew_s must be above zero and have an end, not"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": ""}, "llm.model is empty: say which model"),
        ({"model": " "}, "llm.model is empty: say which model"),
        ({"url": ""}, "llm.url must begin with ws:// or wss://"),
        ({"url": "http://s3cret/"}, "llm.url must begin with ws:// or wss://"),
        ({"url": "ws://"}, AN_ADDRESS),
        ({"url": "wss:///s3cret"}, AN_ADDRESS),
        ({"url": "wss://[::1"}, AN_ADDRESS),
        ({"url": "ws://s3cret:99999/"}, AN_ADDRESS),
        ({"url": "ws://s3cret:0/"}, AN_ADDRESS),
        ({"url": "ws://s3cret:port/"}, AN_ADDRESS),
        ({"url": "ws://s3cret host/"}, IN_ONE_LINE),
        ({"url": "wss://s3cret/\n"}, IN_ONE_LINE),
        ({"url": "wss://s3cret/\ud83d"}, IN_ONE_LINE),
        ({"url": "ws://s3cret/#"}, "llm.url must not have a fragment (#…)"),
        ({"url": "ws://s3cret/#f"}, "llm.url must not have a fragment (#…)"),
        (
            {"url": "wss://s3cret@host/"},
            "llm.url must have a password where it has a user (user:password@host)",
        ),
        ({"api_key": "s3cret\n"}, NO_KEY),
        ({"api_key": "s3cret\nX: y"}, NO_KEY),
        ({"api_key": " s3cret"}, NO_KEY),
        ({"api_key": "s3cret-é"}, NO_KEY),
        ({"api_key": "\x00"}, NO_KEY),
        ({"headers": {"": "s3cret"}}, NO_NAME),
        ({"headers": {"X Y": "s3cret"}}, NO_NAME),
        ({"headers": {"X: s3cret": ""}}, NO_NAME),
        ({"headers": {"X\n": "s3cret"}}, NO_NAME),
        ({"headers": {"X": "s3cret\nInjected: 1"}}, NO_VALUE),
        ({"headers": {"X": "s3cret-é"}}, NO_VALUE),
        ({"query": {"sig": "s3cret\ud83d"}}, "llm.query holds a character that cannot be sent"),
        ({"renew_s": 0}, f"{NO_TIME} 0"),
        ({"renew_s": float("nan")}, f"{NO_TIME} nan"),
        ({"renew_s": float("inf")}, f"{NO_TIME} inf"),
    ],
)
def test_what_cannot_be_sent_is_told_at_once_and_no_secret_with_it(options: dict[str, Any], words: str) -> None:
    told = sentence({"name": "openai-responses", "model": "m", "url": "wss://host/v1", **options})
    assert told == words
    assert "s3cret" not in told


@pytest.mark.parametrize(
    "options",
    [
        {"url": "ws://[::1]:8443/v1?a=b"},
        {"url": "wss://me:s3cret@host"},
        {"headers": {"api-key": "k3y", "X": "", "OpenAI-Beta": "a=b; c"}},
        {"query": {"": "x", "a\nb": "é"}},
        {"renew_s": 0.5},
    ],
)
def test_what_can_be_sent_is_not_refused(options: dict[str, Any]) -> None:
    engine({"name": "openai-responses", "model": "m", "url": "wss://host/v1", **options})


def test_what_is_wrong_with_the_key_of_the_environment_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "s3cret\nX: y")
    assert sentence({"name": "openai-responses", "model": "m"}) == (
        "llm: the environment variable OPENAI_API_KEY holds a character that no key has; was it copied whole?"
    )


def test_nothing_secret_is_in_the_repr_of_the_options() -> None:
    options = OpenAIOptions(
        "m", "wss://me:s3cret@host/v1?a=s3cret", "s3cret", headers={"X": "s3cret"}, query={"q": "s3cret"}
    )
    assert repr(options) == "OpenAIOptions('m', 'wss://host/v1')"


# --- whom a key is shown to -------------------------------------------------------------------------------------------


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("options", "variable", "openai", "admitted"),
    [
        ({"api_key": "k3y"}, "", True, True),
        ({}, "k3y", True, True),
        ({}, " k3y\n", True, True),
        ({"api_key": "k3y"}, "wr0ng", True, True),
        ({"api_key": "k3y"}, "wr0ng", False, True),
        ({"headers": {"Authorization": "Bearer k3y"}}, "wr0ng", True, True),
        ({"headers": {"authorization": "Bearer k3y"}}, "wr0ng", True, True),
        ({"headers": {"authorization": "Bearer k3y"}}, "", True, True),
        ({"api_key": "wr0ng"}, "k3y", True, False),
        ({}, "k3y", False, False),  # the key of one provider is not shown to another
        ({}, "", False, False),
    ],
)
async def test_the_key_comes_from_the_options_or_the_environment(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], variable: str, openai: bool, admitted: bool
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", variable)
    async with asyncio.timeout(PATIENCE_S), serving(token="k3y") as brain:
        if openai:
            monkeypatch.setattr("server.models.OPENAI_URL", brain.url)
        chosen = {"name": "openai-responses", "model": "m", "url": brain.url, **options}
        async with Desk(engine(chosen).open()) as desk:
            if admitted:
                await desk.until(LinkUp)
            else:
                down = await desk.until(LinkDown)
                assert down.fatal
                assert "wr0ng" not in down.reason


@pytest.mark.asyncio
async def test_each_of_several_has_its_own_key() -> None:
    async with asyncio.timeout(PATIENCE_S), serving(token="k3y") as one, serving(token="other") as two:
        models = [
            {"name": "openai-responses", "model": "m", "url": one.url, "api_key": "other"},
            {"name": "openai-responses", "model": "m", "url": two.url, "api_key": "other"},
        ]
        async with Desk(engine({"name": "fallback", "models": models}).open()) as desk:
            await desk.until(LinkUp)
            desk.ask(1)
            assert (await desk.until(ReplyDone)).reply == 1
            assert LinkDown not in map(type, desk.facts)


@pytest.mark.asyncio
async def test_a_query_stands_behind_the_url() -> None:
    """The brain takes its faults from there."""
    async with asyncio.timeout(PATIENCE_S), serving(allow_fault_requests=True) as brain:
        for url in (brain.url, f"{brain.url}?a=b"):
            chosen = {"name": "openai-responses", "model": "m", "url": url, "query": {"faults": "reject_status:403"}}
            async with Desk(engine(chosen).open()) as desk:
                down = await desk.until(LinkDown)
                assert down.fatal
                assert "reject_status" not in down.reason
