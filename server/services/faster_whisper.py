"""Whisper models on this machine, by faster-whisper.

stt = {name = "faster-whisper", model = "models/small", language = "en"}
"""

from __future__ import annotations

from typing import Any

import msgspec

from audio.stt import faster_whisper as whisper
from audio.stt.local import LocalEngine, LocalOptions
from server.services.ears import terms
from server.services.options import halved, named, within
from server.services.remote import Given


def ears(given: Given, **options: Any) -> LocalEngine:
    """Ears in worker processes."""
    place = given.place
    chosen, local = halved(place, options, whisper.WhisperOptions, LocalOptions)
    named(place, model=chosen.model)
    within(place, "beam_size", chosen.beam_size, 1, 100)
    hotwords = terms(f"{place}.hotwords", chosen.hotwords, given.agent.vocabulary)
    chosen = msgspec.structs.replace(chosen, hotwords=hotwords)
    return LocalEngine(
        place,
        whisper.TARGET,
        {"options": msgspec.structs.asdict(chosen), "cpu_threads": local.threads},
        options=local,
        spawn=given.spawn,
        check=lambda: whisper.check(place, chosen.model),
    )
