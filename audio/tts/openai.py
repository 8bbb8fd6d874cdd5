"""OpenAI: text-to-speech over HTTP (/v1/audio/speech), and whoever speaks the same protocol. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

PATH = "/audio/speech"
RATE_HZ = 24000
"""Of OpenAI's `pcm`: mono, 16 bits."""
SPEED = (0.25, 4.0)


class OpenAISpeech:
    """A voice there."""

    name = "openai-tts"

    def __init__(self, model: str, voice: str | Mapping[str, str], rate_hz: int, extra: Mapping[str, Any]) -> None:
        """`voice`: a name, or the id of one of your own as `{"id": …}`. `extra` goes into each request."""
        self.rate_hz = rate_hz
        self._request = {"model": model, "voice": voice, "response_format": "pcm", **extra}

    def request(self, text: str) -> bytes:
        """The body that asks for a text, as JSON."""
        return msgspec.json.encode({**self._request, "input": text})

    def is_audio(self, content_type: str) -> bool:
        """Whether an answer is samples: OpenAI says `audio/pcm`, others `application/octet-stream`."""
        return not content_type.startswith("text/") and not content_type.endswith("json")
