"""Services by name: `stt = "pocketsphinx"`, `llm = {name = "openai-responses", …}`, or `"package.module:factory"`.

An engine is what the process has of a service (a pool of workers, a provider's address); it is started once, before the
first call is accepted, and opens one service object for each call. Optional packages are imported only where chosen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from audio.services import OnSpeech, SpeechToText, TextToSpeech, VoiceActivity
from audio.stt.scripted import ScriptedSpeechToText
from audio.tts.scripted import ScriptedTextToSpeech
from audio.vad import VadEngine, VadOptions
from link.tasks import Spawn
from llm.service import LanguageModel
from server.agent import Agent
from server.call.services import CallServices
from server.config import Service, Settings
from server.ears import known_ears
from server.factories import Engine, Factory, Known, make
from server.models import make_model, names_in
from server.voices import PROVIDERS, make_voice

DEFAULTS: dict[str, Service] = {"stt": "pocketsphinx", "llm": "local", "tts": "espeak"}


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
    llm = make_model(chosen["llm"], spawn)
    local = "local" in names_in(chosen["llm"])
    vocabulary = [*agent.vocabulary, *_words_of_tools(agent), *(_brain_vocabulary() if local else ())]
    ears: Known = {
        "pocketsphinx": partial(_pocketsphinx, vocabulary, spawn),
        **known_ears(agent.vocabulary),
        "scripted": lambda: _scripted_stt,
    }
    voices: Known = {
        "espeak": partial(_espeak, agent.voice, spawn),
        **PROVIDERS,
        "scripted": lambda: _scripted_tts,
    }
    stt = make("stt", "stt", chosen["stt"], ears)
    tts = make_voice(chosen["tts"], voices, settings, agent)
    return ProcessEngines(stt, llm, tts, settings.vad)


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
