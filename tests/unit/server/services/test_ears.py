"""Ears of providers by name: how options become settings, whose key is shown to whom, and what is said of mistakes."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from audio.services import SpeechToText
from audio.stt.deepgram import DeepgramHearing
from audio.stt.deepgram_flux import FluxHearing
from audio.stt.hearing import Hearing
from audio.stt.openai_realtime import RealtimeHearing
from audio.stt.openai_transcriber import OpenAITranscriber
from audio.stt.openai_transcription import TranscriptionSettings
from audio.stt.several import SeveralEars
from audio.stt.utterance_ears import UtteranceEars
from audio.stt.websocket import WebsocketEars
from link.errors import ConfigError
from server.agent import Agent
from server.services.fallback import FallbackEngine
from server.services.names import make_ears
from server.services.remote import HttpEngine, RemoteEngine
from tests.unit.link.stage import play
from tests.unit.server.logbook import Logbook
from tests.unit.server.services.given import given

VOCABULARY = ("puncture", "inner tube", "what time do you open on monday", "puncture", " ")
KEY = "0123456789abcdef"


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DEEPGRAM_API_KEY", "OPENAI_API_KEY", "SHOP_KEY"):
        monkeypatch.delenv(name, raising=False)


Made = RemoteEngine[SpeechToText] | HttpEngine[SpeechToText]


def engine(name: str, *, vocabulary: tuple[str, ...] = VOCABULARY, **options: Any) -> Made:
    """The engine of a table."""
    made = make_ears({"name": name, **options}, given("stt", Agent(vocabulary=list(vocabulary))))
    assert isinstance(made, RemoteEngine | HttpEngine)
    return made


def heard_by(made: Made) -> Hearing:
    """What listens in a new call."""
    ears = made.open()
    assert isinstance(ears, WebsocketEars)
    return ears._hearing


def query(made: Made) -> dict[str, list[str]]:
    """What stands behind the `?`."""
    return parse_qs(urlsplit(made.endpoint.url).query)


def sentence(name: str, **options: Any) -> str:
    """What is said of a mistake."""
    with pytest.raises(ConfigError) as caught:
        engine(name, **options)
    assert KEY not in str(caught.value)
    return str(caught.value)


def test_deepgram() -> None:
    made = engine("deepgram", model="nova-3", language="en", api_key=KEY, terms="keyterms")
    assert made.endpoint.name == "wss://api.deepgram.com/v1/listen"
    assert made.endpoint.headers == (("Authorization", f"Token {KEY}"),)
    assert query(made)["model"] == ["nova-3"]
    assert query(made)["keyterm"] == ["puncture", "inner tube"]
    hearing = heard_by(made)
    assert isinstance(hearing, DeepgramHearing)
    assert (hearing.rate_hz, hearing.listens) == (16000, "speech")
    assert heard_by(made) is not hearing, "each call has its own"


def test_flux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPGRAM_API_KEY", f"{KEY}\n")
    made = engine("deepgram-flux", model="flux-general-en", eager_eot_threshold=0.5, rate_hz=8000)
    assert made.endpoint.name == "wss://api.deepgram.com/v2/listen"
    assert made.endpoint.headers == (("Authorization", f"Token {KEY}"),)
    assert query(made)["keyterm"] == ["puncture", "inner tube"]
    assert query(made)["eager_eot_threshold"] == ["0.5"]
    assert query(made)["sample_rate"] == ["8000"]
    hearing = heard_by(made)
    assert isinstance(hearing, FluxHearing)
    assert (hearing.rate_hz, hearing.listens) == (8000, "always")


def test_openai(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    made = engine("openai-realtime-stt", model="gpt-live-transcribe", terms="keywords")
    assert made.endpoint.url == "wss://api.openai.com/v1/realtime?intent=transcription"
    assert made.endpoint.headers == (("Authorization", f"Bearer {KEY}"),)
    hearing = heard_by(made)
    assert isinstance(hearing, RealtimeHearing)
    hearing.connected(0)
    assert '"keywords":["puncture","inner tube"]' in str(hearing.message(0))


def settings_of(made: Made) -> TranscriptionSettings:
    """What a request asks for."""
    ears = made.open()
    assert isinstance(ears, UtteranceEars)
    transcriber = ears._transcriber
    assert isinstance(transcriber, OpenAITranscriber)
    return transcriber._settings


def test_openai_over_http() -> None:
    made = engine("openai-stt", model="gpt-transcribe", api_key=KEY, language="en", terms="keywords")
    assert made.endpoint.url == "https://api.openai.com/v1/audio/transcriptions"
    assert made.endpoint.headers == (("Authorization", f"Bearer {KEY}"),)
    wanted = TranscriptionSettings("gpt-transcribe", "en", keywords=("puncture", "inner tube"))
    assert settings_of(made) == wanted


def test_terms_in_a_prompt() -> None:
    made = engine("openai-stt", model="whisper-1", api_key=KEY, words=True)
    assert settings_of(made) == TranscriptionSettings(
        "whisper-1", prompt="puncture, inner tube", words=True, stream=False
    )
    made = engine("openai-stt", model="m", api_key=KEY, prompt="A bicycle shop.", terms="prompt")
    assert settings_of(made).prompt == "A bicycle shop. puncture, inner tube"
    assert settings_of(engine("openai-stt", model="m", api_key=KEY, terms="no")).prompt == ""


def test_a_server_like_openai() -> None:
    made = engine("openai-stt", model="m", base_url="http://localhost:8000/v1", rate_hz=8000, attempt_s=5)
    assert made.endpoint.url == "http://localhost:8000/v1/audio/transcriptions"
    assert made.endpoint.headers == ()
    assert made.open().rate_hz == 8000


async def _several() -> None:
    services = [{"name": "deepgram", "model": "m", "api_key": KEY, "rate_hz": 8000}, "scripted"]
    made = make_ears({"name": "fallback", "services": services, "final_s": 0.5}, given("stt", Agent()))
    assert isinstance(made, FallbackEngine)
    assert [*made.sources] == ["stt.services[0] (deepgram)", "stt.services[1] (scripted)"]
    await made.start()
    several = made.open()
    assert isinstance(several, SeveralEars)
    assert several.rate_hz == 8000
    several.close()
    await made.close()


def test_several_ears() -> None:
    play(_several())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"services": ["scripted"]}, "stt.services: a fallback has 2 to 8 services, not 1"),
        ({"services": ["scripted", {"name": "deepgram"}]}, "stt.services[1].model is missing"),
        ({"services": ["scripted", "scripted"], "final_s": 0}, "stt.final_s must be above zero, not 0.0"),
        ({"services": ["scripted", "x"]}, "stt.services[1]: there is no stt 'x'; there are pocketsphinx, "),
    ],
)
def test_what_is_wrong_with_several_is_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_ears({"name": "fallback", **options}, given("stt", Agent()))
    assert str(caught.value).startswith(words)


async def _opens() -> None:
    made = engine("deepgram", model="nova-3", api_key=KEY)
    await made.start()
    ears: SpeechToText = made.open()
    assert ears.rate_hz == 16000
    ears.close()
    await made.close()
    assert made.free > 1000


def test_a_call_gets_ears() -> None:
    play(_opens())


NOTHING_SAID: list[tuple[str, str]] = [
    ("deepgram", 'are not told to the model; if the model takes keyterms, set stt.terms = "keyterms", else "no"'),
    ("openai-stt", 'stand in the prompt; if the model takes keywords, set stt.terms = "keywords", else "prompt"'),
    ("openai-realtime-stt", 'are not told to the model; if the model takes keywords, set stt.terms = "keywords"'),
]


@pytest.mark.parametrize(("name", "words"), NOTHING_SAID)
def test_where_the_terms_go_is_told_once_if_nobody_said_it(name: str, words: str) -> None:
    with Logbook() as log:
        made = engine(name, model="nova-3", api_key=KEY)
        made.open().close()
    assert [words in entry.message for entry in log.entries] == [True]
    if name != "openai-stt":
        hearing = heard_by(made)
        hearing.connected(0)
        assert "puncture" not in f"{query(made)} {hearing.message(0)!r}", "no name of a model decides"


@pytest.mark.parametrize("name", [name for name, _ in NOTHING_SAID])
def test_a_choice_is_not_spoken_of(name: str) -> None:
    with Logbook() as log:
        engine(name, model="m", api_key=KEY, terms="no")
        given_here: dict[str, Any] = {"keyterms" if name == "deepgram" else "keywords": ["Brooks"]}
        engine(name, model="m", api_key=KEY, **given_here)
        engine(name, model="m", api_key=KEY, vocabulary=("what time do you open on monday",))
    assert log.entries == []


def test_terms_that_are_given_replace_the_vocabulary() -> None:
    assert query(engine("deepgram", model="nova-3", api_key=KEY, keyterms=["Brooks"]))["keyterm"] == ["Brooks"]
    assert "keyterm" not in query(engine("deepgram", model="nova-3", api_key=KEY, keyterms=[]))


def test_a_long_vocabulary_is_cut_at_what_deepgram_takes() -> None:
    words = tuple(f"word{number:03} with a tail" for number in range(300))
    terms = query(engine("deepgram", vocabulary=words, model="m", api_key=KEY, terms="keyterms"))["keyterm"]
    assert 50 <= len(terms) <= 100
    assert sum(map(len, terms)) <= 1500


def test_whose_key_is_shown_to_whom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPGRAM_API_KEY", KEY)
    monkeypatch.setenv("SHOP_KEY", "fedcba9876543210")
    local: dict[str, Any] = {"model": "nova-3", "base_url": "ws://localhost:8080/"}
    assert engine("deepgram", **local).endpoint.headers == (), "not that of the environment, unasked"
    assert engine("deepgram", **local, key_env="SHOP_KEY").endpoint.headers == (
        ("Authorization", "Token fedcba9876543210"),
    )
    assert engine("deepgram", model="m", headers={"authorization": "Bearer x"}).endpoint.headers == (
        ("authorization", "Bearer x"),
    )


def test_a_service_may_be_elsewhere_and_be_asked_for_more() -> None:
    where = "wss://gateway.example.org/deepgram/"
    made = engine("deepgram", model="m", api_key=KEY, base_url=where, query={"team": "voice ears", "encoding": "x"})
    assert made.endpoint.name == "wss://gateway.example.org/deepgram/v1/listen"
    assert query(made)["team"] == ["voice ears"]
    assert query(made)["encoding"] == ["x"], "in the place of ours"


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("deepgram", {"model": "m"}, "stt: set stt.api_key, or the environment variable DEEPGRAM_API_KEY"),
        ("deepgram-flux", {"model": "m"}, "stt: set stt.api_key, or the environment variable DEEPGRAM_API_KEY"),
        ("openai-realtime-stt", {"model": "m"}, "stt: set stt.api_key, or the environment variable OPENAI_API_KEY"),
        (
            "deepgram",
            {"model": "m", "key_env": "SHOP_KEY"},
            "stt: set stt.api_key, or the environment variable SHOP_KEY",
        ),
        ("openai-stt", {"model": "m"}, "stt: set stt.api_key, or the environment variable OPENAI_API_KEY"),
        ("openai-stt", {"model": "m", "base_url": "ws://x"}, "stt.base_url must begin with http:// or https://"),
        ("openai-stt", {"model": "m", "api_key": KEY, "attempt_s": 0}, "stt.attempt_s must be above zero, not 0.0"),
        ("deepgram", {"api_key": KEY}, "stt.model is missing"),
        ("deepgram", {"model": " ", "api_key": KEY}, "stt.model is empty: say which model"),
        ("deepgram", {"model": "m", "api_key": f"{KEY}\n"}, None),
        ("deepgram", {"model": "m", "base_url": "wss://x?y=1"}, "stt.base_url must have no query; there is stt.query"),
        ("deepgram", {"model": "m", "headers": {"a b": "c"}}, None),
        ("deepgram", {"model": "m", "api_key": 7}, "stt.api_key: expected `str`, got `int`"),
        ("deepgram", {"model": "m", "colour": 1}, "there is no key stt.colour"),
        ("deepgram", {"model": "m", "language": 1}, "stt.language: expected `str`, got `int`"),
        ("deepgram", {"model": "m", "url": "wss://x"}, "there is no key stt.url"),
        ("deepgram", {"model": "m", "base_url": "http://x"}, "stt.base_url must begin with ws:// or wss://"),
        (
            "deepgram",
            {"model": "m", "api_key": KEY, "rate_hz": 11025},
            "stt.rate_hz must be one of 8000, 16000, 24000, 44100, 48000, not 11025",
        ),
        ("deepgram", {"model": "m", "api_key": KEY, "final_s": 0}, "stt.final_s must be above zero, not 0.0"),
        (
            "deepgram-flux",
            {"model": "m", "api_key": KEY, "eot_threshold": 0.2},
            "stt.eot_threshold must be from 0.5 to 1.0, not 0.2",
        ),
        (
            "deepgram",
            {"model": "m", "api_key": KEY, "keyterms": ["x"] * 101},
            "stt.keyterms: at most 100 words to listen for, of 1500 characters together",
        ),
    ],
)
def test_what_is_wrong_is_named(name: str, options: dict[str, Any], words: str | None) -> None:
    said = sentence(name, **options)
    assert said == words if words else re.match("stt.(api_key holds|headers has a name with) .* that no", said)


def test_the_settings_of_a_provider_are_shown_without_secrets() -> None:
    made = engine("deepgram", model="m", api_key=KEY)
    assert KEY not in repr(made.endpoint)
