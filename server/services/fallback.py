"""Several services as one: `stt = {name = "fallback", services = [{name = "deepgram", …}, "pocketsphinx"]}`.

The same for voices, each of which may have a `cache`; what the second one says is kept as its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from audio.services import SpeechToText, TextToSpeech
from audio.stt import several as ears_of
from audio.stt.fallback import FallbackOptions
from audio.tts import probing as voice_probing
from audio.tts.several import FallbackPatience, FallbackVoice
from link.breaker import Breaker, BreakerOptions
from link.errors import ConfigError
from link.preference import Preference
from link.probing import Probe, Prober, Probers
from link.tasks import Spawn
from server.config import Service
from server.factories import Engine, split
from server.services.options import converted
from server.services.remote import Given
from server.services.voices import MARGIN_S

S = TypeVar("S")
Make = Callable[[Service, Given], Engine[S]]

MAX_SERVICES = 8
_PATIENCE = FallbackPatience()
_EARS = FallbackOptions()


class FallbackTable(Struct, frozen=True, forbid_unknown_fields=True):
    """`tts = {name = "fallback", services = […]}`: the first that can speaks; who is late or fails is replaced."""

    services: list[Service]
    """In order of preference; each a name, or a table with `name` and options."""
    first_audio_s: float | None = None
    """A voice that has given nothing for so long is late, and the next one is asked; not given: what the call waits
    (`policy.speech_first_s`, less 0.2 s), divided by the number of services."""
    next_audio_s: float = _PATIENCE.next_audio_s
    """So is one that has given nothing for so long in the middle of a piece, where it told its words."""
    avoid_s: float = _PATIENCE.avoid_s
    """A voice that was late or failed comes after the others for so long, in that call."""
    breaker: BreakerOptions = BreakerOptions()
    """When a voice is left alone by all calls: `failures` within `window_s`, then a probe after `open_s`, …"""


class EarsTable(Struct, frozen=True, forbid_unknown_fields=True):
    """`stt = {name = "fallback", services = […]}`: the first that can listens; who is late or fails is replaced."""

    services: list[Service]
    """In order of preference; each a name, or a table with `name` and options."""
    final_s: float = _EARS.final_s
    """Ears that have given no final transcript so long after the end of speech are late, and the next ones hear it."""
    avoid_s: float = _EARS.avoid_s
    """Ears that were late or failed come after the others for so long, in that call."""
    breaker: BreakerOptions = BreakerOptions()
    """When ears are left alone by all calls: `failures` within `window_s`, then a probe after `open_s`, …"""


def voice(given: Given, make: Make[TextToSpeech], **options: Any) -> FallbackEngine[TextToSpeech]:
    """The engine of several voices; `make` makes that of each. Raises ConfigError."""
    table = converted(given.place, options, FallbackTable)
    policy = given.settings.over("policy", given.agent.policy)
    shared_s = (policy.speech_first_s - MARGIN_S) / max(1, len(table.services))
    first_audio_s = shared_s if table.first_audio_s is None else table.first_audio_s
    for name in ("first", "next"):
        limit_s: float = getattr(policy, f"speech_{name}_s")
        if (first_audio_s if name == "first" else table.next_audio_s) >= limit_s:
            why = f"the call waits no longer than that (policy.speech_{name}_s)"
            raise ConfigError(f"{given.place}.{name}_audio_s must be below {limit_s:g}: {why}")
    times = {"first_audio_s": first_audio_s, "next_audio_s": table.next_audio_s, "avoid_s": table.avoid_s}
    sources = _sources(given, make, table.services, times, table.breaker)
    patience = FallbackPatience(first_audio_s, table.next_audio_s, table.avoid_s)
    return several_voices(sources, given.spawn, patience, table.breaker)


def ears(given: Given, make: Make[SpeechToText], **options: Any) -> FallbackEngine[SpeechToText]:
    """The engine of several ears; `make` makes that of each. Raises ConfigError."""
    table = converted(given.place, options, EarsTable)
    times = {"final_s": table.final_s, "avoid_s": table.avoid_s}
    sources = _sources(given, make, table.services, times, table.breaker)
    return several_ears(sources, given.spawn, FallbackOptions(table.final_s, table.avoid_s), table.breaker)


def _sources(
    given: Given, make: Make[S], services: list[Service], times: dict[str, float], breaker: BreakerOptions
) -> dict[str, Engine[S]]:
    """The engines by the names that the log shows. Raises ConfigError."""
    place = given.place
    if not 2 <= len(services) <= MAX_SERVICES:
        raise ConfigError(f"{place}.services: a fallback has 2 to {MAX_SERVICES} services, not {len(services)}")
    numbers = times | {f"breaker.{name}": value for name, value in msgspec.structs.asdict(breaker).items()}
    for name, value in numbers.items():
        if not 0 < value < math.inf:
            raise ConfigError(f"{place}.{name} must be above zero, not {value}")
    sources = {}
    for number, each in enumerate(services):
        where = f"{place}.services[{number}]"
        sources[f"{where} ({split(where, each)[0]})"] = make(each, msgspec.structs.replace(given, place=where))
    return sources


def several_voices(
    sources: Mapping[str, Engine[TextToSpeech]],
    spawn: Spawn,
    patience: FallbackPatience,
    breaker: BreakerOptions | None = None,
) -> FallbackEngine[TextToSpeech]:
    """Voices by the names that the log shows, the preferred one first."""

    def open_voice(engine: FallbackEngine[TextToSpeech]) -> TextToSpeech:
        preference = Preference(engine.breakers, patience.avoid_s)
        return FallbackVoice(
            engine.opens, preference, patience, on_out=engine.probers.wake, attend=engine.probers.attend
        )

    engine = FallbackEngine(sources, open_voice, breaker)
    engine.look_after("tts", voice_probing.speaking, voice_probing.PROBE_S, spawn)
    return engine


def several_ears(
    sources: Mapping[str, Engine[SpeechToText]],
    spawn: Spawn,
    options: FallbackOptions,
    breaker: BreakerOptions | None = None,
) -> FallbackEngine[SpeechToText]:
    """Ears by the names that the log shows, the preferred ones first."""

    def open_ears(engine: FallbackEngine[SpeechToText]) -> SpeechToText:
        preference = Preference(engine.breakers, options.avoid_s)
        return ears_of.SeveralEars(
            engine.opens, preference, options, on_out=engine.probers.wake, attend=engine.probers.attend
        )

    engine = FallbackEngine(sources, open_ears, breaker)
    engine.look_after("stt", ears_of.listening, ears_of.PROBE_S, spawn)
    return engine


class FallbackEngine(Generic[S]):
    """What the process has of several services: a breaker for each, and probes for those that are out."""

    def __init__(
        self,
        sources: Mapping[str, Engine[S]],
        make: Callable[[FallbackEngine[S]], S],
        breaker: BreakerOptions | None = None,
    ) -> None:
        """`make` gives each call its own service of them."""
        self.sources = dict(sources)
        self.breakers = [Breaker(breaker) for _ in sources]
        self._make = make
        self.probers = Probers(())

    def look_after(self, kind: str, probe: Callable[[Callable[[], S]], Probe], limit_s: float, spawn: Spawn) -> None:
        """While there are calls, probe who is out; `spawn` makes tasks of the process."""
        pairs = zip(self.sources.items(), self.breakers, strict=True)
        self.probers = Probers(
            [
                Prober(f"{kind}: {name}", each, probe(source.open), limit_s=limit_s, spawn=spawn, on_back=lambda: None)
                for (name, source), each in pairs
            ]
        )

    @property
    def opens(self) -> dict[str, Callable[[], S]]:
        """What opens each for a call."""
        return {name: source.open for name, source in self.sources.items()}

    async def start(self) -> None:
        """Start all of them."""
        for source in self.sources.values():
            await source.start()

    @property
    def free(self) -> int:
        """As many as the roomiest has: a call does without one that is full."""
        return max(source.free for source in self.sources.values())

    def open(self) -> S:
        """A service for one call. Raises Overloaded."""
        return self._make(self)

    async def close(self) -> None:
        """Stop all of them, and the probes."""
        self.probers.stop()
        for source in self.sources.values():
            await source.close()
