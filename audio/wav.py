"""A whole sound as a WAV file in memory."""

from __future__ import annotations

import io
import wave


def wav_of(pcm: bytes, rate_hz: int) -> bytes:
    """Mono PCM16 as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate_hz)
        writer.writeframes(pcm)
    return file.getvalue()
