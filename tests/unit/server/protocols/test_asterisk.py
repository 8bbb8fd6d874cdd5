"""Asterisk's wire: what its messages mean, and what it is sent. Wrong messages are in tests/corpus."""

from __future__ import annotations

import json
from typing import Any

import pytest

from audio import g711
from server.call import events as e
from server.protocols.asterisk import MAX_MESSAGE_BYTES, AsteriskWire
from server.protocols.wire import Audio, Capabilities, Complaint, Incoming, Message, Opened, Phone, PlayedReport

LONGEST_COMMAND = 128


def start(**fields: Any) -> str:
    """MEDIA_START, as the documents show it."""
    usual = {
        "event": "MEDIA_START",
        "connection_id": "media_connection1",
        "channel": "WebSocket/connectionid",
        "channel_id": "pbx1-123456789.999",
        "format": "ulaw",
        "optimal_frame_size": 160,
        "ptime": 20,
        "channel_variables": {"agent": "sales", "CALLER": "+15551234567", "CALLED": "100"},
    }
    return json.dumps(usual | fields)


def opened(**fields: Any) -> AsteriskWire:
    """A wire whose call is open."""
    wire = AsteriskWire()
    wire.receive(start(**fields))
    return wire


def marked(wire: AsteriskWire, messages: list[Message]) -> list[Incoming]:
    """What it means that Asterisk gets to the mark at the end of these."""
    mark = json.loads(messages[-1])
    assert mark["command"] == "MARK_MEDIA"
    event = {"event": "MEDIA_MARK_PROCESSED", "channel_id": "pbx1-123456789.999"}
    return wire.receive(json.dumps(event | {"correlation_id": mark["correlation_id"]}))


def commands(messages: list[Message]) -> list[str]:
    """The names of commands, each of which Asterisk takes."""
    assert all(isinstance(each, str) and len(each) <= LONGEST_COMMAND for each in messages)
    return [json.loads(each)["command"] for each in messages]


# --- in ---------------------------------------------------------------------------------------------------------------


def test_media_start_opens_the_call_with_its_variables() -> None:
    (meaning,) = AsteriskWire().receive(start())
    can = Capabilities(8000, 8000, reports="marks", pause=True, captions=False, granule_ms=20)
    phone = Phone(
        "asterisk", call_id="pbx1-123456789.999", stream_id="media_connection1", caller="+15551234567", called="100"
    )
    assert meaning == Opened(can, "", {"agent": "sales", "CALLER": "+15551234567", "CALLED": "100"}, phone)


PCM = b"\x00\x10\x00\xf0" * 240
CODECS: dict[str, tuple[int, int, int, bytes]] = {
    "ulaw": (8000, 160, 320, g711.to_mulaw(PCM)),
    "alaw": (8000, 160, 320, g711.to_alaw(PCM)),
    "slin": (8000, 320, 320, PCM),
    "slin16": (16000, 640, 640, PCM),
    "slin24": (24000, 960, 960, PCM),
}


@pytest.mark.parametrize("name", CODECS)
def test_a_codec_has_its_rate_and_its_bytes_both_ways(name: str) -> None:
    rate_hz, frame_bytes, pcm_bytes, encoded = CODECS[name]
    wire = AsteriskWire()
    (meaning,) = wire.receive(start(format=name, optimal_frame_size=frame_bytes))
    assert isinstance(meaning, Opened)
    can = meaning.capabilities
    assert (can.rate_in, can.rate_out, can.granule_ms) == (rate_hz, rate_hz, 20.0)
    (heard,) = wire.receive(encoded)
    assert isinstance(heard, Audio)
    assert len(heard.pcm) == len(PCM)
    audio, _ = wire.audio(heard.pcm[:pcm_bytes])
    assert audio == encoded[:frame_bytes]


def test_a_frame_is_as_long_as_asterisk_says() -> None:
    (meaning,) = AsteriskWire().receive(start(optimal_frame_size=240, ptime=30))
    assert isinstance(meaning, Opened)
    assert meaning.capabilities.granule_ms == 30.0


def test_a_key() -> None:
    event = {"event": "DTMF_END", "channel_id": "pbx1-123456789.999", "digit": "#"}
    assert opened().receive(json.dumps(event)) == [e.Dtmf("#")]


def test_a_mark_that_is_reached_says_what_was_heard() -> None:
    wire = opened()
    first, second = wire.audio(bytes(320)), wire.audio(bytes(640))
    assert marked(wire, first) == [PlayedReport(160)]
    wire.clear()
    assert marked(wire, second) == []
    assert marked(wire, wire.audio(bytes(320))) == [PlayedReport(160)]


def test_an_error_of_asterisk_is_complained_of() -> None:
    event = {"event": "ERROR", "channel_id": "pbx1-123456789.999", "error_text": "FLUSH_MEDIA not supported"}
    (meaning,) = opened().receive(json.dumps(event))
    assert meaning == Complaint("carrier_error", "Asterisk says: 'FLUSH_MEDIA not supported'")


# --- out --------------------------------------------------------------------------------------------------------------


def test_audio_leaves_in_whole_frames() -> None:
    wire = opened(format="slin", optimal_frame_size=320)
    messages = wire.audio(b"\1\0" * 200)
    assert messages[:-1] == [b"\1\0" * 200 + bytes(240)]
    assert marked(wire, messages) == [PlayedReport(200)]


def test_a_frame_of_mulaw_is_filled_up_with_its_silence() -> None:
    audio, _ = opened().audio(b"\1\0" * 200)
    assert audio == b"\xff" * 320


def test_no_message_is_longer_than_asterisk_takes() -> None:
    *audio, _ = opened(format="slin24", optimal_frame_size=960).audio(bytes(200_000))
    assert max(map(len, audio)) <= MAX_MESSAGE_BYTES
    assert all(len(each) % 960 == 0 for each in audio)
    assert sum(map(len, audio)) == 200_640


def test_a_pause_ends_with_resume_and_with_a_clear() -> None:
    wire = opened()
    assert commands(wire.clear()) == ["FLUSH_MEDIA"]
    assert commands(wire.pause()) == ["PAUSE_MEDIA"]
    assert commands(wire.resume()) == ["CONTINUE_MEDIA"]
    assert wire.resume() == []
    wire.pause()
    assert commands(wire.clear()) == ["FLUSH_MEDIA", "CONTINUE_MEDIA"]
    assert commands(wire.clear()) == ["FLUSH_MEDIA"]


def test_commands_are_short_after_hours_too() -> None:
    wire = opened()
    for _ in range(1000):
        wire.clear()
    for _ in range(9):
        wire.audio(bytes(20_000_000))
    assert commands(wire.audio(bytes(320))[-1:]) == ["MARK_MEDIA"]


def test_the_end_is_a_hang_up() -> None:
    wire = opened()
    assert commands(wire.ended("done")) == ["HANGUP"]
    assert [wire.begin(), wire.ready("c1"), wire.custom("{}"), wire.event(e.UserSpeech(True))] == [[]] * 4
