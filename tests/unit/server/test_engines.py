"""Services by name: which source names them, and one sentence for a name, an option or a package that is wrong."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import msgspec
import pytest

from audio.stt.pocketsphinx import PocketSphinxEngine
from audio.tts.worker_voice import VoicePool
from link.errors import ConfigError, Overloaded
from server.agent import Agent
from server.config import Service, Settings, load
from server.engines import ProcessEngines, make_engines
from server.models import ModelEngine
from server.services.names import EARS as EARS_BY_NAME
from server.services.names import VOICES
from server.services.scripted import Simple
from tests.unit.server.call.session_stand import virtual
from tests.unit.server.parts import Slots

SCRIPTED: dict[str, Service] = {"stt": "scripted", "llm": "scripted", "tts": "scripted"}
EARS = "tests.unit.server.parts:ears"
PATIENCE_S = 10.0


class NoEngine:
    """What a factory may give by mistake."""


class Late:
    """An engine that takes a second to start, or fails at once."""

    free = 1

    def __init__(self, fails: bool = False) -> None:
        self._fails = fails
        self.started = False

    async def start(self) -> None:
        """Start or fail."""
        if self._fails:
            raise ConfigError("stt: the model is missing")
        await asyncio.sleep(1)
        self.started = True

    def open(self) -> Any:
        """It is not opened."""

    async def close(self) -> None:
        """Nothing to release."""


def making_nothing() -> NoEngine:
    """A factory of something else."""
    return NoEngine()


def breaking(count: int = 1) -> Slots:
    """A factory that fails."""
    raise RuntimeError(f"{count} models are missing")


def refusing() -> Slots:
    """A factory that knows what is wrong."""
    raise ConfigError("stt: set ears_key")


def engines(services: dict[str, Service], agent: Agent | None = None) -> ProcessEngines:
    """The engines of settings and an agent; scripted ones, unless `services` says otherwise."""
    settings = msgspec.convert({**SCRIPTED, **services}, Settings)
    return make_engines(settings, agent or Agent(), asyncio.create_task)


def sentence(services: dict[str, Service]) -> str:
    """What is said of services that cannot be had: one line."""
    with pytest.raises(ConfigError) as caught:
        engines(services)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- who goes before whom ---------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_the_embedded_services_are_the_default() -> None:
    made = make_engines(Settings(), Agent(), asyncio.create_task)
    assert isinstance(made.stt, PocketSphinxEngine)
    assert isinstance(made.llm, ModelEngine)
    assert made.llm.brain is not None
    assert isinstance(made.tts, VoicePool)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("of_the_agent", "environment", "free"),
    [
        (None, {"VOICEWIRE_STT": EARS}, 100),
        ({"name": EARS, "free": 3}, {}, 3),
        ({"name": EARS, "free": 3}, {"VOICEWIRE_STT": EARS}, 100),
        ({"name": EARS, "free": 3}, {"VOICEWIRE_STT__NAME": EARS, "VOICEWIRE_STT__FREE": "5"}, 5),
    ],
)
async def test_the_configuration_goes_before_the_agent(
    of_the_agent: Service | None, environment: dict[str, str], free: int
) -> None:
    settings = load(None, {"VOICEWIRE_TTS": "scripted", **environment}, {})
    made = make_engines(settings, Agent(stt=of_the_agent), asyncio.create_task)
    assert made.stt.free == free
    assert isinstance(made.tts, Simple)


@pytest.mark.asyncio
async def test_a_voice_that_espeak_does_not_have_is_named() -> None:
    made = engines({"tts": {"name": "espeak", "voice": "martian"}})
    with pytest.raises(ConfigError, match="tts: espeak-ng has no voice 'martian'; it has en-029, en-gb"):
        await made.start()
    await made.close()
    made = engines({"tts": {"name": "espeak", "voice": "en-gb"}})
    await made.start()
    await made.close()


# --- names and options that are wrong ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("services", "words"),
    [
        (
            {"stt": "ears"},
            f"there is no stt 'ears'; there are {', '.join(EARS_BY_NAME)}, or \"package.module:factory\"",
        ),
        (
            {"tts": "a.module"},
            f"there is no tts 'a.module'; there are {', '.join(VOICES)}, or \"package.module:factory\"",
        ),
        ({"stt": {"slots": 3}}, 'stt: a table needs a name: stt = {name = "…", …}'),
        ({"tts": {"name": 3}}, 'tts: a table needs a name: tts = {name = "…", …}'),
        ({"stt": "no_such:f"}, "stt = 'no_such:f' cannot be loaded: ModuleNotFoundError: No module named 'no_such'"),
        ({"stt": ":f"}, "stt = ':f' cannot be loaded: ValueError: Empty module name"),
        (
            {"stt": "json:nothing"},
            "stt = 'json:nothing' cannot be loaded: AttributeError: module 'json' has no attribute 'nothing'",
        ),
        (
            {"stt": {"name": "scripted", "linse": []}},
            "stt = 'scripted' has no option `linse`; there are: lines, delay_ms",
        ),
        (
            {"stt": {"name": "scripted", "delay_ms": "long"}},
            "stt = 'scripted': option `delay_ms`: Expected `float`, got `str`",
        ),
        ({"tts": {"name": "espeak", "voice": 3}}, "tts = 'espeak': option `voice`: Expected `str`, got `int`"),
        (
            {"tts": {"name": "espeak", "speed": 3}},
            "tts = 'espeak' has no option `speed`; there are: voice, rate_wpm, pitch, volume, workers, slots",
        ),
        ({"tts": {"name": "espeak", "rate_wpm": 1}}, "tts: rate_wpm must be from 80 to 450, not 1"),
        (
            {"stt": {"name": "pocketsphinx", "vocabulary": ["x"]}},
            "stt = 'pocketsphinx' has no option `vocabulary`; there are: workers, slots",
        ),
        ({"stt": {"name": EARS, "free": "x"}}, f"stt = '{EARS}': option `free`: Expected `int`, got `str`"),
        ({"stt": f"{__name__}:breaking"}, f"stt = '{__name__}:breaking' failed: RuntimeError: 1 models are missing"),
        ({"stt": f"{__name__}:refusing"}, "stt: set ears_key"),
        (
            {"stt": f"{__name__}:making_nothing"},
            f"stt = '{__name__}:making_nothing' gives no engine but a NoEngine; one has start, open, free and close",
        ),
        ({"stt": f"{__name__}:EARS"}, f"stt = '{__name__}:EARS' failed: TypeError: 'str' object is not callable"),
    ],
)
def test_what_is_wrong_is_named(services: dict[str, Service], words: str) -> None:
    assert sentence(services) == words


def test_a_service_that_the_agent_has_wrong_is_named_too() -> None:
    with pytest.raises(ConfigError, match="there is no llm 'gpt'"):
        make_engines(Settings(), Agent(llm="gpt"), asyncio.create_task)


# --- the start --------------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_without_pocketsphinx_one_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)  # as where it is not installed
    made = engines({"stt": "pocketsphinx"})
    with pytest.raises(ConfigError) as caught:
        await made.start()
    await made.close()
    assert str(caught.value) == (
        "stt: the package pocketsphinx cannot be imported (it has no wheel for arm64 Linux); "
        'install it, or choose another speech-to-text by stt = "…"'
    )


@pytest.mark.asyncio
async def test_without_pocketsphinx_other_ears_are_no_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    monkeypatch.delitem(sys.modules, "audio.stt.pocketsphinx")
    made = engines({})
    await made.start()
    assert made.free > 1000
    await made.close()
    assert "audio.stt.pocketsphinx" not in sys.modules


@pytest.mark.asyncio
async def test_ears_without_a_vocabulary_say_so() -> None:
    made = engines({"stt": "pocketsphinx"})
    with pytest.raises(
        ConfigError, match="only what is in the agent's vocabulary, but a language model needs at least"
    ):
        await made.start()
    await made.close()


@virtual
async def test_when_one_does_not_start_the_others_are_waited_for_so_that_they_can_be_closed() -> None:
    made = engines({"stt": {"name": f"{__name__}:Late", "fails": True}, "tts": f"{__name__}:Late"})
    with pytest.raises(ConfigError, match="stt: the model is missing"):
        await made.start()
    assert isinstance(made.tts, Late)
    assert made.tts.started
    await made.close()


# --- a call's services ------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_when_a_voice_is_refused_the_ears_are_given_back() -> None:
    async with asyncio.timeout(PATIENCE_S):
        made = engines({"stt": {"name": EARS, "free": 1}, "tts": {"name": EARS, "free": 1}})
        await made.start()
        services = made.open()
        assert made.free == 0
        services.close()
        assert made.free == 1
        made.tts.open()
        with pytest.raises(Overloaded):
            made.open()
        assert made.stt.free == 1
        await made.close()


@pytest.mark.asyncio
@pytest.mark.parametrize(("rate_hz", "judged_at_hz"), [(8000, 8000), (16000, 16000), (48000, 16000), (22050, 16000)])
async def test_telephone_sound_is_judged_as_it_is_and_the_rest_at_16_khz(rate_hz: int, judged_at_hz: int) -> None:
    vad, rate = engines({}).open_vad(rate_hz, lambda _: None)
    assert rate == judged_at_hz
    vad.close()
