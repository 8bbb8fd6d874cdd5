"""What stands between the call and a sound card; and a machine that has none."""

from __future__ import annotations

import sys

import pytest

from link.errors import ConfigError
from server.talk.devices import CUSHION_S, LIMIT_S, Buffer, DeviceMicrophone, DeviceSpeaker

RATE = 8000
CUSHION = int(CUSHION_S * RATE) * 2
LIMIT = int(LIMIT_S * RATE) * 2


def test_silence_until_there_is_a_cushion() -> None:
    buffer = Buffer(RATE)
    buffer.put(b"\1" * (CUSHION - 2))
    assert buffer.take(100) == bytes(100)
    buffer.put(b"\2" * 2)
    assert buffer.take(100) == b"\1" * 100
    assert buffer.dropouts == 0


def test_running_dry_is_counted_and_a_new_cushion_awaited() -> None:
    buffer = Buffer(RATE)
    buffer.put(b"\1" * CUSHION)
    assert buffer.take(CUSHION - 10) == b"\1" * (CUSHION - 10)
    assert buffer.take(20) == b"\1" * 10 + bytes(10)
    assert buffer.dropouts == 1
    buffer.put(b"\2" * 20)
    assert buffer.take(20) == bytes(20)
    assert buffer.dropouts == 1


def test_a_card_with_large_blocks_waits_for_a_whole_one() -> None:
    buffer = Buffer(RATE)
    buffer.put(b"\1" * CUSHION)
    assert buffer.take(CUSHION + 10) == bytes(CUSHION + 10)
    buffer.put(b"\1" * 10)
    assert buffer.take(CUSHION + 10) == b"\1" * (CUSHION + 10)
    assert buffer.dropouts == 0


def test_what_waits_before_the_card_begins_is_cut_down_uncounted() -> None:
    buffer = Buffer(RATE)
    for number in range(20):
        buffer.put(bytes([number]) * (LIMIT // 4))
    taken = buffer.take(2)
    assert taken != bytes(2)
    assert buffer.dropouts == 0


def test_a_card_that_is_too_slow_loses_the_oldest() -> None:
    buffer = Buffer(RATE)
    buffer.put(b"\1" * CUSHION)
    buffer.take(2)
    buffer.put(b"\2" * LIMIT)
    assert buffer.dropouts == 1
    assert buffer.take(CUSHION) == b"\2" * CUSHION
    assert buffer.take(2) == bytes(2)


@pytest.mark.parametrize("device", [DeviceMicrophone, DeviceSpeaker])
def test_a_machine_without_the_package_says_how_to_get_it(
    device: type[DeviceMicrophone] | type[DeviceSpeaker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)  # as if it were not installed
    with pytest.raises(ConfigError, match=r"\.venv/bin/pip install -e '\.\[mic\]'"):
        device(RATE)
