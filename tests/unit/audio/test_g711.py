"""G.711 beside its formulas, written out sample by sample, and beside Python's own module."""

from __future__ import annotations

import struct
import sys
import warnings
from collections.abc import Callable

import pytest

from audio import g711

ALL_BYTES = bytes(range(256))
ALL_SAMPLES = range(-32768, 32768)
ALL_PCM = struct.pack("<65536h", *ALL_SAMPLES)

MULAW_BIAS, MULAW_CLIP = 132, 32635


def mulaw_level(byte: int) -> int:
    code = byte ^ 0xFF
    size = ((code & 0x0F) << 3) + MULAW_BIAS
    size <<= (code & 0x70) >> 4
    return MULAW_BIAS - size if code & 0x80 else size - MULAW_BIAS


def mulaw_byte(sample: int) -> int:
    size = min(abs(sample), MULAW_CLIP) + MULAW_BIAS
    segment = size.bit_length() - 8
    code = segment << 4 | (size >> (segment + 3)) & 0x0F
    return (code | (0x80 if sample < 0 else 0)) ^ 0xFF


def alaw_level(byte: int) -> int:
    code = byte ^ 0x55
    segment = (code & 0x70) >> 4
    size = (code & 0x0F) << 4 | 8
    if segment:
        size = (size + 0x100) << (segment - 1)
    return size if code & 0x80 else -size


def alaw_byte(sample: int) -> int:
    size = min(abs(sample), 32767)
    segment = max(0, size.bit_length() - 8)
    code = segment << 4 | (size >> max(4, segment + 3)) & 0x0F
    return (code | (0 if sample < 0 else 0x80)) ^ 0x55


def words(pcm: bytes) -> list[int]:
    return list(struct.unpack(f"<{len(pcm) // 2}h", pcm))


@pytest.mark.parametrize(("decode", "level"), [(g711.from_mulaw, mulaw_level), (g711.from_alaw, alaw_level)])
def test_each_byte_is_its_level(decode: Callable[[bytes], bytes], level: Callable[[int], int]) -> None:
    assert words(decode(ALL_BYTES)) == [level(byte) for byte in ALL_BYTES]


@pytest.mark.parametrize(("encode", "byte"), [(g711.to_mulaw, mulaw_byte), (g711.to_alaw, alaw_byte)])
def test_each_sample_is_its_byte(encode: Callable[[bytes], bytes], byte: Callable[[int], int]) -> None:
    assert encode(ALL_PCM) == bytes(byte(sample) for sample in ALL_SAMPLES)


@pytest.mark.parametrize(
    ("encode", "decode"), [(g711.to_mulaw, g711.from_mulaw), (g711.to_alaw, g711.from_alaw)], ids=["mu-law", "A-law"]
)
def test_levels_survive_the_way_there_and_back(
    encode: Callable[[bytes], bytes], decode: Callable[[bytes], bytes]
) -> None:
    levels = decode(ALL_BYTES)
    assert decode(encode(levels)) == levels
    assert len(set(words(levels))) >= 255, "mu-law has two noughts"


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="Python 3.13 has no audioop")
def test_pythons_own_module_agrees() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import audioop
    assert g711.from_mulaw(ALL_BYTES) == audioop.ulaw2lin(ALL_BYTES, 2)
    assert g711.from_alaw(ALL_BYTES) == audioop.alaw2lin(ALL_BYTES, 2)
    positive = ALL_PCM[65536:]  # it cuts the negative ones to 14 and 13 bits, away from nought
    assert g711.to_mulaw(positive) == audioop.lin2ulaw(positive, 2)
    assert g711.to_alaw(positive) == audioop.lin2alaw(positive, 2)


def test_the_loudest_and_silence() -> None:
    assert g711.to_mulaw(struct.pack("<4h", 0, 32767, -32768, -1)) == b"\xff\x80\x00\x7f"
    assert g711.to_alaw(struct.pack("<4h", 0, 32767, -32768, -1)) == b"\xd5\xaa\x2a\x55"
    assert g711.from_mulaw(b"") == g711.to_mulaw(b"") == g711.from_alaw(b"") == g711.to_alaw(b"") == b""


@pytest.mark.parametrize("encode", [g711.to_mulaw, g711.to_alaw])
def test_half_a_sample_is_refused(encode: Callable[[bytes], bytes]) -> None:
    with pytest.raises(ValueError, match="buffer size"):
        encode(b"\0\0\0")
