"""Voices by name: what makes them, what they show their provider, and one sentence for what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from audio.tts.cache import CachedVoice
from audio.tts.delivery import Patience
from audio.tts.http import HttpVoice
from audio.tts.several import FallbackPatience, FallbackVoice
from audio.tts.websocket import WebsocketVoice
from link.errors import ConfigError
from server.agent import Agent
from server.call.policy import Policy, Sentences
from server.config import Service, Settings
from server.factories import Engine
from server.services.cached import CachedEngine, fixed_sentences
from server.services.fallback import FallbackEngine
from server.services.names import make_voice
from server.services.remote import HttpEngine, RemoteEngine
from tests.unit.server.logbook import Logbook
from tests.unit.server.services.given import given

ELEVENLABS = {"name": "elevenlabs", "voice": "v1", "model": "m", "api_key": "k3y"}
CARTESIA = {"name": "cartesia", "voice": "v1", "model": "m", "api_key": "k3y"}
DEEPGRAM = {"name": "deepgram-tts", "model": "aura-2-x-en", "api_key": "k3y"}
OPENAI = {"name": "openai-tts", "voice": "v1", "model": "m", "api_key": "k3y"}
KEYS = ("ELEVENLABS_API_KEY", "CARTESIA_API_KEY", "DEEPGRAM_API_KEY", "OPENAI_API_KEY")


def engine(service: Service, agent: Agent | None = None) -> Engine[Any]:
    """The engine of a service."""
    return make_voice(service, given("tts", agent))


def sentence(service: Service) -> str:
    """What is said of a service that cannot be had: one line, without the key."""
    with pytest.raises(ConfigError) as caught:
        engine(service)
    assert "\n" not in str(caught.value)
    assert "k3y" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment has no key, unless a test puts one there."""
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("service", "url", "header"),
    [
        (ELEVENLABS, "wss://api.elevenlabs.io/v1/text-to-speech/v1/multi-stream-input?model_id=m&output_format=pcm_16000"
         "&inactivity_timeout=180", ("xi-api-key", "k3y")),
        (CARTESIA, "wss://api.cartesia.ai/tts/websocket?cartesia_version=2026-03-01", ("Authorization", "Bearer k3y")),
        (DEEPGRAM, "wss://api.deepgram.com/v1/speak?model=aura-2-x-en&encoding=linear16&sample_rate=16000",
         ("Authorization", "Token k3y")),
        ({**DEEPGRAM, "model": "flux-x-en", "protocol": "v2", "rate_hz": 24000, "query": {"speed": "1.1"}},
         "wss://api.deepgram.com/v2/speak?model=flux-x-en&encoding=linear16&sample_rate=24000&speed=1.1",
         ("Authorization", "Token k3y")),
    ],
)  # fmt: skip
async def test_where_a_voice_is(service: Service, url: str, header: tuple[str, str]) -> None:
    made = engine(service)
    assert isinstance(made, RemoteEngine)
    assert (made.endpoint.url, made.endpoint.headers) == (url, (header,))
    assert "k3y" not in repr(made.endpoint)
    voice = made.open()
    assert isinstance(voice, WebsocketVoice)
    assert voice.rate_hz in (16000, 24000)


@pytest.mark.asyncio
@pytest.mark.parametrize(("service", "name"), [*zip((ELEVENLABS, CARTESIA, DEEPGRAM, OPENAI), KEYS, strict=True)])
async def test_the_key_of_the_environment(service: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    without = {key: value for key, value in service.items() if key != "api_key"}
    assert sentence(without) == f"tts: set tts.api_key, or the environment variable {name}"
    monkeypatch.setenv(name, "k3y2\n")
    assert engine(without).endpoint.headers[0][1].endswith("k3y2")  # type: ignore[attr-defined]
    shown = ("Authorization", "Bearer other")
    assert engine({**service, "headers": dict([shown])}).endpoint.headers == (shown,)  # type: ignore[attr-defined]
    elsewhere = {**without, "base_url": "http://localhost:1" if service is OPENAI else "ws://localhost:1"}
    assert engine(elsewhere).endpoint.headers == ()  # type: ignore[attr-defined]
    monkeypatch.setenv("SHOP_KEY", "k3y3")
    (header,) = engine({**elsewhere, "key_env": "SHOP_KEY"}).endpoint.headers  # type: ignore[attr-defined]
    assert header[1].endswith("k3y3")
    monkeypatch.setenv(name, "k3y\nk3y")
    assert "holds a character that no key has" in sentence(without)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("service", "words"),
    [
        ({"name": "elevenlabs", "model": "m"}, "tts.voice is missing"),
        ({"name": "cartesia", "voice": "v"}, "tts.model is missing"),
        ({"name": "deepgram-tts"}, "tts.model is missing"),
        ({**ELEVENLABS, "voice": " "}, "tts.voice is empty: say which voice"),
        ({**DEEPGRAM, "model": ""}, "tts.model is empty: say which model"),
        ({**DEEPGRAM, "rate_hz": 11025}, "tts.rate_hz must be one of 8000, 16000, 24000, 32000, 48000, not 11025"),
        ({**CARTESIA, "ahead": 9}, "tts.ahead must be from 1 to 4"),
        (
            {**CARTESIA, "first_audio_s": 3.0},
            "tts.first_audio_s must be above zero and below 2.8: the call waits for 3 s (policy.speech_first_s)",
        ),
        ({**CARTESIA, "base_url": "https://x"}, "tts.base_url must begin with ws:// or wss://"),
        ({**CARTESIA, "base_url": "wss://x?y=1"}, "tts.base_url must have no query; there is tts.query"),
        ({**OPENAI, "base_url": "wss://x"}, "tts.base_url must begin with http:// or https://"),
        ({**OPENAI, "speed": 5}, "tts.speed must be from 0.25 to 4, not 5"),
        ({**OPENAI, "rate_hz": 24}, "tts.rate_hz must be from 8000 to 48000, not 24"),
        ({**OPENAI, "voice": {"name": "v"}}, "tts.voice is empty: say which voice"),
        ({**OPENAI, "voice": 7}, "tts.voice: expected `str | object`, got `int`"),
        ({"name": "fallback"}, "tts.services is missing"),
        ({"name": "fallback", "services": [CARTESIA]}, "tts.services: a fallback has 2 to 8 services, not 1"),
        ({"name": "fallback", "services": []}, "tts.services: a fallback has 2 to 8 services, not 0"),
        (
            {"name": "fallback", "services": [CARTESIA, {**OPENAI, "model": ""}]},
            "tts.services[1].model is empty: say which model",
        ),
        ({"name": "fallback", "services": [CARTESIA, "espaek"]}, None),
        (
            {"name": "fallback", "services": [CARTESIA, OPENAI], "first_audio_s": 3},
            "tts.first_audio_s must be below 3: the call waits no longer than that (policy.speech_first_s)",
        ),
        (
            {"name": "fallback", "services": [CARTESIA, OPENAI], "next_audio_s": 2},
            "tts.next_audio_s must be below 2: the call waits no longer than that (policy.speech_next_s)",
        ),
        ({"name": "fallback", "services": [CARTESIA, OPENAI], "avoid_s": 0}, "tts.avoid_s must be above zero, not 0.0"),
        (
            {"name": "fallback", "services": [CARTESIA, OPENAI], "breaker": {"open_s": -1}},
            "tts.breaker.open_s must be above zero, not -1.0",
        ),
        (
            {"name": "fallback", "services": [CARTESIA, OPENAI], "cache": "/tmp"},
            "tts.cache: a fallback has none; give it to each of its services",
        ),
        ({**CARTESIA, "cache": 7}, "tts.cache must name a folder"),
        ({**CARTESIA, "cache": "/dev/null/x"}, "tts.cache: the folder /dev/null/x cannot be made: Not a directory"),
    ],
)
async def test_what_is_wrong_is_said_in_a_sentence(service: Service, words: str | None) -> None:
    said = sentence(service)
    assert said == words if words else said.startswith("tts.services[1]: there is no tts 'espaek'; there are espeak, ")


@pytest.mark.asyncio
async def test_several_voices(tmp_path: Path) -> None:
    made = engine({"name": "fallback", "services": [{**CARTESIA, "cache": str(tmp_path)}, OPENAI], "avoid_s": 5})
    assert isinstance(made, FallbackEngine)
    assert [*made.sources] == ["tts.services[0] (cartesia)", "tts.services[1] (openai-tts)"]
    assert [type(each) for each in made.sources.values()] == [CachedEngine, HttpEngine]
    await made.start()
    voice = made.open()
    assert isinstance(voice, FallbackVoice)
    assert voice._patience == FallbackPatience(1.4, 1.0, 5.0), "both have had their time before the call gives up"
    assert voice.rate_hz == 16000
    voice.close()
    await made.close()


@pytest.mark.asyncio
async def test_voices_share_what_the_call_waits() -> None:
    agent = Agent(policy=Policy(speech_first_s=6.2))
    made = engine({"name": "fallback", "services": [CARTESIA, OPENAI, "espeak"]}, agent)
    assert made.open()._patience.first_audio_s == pytest.approx(2.0)
    await made.close()


@pytest.mark.parametrize("service", [ELEVENLABS, CARTESIA, DEEPGRAM, OPENAI])
@pytest.mark.asyncio
async def test_one_voice_has_as_long_as_the_call_waits(service: dict[str, Any]) -> None:
    for policy, times in (
        (Policy(), Patience()),
        (Policy(speech_first_s=6.2, speech_next_s=4.2), Patience(3.0, 1.0, 6.0, 4.0)),
        (Policy(speech_first_s=0.2, speech_next_s=0.8), Patience(0.05, 0.6, 0.1, 0.6)),
    ):
        made = engine(service, Agent(policy=policy))
        found = made.open()._delivery.patience
        assert msgspec.structs.astuple(found) == pytest.approx(msgspec.structs.astuple(times))
        await made.close()
    with pytest.raises(ConfigError, match="the call waits for 1 s"):
        engine({**service, "first_audio_s": 0.9}, Agent(policy=Policy(speech_first_s=1.0)))


@pytest.mark.asyncio
async def test_a_cache_whose_folder_is_gone_costs_no_call(tmp_path: Path) -> None:
    made = engine({**CARTESIA, "cache": str(tmp_path / "cache")})
    (tmp_path / "cache").rmdir()
    (tmp_path / "cache").touch()
    made.open().close()
    await made.close()


@pytest.mark.asyncio
async def test_a_voice_over_http() -> None:
    made = engine({**OPENAI, "voice": {"id": "voice_1"}, "instructions": "Be calm.", "speed": 1.2, "extra": {"x": 1}})
    assert isinstance(made, HttpEngine)
    assert made.endpoint.url == "https://api.openai.com/v1/audio/speech"
    assert made.endpoint.headers == (("Authorization", "Bearer k3y"),)
    await made.start()
    voice = made.open()
    assert isinstance(voice, HttpVoice)
    assert voice.rate_hz == 24000
    asked = {"model": "m", "voice": {"id": "voice_1"}, "response_format": "pcm", "instructions": "Be calm."}
    assert msgspec.json.decode(voice._speech.request("Hi.")) == {**asked, "speed": 1.2, "x": 1, "input": "Hi."}
    await made.close()


@pytest.mark.asyncio
async def test_an_unknown_option_is_named() -> None:
    assert "volume" in sentence({**CARTESIA, "volume": 7})


def test_how_deepgram_is_asked_is_told_if_nobody_said_it() -> None:
    with Logbook() as log:
        engine({**DEEPGRAM, "protocol": "v1"})
        assert log.entries == []
        made = engine({**DEEPGRAM, "model": "flux-x-en"})
    assert isinstance(made, RemoteEngine)
    assert "/v1/speak" in made.endpoint.url, "no name of a model decides"
    assert [entry.message for entry in log.entries] == [
        'tts: the voice is asked at /v1/speak, as Aura is; for one of Flux set tts.protocol = "v2"'
    ]


@pytest.mark.asyncio
async def test_a_cache_around_a_voice(tmp_path: Path) -> None:
    made = engine({**CARTESIA, "cache": str(tmp_path / "kept")})
    assert isinstance(made, CachedEngine)
    await made.start()
    assert made.free > 0
    assert isinstance(made.open(), CachedVoice)
    assert (tmp_path / "kept").is_dir()
    await made.close()


def test_what_the_agent_says_in_every_call_is_fixed_too() -> None:
    agent = Agent(fixed=["This call may be recorded. Hold on!"], pronunciations={"recorded": "taped"})
    fixed = {text.strip() for text in fixed_sentences(Settings(), agent)}
    assert fixed >= {"This call may be taped.", "Hold on!"}


def test_what_is_fixed_is_what_comes_to_the_voice() -> None:
    agent = Agent(
        greeting="Hello! This is the shop. This call may be recorded.",
        filters=[lambda text: text.replace("shop", "store")],
        sentences=Sentences(idle="Are you there?", fillers=("One moment. The shop is slow.",)),
    )
    fixed = fixed_sentences(Settings(), agent)
    assert {text.strip() for text in fixed} >= {
        "Hello!",
        "This is the store.",
        "This call may be recorded.",
        "Are you there?",
        "One moment. The store is slow.",
        "Please try again in a moment.",
        "I am still here.",
        "I cannot hear you, so I will hang up now.",
    }
