"""What the simulated carriers share: reading JSON and sound strictly, and counting what they send. Pure."""

from __future__ import annotations

import binascii
from collections import Counter
from typing import Any, Literal

import msgspec

from audio import g711
from server.protocols.wire import Message

Encoding = Literal["mulaw", "alaw", "l16"]


def packed(pcm: bytes, encoding: Encoding) -> bytes:
    """PCM16 as it travels."""
    match encoding:
        case "mulaw":
            return g711.to_mulaw(pcm)
        case "alaw":
            return g711.to_alaw(pcm)
        case "l16":
            return pcm


def unpacked(data: bytes, encoding: Encoding) -> bytes:
    """PCM16 of what travelled. Raises ValueError for half a sample."""
    match encoding:
        case "mulaw":
            return g711.from_mulaw(data)
        case "alaw":
            return g711.from_alaw(data)
        case "l16":
            if len(data) % 2:
                raise ValueError("half a sample")
            return data


def base64_of(data: bytes) -> str:
    """A payload."""
    return binascii.b2a_base64(data, newline=False).decode()


def payload(text: str, faults: Counter[str]) -> bytes:
    """The bytes of a payload; nothing for what is no base64."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        faults["a payload is no base64"] += 1
        return b""


def text(content: dict[str, Any]) -> str:
    """A message as it is sent."""
    return msgspec.json.encode(content).decode()


def fields(message: Message, faults: Counter[str]) -> dict[str, Any]:
    """A JSON object of the server; nothing for what is none."""
    if isinstance(message, bytes):
        faults["a binary message, where text is due"] += 1
        return {}
    try:
        return msgspec.json.decode(message, type=dict[str, Any])
    except msgspec.DecodeError:
        faults["a text is no JSON object"] += 1
        return {}


class Numbers:
    """What a carrier counts: its messages, the chunks of sound, and their milliseconds."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._messages = 0
        self._chunks = 0
        self._samples = 0

    def message(self) -> int:
        """The number of the next message, from 1."""
        self._messages += 1
        return self._messages

    def chunk(self, pcm: bytes) -> tuple[int, int]:
        """The number of the next chunk, from 1, and when it begins in ms."""
        begins_ms = self._samples * 1000 // self._rate_hz
        self._chunks += 1
        self._samples += len(pcm) // 2
        return self._chunks, begins_ms
