"""Whisper models on this machine, by faster-whisper.

stt = {name = "faster-whisper", model = "models/small", language = "en"}
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from audio.stt import faster_whisper as whisper
from audio.stt.local import LocalEngine, LocalOptions
from server.services.ears import terms
from server.services.options import halved, named, within
from server.services.remote import Given


class Options(Struct, frozen=True, forbid_unknown_fields=True):
    """`stt = {name = "faster-whisper", model = "…"}`."""

    model: str
    """A folder, or the name of a model that was downloaded before; it must be given."""
    language: str = ""
    """ISO 639-1; empty: Whisper finds it out, which takes longer."""
    device: str = "auto"
    """`cpu`, `cuda`, or `auto`."""
    compute_type: str = "default"
    """`int8`, `float16`, …; as CTranslate2 names them."""
    beam_size: int = 1
    """How many ways the text is searched, 1 to 100; more is slower, and seldom better."""
    words: bool = True
    """Times and probabilities of words; they cost some time."""
    prompt: str = ""
    """What the model is told of what it will hear."""
    hotwords: list[str] | None = None
    """Words to listen for; not given: the terms of the agent's vocabulary."""


def ears(given: Given, **options: Any) -> LocalEngine:
    """Ears in worker processes."""
    place = given.place
    chosen, local = halved(place, options, Options, LocalOptions)
    named(place, model=chosen.model)
    within(place, "beam_size", chosen.beam_size, 1, 100)
    hotwords = terms(f"{place}.hotwords", chosen.hotwords, given.agent.vocabulary)
    settings = whisper.WhisperSettings(
        chosen.model,
        chosen.language,
        device=chosen.device,
        compute_type=chosen.compute_type,
        beam_size=chosen.beam_size,
        words=chosen.words,
        prompt=chosen.prompt,
        hotwords=", ".join(hotwords),
    )
    return LocalEngine(
        place,
        whisper.TARGET,
        {"settings": msgspec.structs.asdict(settings), "cpu_threads": local.threads},
        options=local,
        spawn=given.spawn,
        check=lambda: whisper.check(place, chosen.model),
    )
