"""Moonshine models on this machine.

stt = {name = "moonshine", model = "/models/moonshine"}
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from audio.stt import moonshine
from audio.stt.local import LocalEngine, LocalOptions
from server.services.options import halved, named
from server.services.remote import Given


class Options(Struct, frozen=True, forbid_unknown_fields=True):
    """`stt = {name = "moonshine", model = "…"}`."""

    model: str
    """A folder with `encoder_model.onnx`, `decoder_model_merged.onnx` and `tokenizer.json`; it must be given."""
    language: str = ""
    """That of the model, ISO 639-1; it is only told, Moonshine has a model for each."""
    tokens_per_s: float = 6.5
    """The longest text for a second of speech: enough for English; others, Chinese say, need up to 13."""


def ears(given: Given, **options: Any) -> LocalEngine:
    """Ears in worker processes."""
    place = given.place
    chosen, local = halved(place, options, Options, LocalOptions)
    named(place, model=chosen.model)
    return LocalEngine(
        place,
        moonshine.TARGET,
        {
            "model": chosen.model,
            "language": chosen.language,
            "tokens_per_s": chosen.tokens_per_s,
            "cpu_threads": local.threads,
        },
        options=local,
        spawn=given.spawn,
        check=lambda: moonshine.check(place, chosen.model),
    )
