"""ElevenLabs' wire, held to the types of the package `elevenlabs`."""

from __future__ import annotations

import base64
import json

import msgspec
import pytest
from elevenlabs.types.alignment import Alignment
from elevenlabs.types.audio_output_multi import AudioOutputMulti
from elevenlabs.types.close_context import CloseContext
from elevenlabs.types.final_output_multi import FinalOutputMulti
from elevenlabs.types.initialize_connection_multi import InitializeConnectionMulti
from elevenlabs.types.send_text_multi import SendTextMulti
from elevenlabs.types.websocket_tts_server_message_multi import WebsocketTtsServerMessageMulti
from pydantic import BaseModel

from audio.tts.elevenlabs import ElevenLabsCodec, path_of
from audio.tts.wire import Over, Refused, Sound, Timed
from tests.unit.sdk import parsed

CODEC = ElevenLabsCodec(16000, {"stability": 0.5, "use_speaker_boost": True, "speed": 1.1}, 2)
WIRE = CODEC.open()


def sent(event: BaseModel) -> str:
    """An event as it comes."""
    return event.model_dump_json(by_alias=True)


def test_what_is_asked() -> None:
    opening, text, closing = WIRE.ask("c", "Hello.")
    opened = parsed(InitializeConnectionMulti, opening)
    assert (opened.text, opened.context_id, opened.voice_settings.speed) == (" ", "c", 1.1)
    said = parsed(SendTextMulti, text)
    assert (said.text, said.context_id, said.flush) == ("Hello. ", "c", True)
    assert parsed(CloseContext, closing) == CloseContext(context_id="c", close_context=True)
    assert WIRE.cancel("c") == [closing]


def test_without_settings_none_are_sent() -> None:
    opening = ElevenLabsCodec(16000, {}, 2).open().ask("c", "Hello.")[0]
    assert json.loads(opening) == {"text": " ", "context_id": "c"}


def test_audio_with_its_characters() -> None:
    alignment = Alignment(char_start_times_ms=[0, 30], char_durations_ms=[30, 40], chars=["H", "i"])
    event = AudioOutputMulti(audio=base64.b64encode(b"\x01\x02").decode(), alignment=alignment, context_id="c")
    assert WIRE.read(sent(event)) == [Sound("c", b"\x01\x02", (Timed("H", 0.0, 30.0), Timed("i", 30.0, 70.0)))]


def test_audio_without_characters() -> None:
    event = AudioOutputMulti(audio=base64.b64encode(b"\x01\x02").decode(), context_id="c")
    assert WIRE.read(sent(event)) == [Sound("c", b"\x01\x02")]


def test_the_end_of_a_context() -> None:
    assert WIRE.read(sent(FinalOutputMulti(context_id="c"))) == [Over("c")]
    assert WIRE.read(sent(WebsocketTtsServerMessageMulti(is_final=True, context_id="c"))) == [Over("c")]


def test_the_end_with_the_last_audio() -> None:
    event = WebsocketTtsServerMessageMulti(audio="AAA=", is_final=True, context_id="c")
    assert WIRE.read(sent(event)) == [Sound("c", b"\0\0"), Over("c")]


def test_what_is_of_no_interest() -> None:
    assert WIRE.read(sent(WebsocketTtsServerMessageMulti(context_id="c"))) == []
    assert WIRE.read('{"something": "new"}') == []


@pytest.mark.parametrize("message", ["", "}{", "[]", '"x"', '{"audio": "*"}', '{"alignment": {"chars": 1}}', b"\xff"])
def test_what_is_no_message(message: str | bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        WIRE.read(message)


@pytest.mark.parametrize(
    ("error", "fatal"),
    [("voice_id_does_not_exist", True), ("invalid_api_key", True), ("max_active_conversations", False)],
)
def test_refusals(error: str, fatal: bool) -> None:
    refusal = json.dumps({"message": "No.", "error": error, "code": 1008})
    assert WIRE.read(refusal) == [Refused(f"{error}: No.", "", fatal)]


@pytest.mark.parametrize(
    ("reason", "final"),
    [
        ("Have not received a new text input within the timeout of 20 seconds.", False),
        ("We are sorry, something went wrong.", False),
        ("Maximum simultaneous contexts per WebSocket connection exceeded (5).", False),
        ("Invalid API key", True),
        ("This request exceeds your quota limit.", True),
        ("A voice with the voice_id x does not exist.", True),
    ],
)
def test_not_every_close_for_policy_is_for_good(reason: str, final: bool) -> None:
    assert CODEC.is_final(reason) is final


def test_the_address() -> None:
    assert path_of("v/1", "m", 24000) == (
        "/v1/text-to-speech/v%2F1/multi-stream-input?model_id=m&output_format=pcm_24000&inactivity_timeout=180"
    )
