"""Ears and a voice that answer at once, for tests and load."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from audio.stt.scripted import ScriptedSpeechToText
from audio.tts.scripted import ScriptedTextToSpeech


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


def ears(lines: Sequence[str | None] = ("tell me something",), delay_ms: float = 0) -> Simple:
    """Understands the same lines whatever is said."""
    return Simple(lambda: ScriptedSpeechToText(lines, delay_ms=delay_ms))


def voice(rate_hz: int = 16000, ms_per_char: int = 60, delay_ms: int = 0) -> Simple:
    """Speaks in tones that a test can read."""
    return Simple(lambda: ScriptedTextToSpeech(rate_hz, ms_per_char, delay_ms))
