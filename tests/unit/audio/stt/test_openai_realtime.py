"""OpenAI's realtime transcription without a socket: messages built and read by the types of the package `openai`."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from openai.types import realtime as sdk
from openai.types.realtime.conversation_item_input_audio_transcription_completed_event import (
    UsageTranscriptTextUsageDuration,
)
from openai.types.realtime.conversation_item_input_audio_transcription_failed_event import Error as ItemError
from pydantic import TypeAdapter

from audio.events import SpeechLost, Transcript
from audio.stt.hearing import Patience
from audio.stt.openai_events import RealtimeSettings
from audio.stt.openai_realtime import RealtimeHearing
from link.errors import ProviderError

CLIENT: TypeAdapter[Any] = TypeAdapter(sdk.RealtimeClientEvent)
FRAME_BYTES = 24000 * 2 * 80 // 1000
_ITEM = "conversation.item.input_audio_transcription"


def committed(item_id: str) -> Any:
    """Speech became an item."""
    return sdk.InputAudioBufferCommittedEvent(event_id="e", item_id=item_id, type="input_audio_buffer.committed")


def delta(item_id: str, text: str) -> Any:
    """More text."""
    return sdk.ConversationItemInputAudioTranscriptionDeltaEvent.model_validate(
        {"event_id": "e", "item_id": item_id, "type": f"{_ITEM}.delta", "content_index": 0, "delta": text}
    )


def completed(item_id: str, text: str, *languages: str) -> Any:
    """All text."""
    return sdk.ConversationItemInputAudioTranscriptionCompletedEvent.model_validate(
        {
            "event_id": "e",
            "item_id": item_id,
            "type": f"{_ITEM}.completed",
            "content_index": 0,
            "transcript": text,
            "usage": UsageTranscriptTextUsageDuration(type="duration", seconds=1.0),
            "languages": [{"code": code} for code in languages] or None,
        }
    )


def failed(item_id: str) -> Any:
    """No text."""
    return sdk.ConversationItemInputAudioTranscriptionFailedEvent.model_validate(
        {
            "event_id": "e",
            "item_id": item_id,
            "type": f"{_ITEM}.failed",
            "content_index": 0,
            "error": ItemError(code="audio_unintelligible", message="what?"),
        }
    )


def trouble(code: str | None, event_id: str | None = None, kind: str = "invalid_request_error") -> Any:
    """An error."""
    error = sdk.RealtimeError(message="oh", type=kind, code=code, event_id=event_id)
    return sdk.RealtimeErrorEvent(error=error, event_id="e", type="error")


class Ears:
    """A hearing with a clock that a test moves."""

    def __init__(self, settings: RealtimeSettings | None = None) -> None:
        self.now = 100.0
        self.hearing = RealtimeHearing(settings or RealtimeSettings("gpt-live-transcribe"), Patience())
        self.hearing.connected(self.now)

    def say(self, frames: int) -> None:
        """A speech of so many frames of 80 ms."""
        self.hearing.begin(self.now)
        self.hearing.audio(bytes(FRAME_BYTES * frames), self.now)
        self.hearing.finish(self.now)

    def sent(self) -> list[dict[str, Any]]:
        """What goes out now."""
        messages = []
        while (message := self.hearing.message(self.now)) is not None:
            CLIENT.validate_json(message)
            messages.append(json.loads(message))
        return messages

    def hears(self, *events: Any) -> list[Any]:
        """OpenAI says something; what the call hears of it."""
        self.now += 0.01
        for event in events:
            self.hearing.receive(event.model_dump_json(), self.now)
        return self.hearing.facts()

    def finals(self, *events: Any) -> list[str]:
        """The same, but only what is final."""
        return [fact.text for fact in self.hears(*events) if isinstance(fact, Transcript) and fact.final]


def test_the_session_is_one_that_transcribes_and_leaves_the_end_of_speech_to_us() -> None:
    settings = RealtimeSettings("gpt-live-transcribe", "en", "a bicycle shop", ("puncture",), "low", "near_field")
    message, *rest = Ears(settings).sent()
    assert rest == []
    event = sdk.SessionUpdateEvent.model_validate(message)
    assert isinstance(event.session, sdk.RealtimeTranscriptionSessionCreateRequest)
    assert event.session.audio is not None
    sound = event.session.audio.input
    assert sound is not None
    assert sound.turn_detection is None
    assert message["session"]["audio"]["input"]["turn_detection"] is None, "it is said, not left out"
    assert sound.format is not None
    assert sound.format.to_dict() == {"type": "audio/pcm", "rate": 24000}
    assert sound.transcription is not None
    assert sound.transcription.to_dict() == {
        "model": "gpt-live-transcribe",
        "language": "en",
        "prompt": "a bicycle shop",
        "keywords": ["puncture"],
        "delay": "low",
    }
    assert sound.noise_reduction is not None
    assert sound.noise_reduction.type == "near_field"


def test_what_is_not_chosen_is_not_said() -> None:
    sound = Ears().sent()[0]["session"]["audio"]["input"]
    assert sound["transcription"] == {"model": "gpt-live-transcribe"}
    assert "noise_reduction" not in sound


def test_audio_goes_out_in_frames_and_a_commit_after_it() -> None:
    ears = Ears()
    ears.sent()
    ears.say(3)
    *audio, commit = ears.sent()
    assert {len(base64.b64decode(each["audio"])) for each in audio} == {FRAME_BYTES}
    assert len(audio) == 3
    assert commit["type"] == "input_audio_buffer.commit"


def test_text_that_grows_becomes_final() -> None:
    ears = Ears()
    ears.hearing.begin(0)
    ears.hearing.audio(bytes(FRAME_BYTES), 0)
    ears.sent()
    assert ears.hears(delta("i1", "Hello"), delta("i1", " there")) == [
        Transcript("Hello", False),
        Transcript("Hello there", False),
    ]
    ears.hearing.finish(ears.now)
    ears.sent()
    facts = ears.hears(committed("i1"), completed("i1", " Hello there. ", "en"))
    assert facts == [Transcript("Hello there.", True, None, (), "en")]


def test_items_that_are_completed_in_another_order_are_answered_in_ours() -> None:
    ears = Ears()
    ears.say(5)
    ears.say(5)
    ears.sent()
    assert ears.finals(committed("i1"), committed("i2"), completed("i2", "two")) == []
    assert ears.finals(completed("i1", "one")) == ["one", "two"]


def test_an_item_that_is_told_again_is_not_the_next_one() -> None:
    ears = Ears()
    ears.say(5)
    ears.sent()
    assert ears.finals(committed("i1"), completed("i1", "one")) == ["one"]
    ears.say(5)
    ears.sent()
    assert ears.finals(committed("i1"), completed("i1", "one")) == []
    assert ears.finals(committed("i2"), committed("i2"), completed("i2", "two")) == ["two"]


def test_after_a_loss_a_speech_that_is_answered_already_keeps_its_place() -> None:
    ears = Ears()
    ears.say(5)
    ears.say(5)
    ears.sent()
    assert ears.finals(committed("i1"), committed("i2"), completed("i2", "two")) == []
    ears.hearing.disconnected(ears.now)
    ears.hearing.connected(ears.now)
    assert [each["type"].split(".")[-1] for each in ears.sent()].count("commit") == 2
    assert ears.finals(committed("j1"), committed("j2"), completed("j2", "TWO"), completed("j1", "one")) == [
        "one",
        "two",
    ]


def test_speech_goes_out_again_whole() -> None:
    ears = Ears()
    ears.hearing.begin(ears.now)
    ears.hearing.audio(bytes(FRAME_BYTES * 5), ears.now)
    ears.sent()
    ears.hears(delta("i1", "half a"))
    ears.hearing.disconnected(ears.now)
    ears.hearing.audio(bytes(FRAME_BYTES * 5), ears.now)
    ears.hearing.finish(ears.now)
    ears.hearing.connected(ears.now)
    again = ears.sent()
    assert again[0]["type"] == "session.update"
    assert len(again) == 1 + 10 + 1
    assert ears.hears(delta("j1", "half"))[-1] == Transcript("half", False)
    assert ears.finals(committed("j1"), completed("j1", "half a sentence")) == ["half a sentence"]


def test_a_speech_that_failed_has_what_is_there() -> None:
    ears = Ears()
    ears.say(5)
    ears.say(5)
    ears.sent()
    assert ears.finals(committed("i1"), failed("i1")) == [""]
    assert ears.finals(committed("i2"), delta("i2", "so"), failed("i2")) == ["so"]


def test_a_commit_that_is_refused_is_answered_with_nothing() -> None:
    ears = Ears()
    ears.say(1)
    ears.say(5)
    commits = [each["event_id"] for each in ears.sent() if "commit" in each["type"]]
    assert ears.finals(trouble("input_audio_buffer_commit_empty", commits[0])) == [""]
    assert ears.finals(committed("i2"), completed("i2", "two")) == ["two"]


def test_what_is_late_is_answered_with_what_is_there() -> None:
    ears = Ears()
    ears.say(5)
    ears.sent()
    ears.hears(committed("i1"), delta("i1", "so far"))
    ears.now += 2
    assert ears.hearing.tick(ears.now) == ""
    assert ears.hearing.facts() == [Transcript("so far", True)]
    assert ears.hears(completed("i1", "so far so good")) == []
    ears.say(5)
    ears.sent()
    assert ears.finals(committed("i2"), completed("i2", "two")) == ["two"]


@pytest.mark.parametrize(
    "event", [trouble("model_not_found"), trouble("invalid_api_key"), trouble("invalid_value", "settings")]
)
def test_what_cannot_be_cured_is_fatal(event: Any) -> None:
    with pytest.raises(ProviderError, match="OpenAI refuses") as caught:
        Ears().hears(event)
    assert caught.value.fatal


def test_the_end_of_a_session_is_not() -> None:
    with pytest.raises(ProviderError) as caught:
        Ears().hears(trouble("session_expired"))
    assert not caught.value.fatal


def test_other_errors_are_for_the_operator() -> None:
    ears = Ears()
    event = trouble("something", kind="server_error").model_dump_json()
    assert ears.hearing.receive(event, 0).warning == "something: oh"


def test_a_refusal_is_told_once() -> None:
    ears = Ears()
    ears.say(5)
    ears.hearing.refused("no")
    assert ears.hearing.facts() == [Transcript("", True), SpeechLost("no")]
    ears.say(5)
    assert ears.hearing.facts() == [Transcript("", True)]


def test_a_session_that_floods_is_bounded() -> None:
    ears = Ears()
    ears.hearing.begin(0)
    ears.hearing.audio(bytes(FRAME_BYTES), 0)
    for number in range(1000):
        ears.hears(delta(f"i{number}", "x" * 100))
    for _ in range(200):
        ears.hears(delta("i", "y" * 1000))
    assert len(ears.hearing._texts) <= 64
    assert len(ears.hearing._texts["i"]) == 16 * 1024


@pytest.mark.parametrize("message", ["", "}{", "{}", f'{{"type":"{_ITEM}.completed"}}', '{"type":"error"}'])
def test_garbage_costs_the_connection(message: str) -> None:
    with pytest.raises(ProviderError, match="cannot be read"):
        Ears().hearing.receive(message, 0)


def test_the_rest_is_of_no_use() -> None:
    event = sdk.InputAudioBufferClearedEvent(event_id="e", type="input_audio_buffer.cleared")
    assert not Ears().hearing.receive(event.model_dump_json(), 0).useful
