"""Services by name: `stt = "pocketsphinx"`, `llm = {name = "openai-responses", …}`, or `"package.module:factory"`.

An engine is what the process has of a service (a pool of workers, a provider's address); it is started once, before the
first call is accepted, and opens one service object for each call. Optional packages are imported only where chosen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import msgspec

from audio.services import OnSpeech, SpeechToText, TextToSpeech, TurnJudge, VoiceActivity
from audio.vad import VadEngine, VadOptions
from link.tasks import Spawn
from llm.service import LanguageModel
from server.agent import Agent
from server.call.services import CallServices
from server.config import Service, Settings
from server.factories import Engine
from server.models import make_model, names_in
from server.services.names import make_ears, make_voice
from server.services.remote import Given
from server.services.turn_models import make_turn_model

DEFAULTS: dict[str, Service] = {"stt": "pocketsphinx", "llm": "local", "tts": "espeak"}


class ProcessEngines:
    """All engines of the process; meets `server.call.services.Engines`."""

    def __init__(
        self,
        stt: Engine[SpeechToText],
        llm: Engine[LanguageModel],
        tts: Engine[TextToSpeech],
        vad: VadOptions,
        turn_model: Engine[TurnJudge] | None = None,
    ) -> None:
        self.stt = stt
        self.llm = llm
        self.tts = tts
        self.turn_model = turn_model
        self._all: list[Engine[Any]] = [stt, llm, tts, *([turn_model] if turn_model else [])]
        self._vad_options = vad
        loop = asyncio.get_running_loop()
        self._vad = {rate: VadEngine(rate, loop.call_later) for rate in (8000, 16000)}

    async def start(self) -> None:
        """Start them all, at the same time. When one fails the others are awaited too: `close` needs them whole."""
        starts = await asyncio.gather(*(each.start() for each in self._all), return_exceptions=True)
        for failed in filter(None, starts):
            raise failed

    async def close(self) -> None:
        """Release everything."""
        await asyncio.gather(*(each.close() for each in self._all))

    @property
    def free(self) -> int:
        """How many more calls the engines can serve."""
        return min(each.free for each in self._all)

    @property
    def vad_dropped(self) -> int:
        """Chunks that voice activity detection never saw."""
        return sum(engine.dropped_chunks for engine in self._vad.values())

    def open(self) -> CallServices:
        """Services for one call. Raises Overloaded, and then holds nothing."""
        with ExitStack() as undo:
            stt = self.stt.open()
            undo.callback(stt.close)
            tts = self.tts.open()
            undo.callback(tts.close)
            judge = self.turn_model.open() if self.turn_model else None
            if judge:
                undo.callback(judge.close)
            services = CallServices(stt, self.llm.open(), tts, judge)
            undo.pop_all()
        return services

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
    given = Given("stt", settings, agent, vocabulary, spawn)
    stt = make_ears(chosen["stt"], given)
    tts = make_voice(chosen["tts"], msgspec.structs.replace(given, place="tts"))
    turn_model = make_turn_model(msgspec.structs.replace(given, place="turn_model"))
    return ProcessEngines(stt, llm, tts, settings.vad, turn_model)


# --- what callers say ------------------------------------------------------------------------------------------------


def _brain_vocabulary() -> Sequence[str]:
    from llm.local.vocabulary import VOCABULARY

    return VOCABULARY


def _words_of_tools(agent: Agent) -> list[str]:
    """Callers say the words of a tool's name and description."""
    schemas = [spec.schema for spec in agent.tools.specs()]
    return [text for schema in schemas for text in (schema.name.replace("_", " "), schema.description) if text]
