"""Several voices as one: `tts = {name = "fallback", services = [{name = "elevenlabs", …}, "espeak"]}`.

Each of them may have a `cache`; what the second one says is kept as its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
from msgspec import Struct

from audio.services import TextToSpeech
from audio.tts.probing import PROBE_S, speaking
from audio.tts.several import FallbackPatience, FallbackVoice
from link.breaker import Breaker, BreakerOptions
from link.errors import ConfigError
from link.preference import Preference
from link.probing import Prober
from link.tasks import Spawn
from server.config import Service
from server.factories import Engine, split
from server.services.options import converted
from server.services.remote import Given

MAX_SERVICES = 8
_PATIENCE = FallbackPatience()
Make = Callable[[Service, Given], Engine[TextToSpeech]]


class FallbackTable(Struct, frozen=True, forbid_unknown_fields=True):
    """`tts = {name = "fallback", services = […]}`: the first that can speaks; who is late or fails is replaced."""

    services: list[Service]
    """In order of preference; each a name, or a table with `name` and options."""
    first_audio_s: float = _PATIENCE.first_audio_s
    """A voice that has given nothing for so long is late, and the next one is asked."""
    next_audio_s: float = _PATIENCE.next_audio_s
    """So is one that has given nothing for so long in the middle of a piece, where it told its words."""
    avoid_s: float = _PATIENCE.avoid_s
    """A voice that was late or failed comes after the others for so long, in that call."""
    breaker: BreakerOptions = BreakerOptions()
    """When a voice is left alone by all calls: `failures` within `window_s`, then a probe after `open_s`, …"""


def voice(given: Given, make: Make, **options: Any) -> FallbackEngine:
    """The engine of several; `make` makes that of each. Raises ConfigError."""
    place = given.place
    table = converted(place, options, FallbackTable)
    if not 2 <= len(table.services) <= MAX_SERVICES:
        raise ConfigError(f"{place}.services: a fallback has 2 to {MAX_SERVICES} services, not {len(table.services)}")
    numbers = {name: getattr(table, name) for name in ("first_audio_s", "next_audio_s", "avoid_s")}
    numbers |= {f"breaker.{name}": value for name, value in msgspec.structs.asdict(table.breaker).items()}
    for name, value in numbers.items():
        if not 0 < value < math.inf:
            raise ConfigError(f"{place}.{name} must be above zero, not {value}")
    sources = {}
    for number, each in enumerate(table.services):
        where = f"{place}.services[{number}]"
        sources[f"{where} ({split(where, each)[0]})"] = make(each, msgspec.structs.replace(given, place=where))
    patience = FallbackPatience(table.first_audio_s, table.next_audio_s, table.avoid_s)
    return FallbackEngine(sources, given.spawn, patience, table.breaker)


class FallbackEngine:
    """What the process has of several voices: a breaker for each, and probes for those that are out."""

    def __init__(
        self,
        sources: Mapping[str, Engine[TextToSpeech]],
        spawn: Spawn,
        patience: FallbackPatience | None = None,
        breaker: BreakerOptions | None = None,
    ) -> None:
        """`sources` by the names that the log shows, the preferred one first. `spawn` makes tasks of the process."""
        self.sources = dict(sources)
        self.breakers = [Breaker(breaker) for _ in sources]
        self._patience = patience or FallbackPatience()
        self._calls = 0
        self._probers = [
            Prober(f"tts: {name}", each, speaking(source.open), limit_s=PROBE_S, spawn=spawn, on_back=lambda: None)
            for (name, source), each in zip(sources.items(), self.breakers, strict=True)
        ]

    async def start(self) -> None:
        """Start all voices."""
        for source in self.sources.values():
            await source.start()

    @property
    def free(self) -> int:
        """As many as the roomiest voice has: a call does without one that is full."""
        return max(source.free for source in self.sources.values())

    def open(self) -> TextToSpeech:
        """A voice for one call. Raises Overloaded."""
        return FallbackVoice(
            {name: source.open for name, source in self.sources.items()},
            Preference(self.breakers, self._patience.avoid_s),
            self._patience,
            on_out=lambda number: self._probers[number].wake(),
            attend=self._attend,
        )

    async def close(self) -> None:
        """Stop all voices, and the probes."""
        for prober in self._probers:
            prober.stop()
        for source in self.sources.values():
            await source.close()

    @contextmanager
    def _attend(self) -> Iterator[None]:
        """While there are calls, who is out is looked after."""
        self._calls += 1
        for prober in self._probers:
            prober.wake()
        try:
            yield
        finally:
            self._calls -= 1
            if not self._calls:
                for prober in self._probers:
                    prober.stop()
