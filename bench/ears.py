"""How well and how soon any ears understand the recordings: `python -m bench.stt --engine '{name = "…", model = "…"}'`.

The recordings are said in real time, each in a call of its own, over the engine that the server would make of this
table; keys come from the environment, as there. Twice: without a vocabulary, and with an agent whose vocabulary has
what is said, from which the ears take their terms. Capitals and signs do not count as errors; numbers that are written
in digits do, so ask for words where that can be asked for (`smart_format = false`).
"""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Sequence
from pathlib import Path

from audio.services import SpeechToText
from bench.measure import percentile
from bench.stt import HUMAN, Call, Recording, line, recordings
from bench.words import error_rate, plain
from link.errors import ConfigError
from llm.local.vocabulary import VOCABULARY
from server.agent import Agent
from server.config import Service, Settings
from server.factories import Engine
from server.services.names import make_ears
from server.services.remote import Given

SETS = (("synthetic callers", "synthetic", VOCABULARY), ("human readers", "human", HUMAN))


def service_of(table: str | None, config: Path | None) -> Service:
    """What a configuration has as `stt`. Raises ConfigError."""
    try:
        found = tomllib.loads(f"stt = {table}" if table else config.read_text("utf-8") if config else "")
    except (tomllib.TOMLDecodeError, OSError) as error:
        raise ConfigError(f"there are no ears to measure: {error}") from error
    if "stt" not in found:
        raise ConfigError(f"{config} has no `stt`")
    service: Service = found["stt"]
    return service


async def measure(service: Service, *, quick: bool = False, show: bool = False, real_time: bool = True) -> None:
    """Measure and print. Raises ConfigError, ProviderError."""
    for words, vocabulary in (("no vocabulary", ()), ("fitting vocabulary", None)):
        for name, kind, fitting in SETS:
            known = fitting if vocabulary is None else vocabulary
            given = Given("stt", Settings(), Agent(vocabulary=list(known)), list(known), asyncio.ensure_future)
            engine = make_ears(service, given)
            try:
                await engine.start()
                those = (await _recordings(engine, kind))[: 2 if quick else None]
                await _one_set(f"{name}, {words}", engine, those, show=show, real_time=real_time)
            except ConfigError as error:
                if known:
                    raise
                line(f"{name}, {words}", str(error))
            finally:
                await engine.close()


async def _recordings(engine: Engine[SpeechToText], kind: str) -> list[Recording]:
    """As these ears hear them."""
    ears = engine.open()
    found = await recordings(kind, ears.rate_hz, ears.listens)
    ears.close()
    return found


async def _one_set(
    name: str, engine: Engine[SpeechToText], those: Sequence[Recording], *, show: bool, real_time: bool
) -> None:
    pairs: list[tuple[str, str]] = []
    delays_ms: list[float] = []
    for recording in those:
        call = Call(engine.open())
        try:
            understood = await call.hear(recording, real_time=real_time)
        finally:
            call.close()
        pairs.append((plain(recording.text or ""), plain(understood)))
        delays_ms += call.delays_ms
    count = sum(len(said.split()) for said, _ in pairs)
    rate = f"{100 * error_rate(pairs):3.0f} % of {count:2} words wrong"
    line(name, f"{rate}, final p50 {percentile(delays_ms, 0.5):.0f}   p95 {percentile(delays_ms, 0.95):.0f} ms")
    if show:
        print("".join(f"    said        {said}\n    understood  {got}\n" for said, got in pairs), end="")
