"""Cartesia's wire, held to the types of the package `cartesia`."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from cartesia.types import websocket_response as sdk
from cartesia.types.generation_request import GenerationRequest
from cartesia.types.shared.word_timestamps import WordTimestamps
from cartesia.types.websocket_client_event import CancelContextRequest
from pydantic import BaseModel

from audio.tts.cartesia import PATH, CartesiaCodec
from audio.tts.wire import Over, Refused, Sound, Timed
from tests.unit.sdk import parsed

CODEC = CartesiaCodec("m", "v", 16000, {"language": "en"}, 2)
WIRE = CODEC.open()


def sent(event: BaseModel) -> str:
    """An event as it comes."""
    return event.model_dump_json(by_alias=True)


def test_what_is_asked() -> None:
    (message,) = WIRE.ask("c", "Hello.")
    request = parsed(GenerationRequest, message)
    assert (request.transcript, request.context_id, request.llm_model_id) == ("Hello.", "c", "m")
    assert (request.continue_, request.add_timestamps, request.use_normalized_timestamps) == (False, True, False)
    assert (request.output_format.encoding, request.output_format.sample_rate) == ("pcm_s16le", 16000)
    assert (request.voice.id, request.language) == ("v", "en")


def test_what_cancels() -> None:
    (message,) = WIRE.cancel("c")
    assert parsed(CancelContextRequest, message) == CancelContextRequest(cancel=True, context_id="c")


def test_audio() -> None:
    event = sdk.Chunk(context_id="c", data="AQI=", done=False, status_code=206, step_time=1.5, type="chunk")
    assert WIRE.read(sent(event)) == [Sound("c", b"\x01\x02")]


def test_the_last_audio() -> None:
    event = sdk.Chunk(context_id="c", data="AQI=", done=True, status_code=200, step_time=1.5, type="chunk")
    assert WIRE.read(sent(event)) == [Sound("c", b"\x01\x02"), Over("c")]


def test_words() -> None:
    words = WordTimestamps(words=["Hello", "you"], start=[0.0, 0.5], end=[0.4, 0.75])
    event = sdk.Timestamps(context_id="c", done=False, status_code=206, type="timestamps", word_timestamps=words)
    assert WIRE.read(sent(event)) == [Sound("c", b"", (Timed("Hello ", 0.0, 400.0), Timed("you ", 500.0, 750.0)))]


def test_the_end() -> None:
    assert WIRE.read(sent(sdk.Done(context_id="c", done=True, status_code=200, type="done"))) == [Over("c")]


@pytest.mark.parametrize(
    "event",
    [
        sdk.FlushDone(context_id="c", done=False, flush_done=True, flush_id=1, status_code=206, type="flush_done"),
        sdk.PhonemeTimestamps(context_id="c", done=False, status_code=206, type="phoneme_timestamps"),
        sdk.Timestamps(context_id="c", done=False, status_code=206, type="timestamps"),
    ],
)
def test_what_is_of_no_interest(event: BaseModel) -> None:
    assert WIRE.read(sent(event)) == []


@pytest.mark.parametrize(
    ("fields", "reason", "fatal"),
    [
        ({"title": "Invalid model", "message": "It is not valid.", "error_code": "model_not_found", "status_code": 400},
         "Invalid model: It is not valid.", True),
        ({"title": "No voice", "status_code": 404}, "No voice", True),
        ({"message": "Too many requests", "status_code": 429}, "Too many requests", False),
        ({"status_code": 500}, "error 500", False),
    ],
)  # fmt: skip
def test_refusals(fields: dict[str, Any], reason: str, fatal: bool) -> None:
    event = sdk.Error(done=True, type="error", context_id="c", **fields)
    assert WIRE.read(sent(event)) == [Refused(reason, "c", fatal)]


@pytest.mark.parametrize("message", ["", "}{", "{}", '{"type": "chunk", "data": "*"}', b"\xff"])
def test_what_is_no_message(message: str | bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        WIRE.read(message)


def test_the_address() -> None:
    assert PATH == "/tts/websocket?cartesia_version=2026-03-01"
