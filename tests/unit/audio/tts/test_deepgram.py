"""Deepgram's two wires, held to the types of the package `deepgram-sdk`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from deepgram.speak.v1.types.speak_v1clear import SpeakV1Clear
from deepgram.speak.v1.types.speak_v1cleared import SpeakV1Cleared
from deepgram.speak.v1.types.speak_v1flush import SpeakV1Flush
from deepgram.speak.v1.types.speak_v1flushed import SpeakV1Flushed
from deepgram.speak.v1.types.speak_v1metadata import SpeakV1Metadata
from deepgram.speak.v1.types.speak_v1text import SpeakV1Text
from deepgram.speak.v1.types.speak_v1warning import SpeakV1Warning
from deepgram.speak.v2.types.speak_v2connected import SpeakV2Connected
from deepgram.speak.v2.types.speak_v2error import SpeakV2Error
from deepgram.speak.v2.types.speak_v2flush import SpeakV2Flush
from deepgram.speak.v2.types.speak_v2flushed import SpeakV2Flushed
from deepgram.speak.v2.types.speak_v2interrupt import SpeakV2Interrupt
from deepgram.speak.v2.types.speak_v2speak import SpeakV2Speak
from deepgram.speak.v2.types.speak_v2speech_interrupted import SpeakV2SpeechInterrupted
from deepgram.speak.v2.types.speak_v2speech_interrupted_metadata import SpeakV2SpeechInterruptedMetadata
from deepgram.speak.v2.types.speak_v2speech_interrupted_metadata_controls_applied import (
    SpeakV2SpeechInterruptedMetadataControlsApplied,
)
from deepgram.speak.v2.types.speak_v2speech_metadata import SpeakV2SpeechMetadata
from deepgram.speak.v2.types.speak_v2speech_metadata_controls_applied import SpeakV2SpeechMetadataControlsApplied
from deepgram.speak.v2.types.speak_v2speech_started import SpeakV2SpeechStarted
from deepgram.speak.v2.types.speak_v2warning import SpeakV2Warning
from pydantic import BaseModel

from audio.tts.deepgram import AURA, FLUX, MAX_CHARS, DeepgramCodec, DeepgramWire, path_of
from audio.tts.wire import Over, Refused, Sound
from tests.unit.sdk import parsed, sent

_NUMBERS: dict[str, Any] = {"audio_duration_ms": 1, "input_character_count": 1, "billable_character_count": 1}
_CONTROLS = {"pronunciations_applied": 0, "breaks_applied": 0, "pronunciation_warnings": 0}
FLUSHED = SpeakV1Flushed(type="Flushed", sequence_id=1)
CLEARED = SpeakV1Cleared(type="Cleared", sequence_id=1)
SPOKEN = SpeakV2SpeechMetadata(
    speech_id="s", **_NUMBERS, controls_applied=SpeakV2SpeechMetadataControlsApplied(**_CONTROLS)
)
INTERRUPTED = SpeakV2SpeechInterrupted(
    audio_played_ms=1,
    metadata=SpeakV2SpeechInterruptedMetadata(
        speech_id="s", **_NUMBERS, controls_applied=SpeakV2SpeechInterruptedMetadataControlsApplied(**_CONTROLS)
    ),
)


def aura() -> DeepgramWire:
    return DeepgramCodec(AURA, 16000).open()


def flux() -> DeepgramWire:
    return DeepgramCodec(FLUX, 16000).open()


def test_what_aura_is_asked() -> None:
    text, flush = aura().ask("c", "Hello.")
    assert parsed(SpeakV1Text, text) == SpeakV1Text(text="Hello.")
    assert parsed(SpeakV1Flush, flush) == SpeakV1Flush(type="Flush")


def test_what_flux_is_asked() -> None:
    text, flush = flux().ask("c", "Hello.")
    assert parsed(SpeakV2Speak, text) == SpeakV2Speak(text="Hello.")
    assert parsed(SpeakV2Flush, flush) == SpeakV2Flush()


@pytest.mark.parametrize("text", ["word " * 1001, "x" * (2 * MAX_CHARS + 1)])
def test_a_long_text_goes_in_pieces(text: str) -> None:
    parts = [parsed(SpeakV1Text, message).text for message in aura().ask("c", text)[:-1]]
    assert "".join(parts) == text
    assert max(map(len, parts)) <= MAX_CHARS


def test_aura_speaks() -> None:
    wire = aura()
    wire.ask("c", "Hello.")
    ids: dict[str, Any] = {"request_id": "r", "model_uuid": "u"}
    assert wire.read(sent(SpeakV1Metadata(model_name="m", model_version="1", **ids))) == []
    assert wire.read(b"\1\2") == [Sound("c", b"\1\2")]
    assert wire.read(sent(SpeakV1Warning(description="odd", code="W-1"))) == []
    assert wire.read(sent(FLUSHED)) == [Over("c")]
    assert wire.read(b"\1\2") == []
    assert wire.cancel("c") == []


def test_aura_is_cleared() -> None:
    wire = aura()
    wire.ask("c", "Hello.")
    (clear,) = wire.cancel("c")
    assert parsed(SpeakV1Clear, clear) == SpeakV1Clear(type="Clear")
    assert wire.cancel("c") == []
    assert wire.read(b"\1\2") == []
    assert wire.read(sent(FLUSHED)) == []  # it was on its way
    assert wire.read(b"\1\2") == []
    assert wire.read(sent(CLEARED)) == [Over("c")]
    wire.ask("d", "Good day.")
    assert wire.read(b"\1\2") == [Sound("d", b"\1\2")]


def test_flux_speaks() -> None:
    wire = flux()
    wire.ask("c", "Hello.")
    hello = SpeakV2Connected(request_id="r", model_name="m", model_version="1", model_uuids=["u"])
    for event in (hello, SpeakV2SpeechStarted(speech_id="s"), SpeakV2Flushed(speech_id="s")):
        assert wire.read(sent(event)) == []
    assert wire.read(b"\1\2") == [Sound("c", b"\1\2")]
    assert wire.read(sent(SPOKEN)) == [Over("c")]


@pytest.mark.parametrize(("wire", "end"), [(aura, FLUSHED), (flux, SPOKEN)])
def test_an_end_that_is_told_again_is_not_that_of_the_next(wire: Callable[[], DeepgramWire], end: BaseModel) -> None:
    """Nothing says whose it is, so the connection is not to be trusted any more."""
    it = wire()
    it.ask("c", "Hello.")
    it.read(b"\1\2")
    assert it.read(sent(end)) == [Over("c")]
    it.ask("d", "Good day.")
    assert it.read(sent(end)) == [Refused("it ended what it had not begun")]


def test_an_interruption_that_is_told_late_ends_nothing() -> None:
    wire = flux()
    wire.ask("c", "Hello.")
    wire.read(b"\1\2")
    assert wire.read(sent(INTERRUPTED)) == []


@pytest.mark.parametrize("end", [INTERRUPTED, SPOKEN])
def test_flux_is_interrupted(end: BaseModel) -> None:
    wire = flux()
    wire.ask("c", "Hello.")
    (interrupt,) = wire.cancel("c")
    assert parsed(SpeakV2Interrupt, interrupt) == SpeakV2Interrupt()
    assert wire.read(sent(SpeakV2Warning(code="NO_AUDIO_GENERATED", description="nothing to interrupt"))) == []
    assert wire.read(b"\1\2") == []
    assert wire.read(sent(end)) == [Over("c")]


def test_refusals() -> None:
    assert flux().read(sent(SpeakV2Error(code="NET-0001", description="Too slow."))) == [Refused("NET-0001: Too slow.")]
    flushes = SpeakV1Warning(description="Too many Flush messages", code="EXCESSIVE_FLUSH")
    assert aura().read(sent(flushes)) == [Refused("EXCESSIVE_FLUSH: Too many Flush messages")]
    assert aura().read('{"err_code": "X", "err_msg": "no"}') == [Refused("X: no")]
    assert aura().read('{"type": "Error"}') == [Refused("an error without words")]


@pytest.mark.parametrize("message", ["", "}{", "[]", '{"type": 7}'])
def test_what_is_no_message(message: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        aura().read(message)


def test_where_a_voice_is_asked() -> None:
    assert path_of(FLUX, "m", 24000) == "/v2/speak?model=m&encoding=linear16&sample_rate=24000"
    assert path_of(AURA, "m", 8000) == "/v1/speak?model=m&encoding=linear16&sample_rate=8000"
