"""What a carrier calls the sound of a call, and the way from it to PCM16 and back. Pure.

L16 is little-endian on all wires that name it. RFC 3551's is big-endian, but that is for RTP, and what is carried here
is the carriers' own PCM:

    Exotel      its documents say so
    Plivo       Cloudflare's adapter for it (`@cloudflare/voice-plivo`) takes it as little-endian PCM
    SignalWire  its own example (`cXML-realtime-agent-stream`) passes OpenAI's little-endian PCM on as it is
    Telnyx      its documents do not say; who tried it found little-endian, after they had begun with RFC 3551's order
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from audio import g711
from link.errors import ClientError

Encoding = Literal["mulaw", "alaw", "l16"]

NAMES: dict[str, Encoding] = {
    **dict.fromkeys(("mulaw", "ulaw", "pcmu"), "mulaw"),
    **dict.fromkeys(("alaw", "pcma"), "alaw"),
    **dict.fromkeys(("l16", "linear16", "pcm", "slin", "slin16", "raw", "raw/slin", "base64"), "l16"),
}
"""Without `audio/` and `x-`. Exotel's documents have several for the same: the last four, and `audio/x-raw`."""
G711_RATE_HZ = 8000
L16_RATES_HZ = (8000, 16_000, 24_000)


class MediaFormat(Struct, frozen=True):
    """A form of sound: `decode` makes mono PCM16 of it, `encode` the contrary."""

    encoding: Encoding
    rate_hz: int
    sample_bytes: int
    decode: Callable[[bytes], bytes]
    """Raises ClientError for half a sample."""
    encode: Callable[[bytes], bytes]


def media_format(name: str, rate_hz: int, channels: int = 1) -> MediaFormat:
    """What a carrier's `start` names. Raises ClientError for what cannot be spoken here."""
    bare = re.split("[;@]", name.lower())[0].strip()  # `audio/x-l16;rate=8000`, `L16@24000h`
    encoding = NAMES.get(bare.removeprefix("audio/").removeprefix("x-"))
    if channels == 1:
        match encoding:
            case "mulaw" if rate_hz == G711_RATE_HZ:
                return MediaFormat(encoding, rate_hz, 1, g711.from_mulaw, g711.to_mulaw)
            case "alaw" if rate_hz == G711_RATE_HZ:
                return MediaFormat(encoding, rate_hz, 1, g711.from_alaw, g711.to_alaw)
            case "l16" if rate_hz in L16_RATES_HZ:
                return MediaFormat(encoding, rate_hz, 2, _whole_samples, _as_it_is)
    raise ClientError(
        1003,
        f"this server cannot speak {name[:40]!r} at {rate_hz} Hz with {channels} channel(s); "
        "have the carrier send one channel of mu-law or A-law at 8000 Hz, or of L16 at 8000, 16000 or 24000 Hz",
    )


def _whole_samples(data: bytes) -> bytes:
    if len(data) % 2:
        raise ClientError(1003, f"L16 has two bytes a sample; a message had {len(data)} bytes")
    return data


def _as_it_is(pcm: bytes) -> bytes:
    return pcm
