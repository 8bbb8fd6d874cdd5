"""Deepgram's Nova without a socket: messages built and read by the types of the package `deepgram-sdk`."""

from __future__ import annotations

import json
from inspect import signature
from typing import Any
from urllib.parse import parse_qs

import pytest

from audio.events import SpeechLost, SpokenWord, Transcript
from audio.stt.deepgram import DeepgramHearing, DeepgramSettings, path_of
from audio.stt.deepgram_events import CLOSE_STREAM, FINALIZE, KEEP_ALIVE
from audio.stt.hearing import Patience
from link.errors import ProviderError

sdk = pytest.importorskip("deepgram.listen.v1.types")
FRAME = bytes(2560)


def results(text: str, start: float, duration: float, **fields: Any) -> str:
    """A `Results` of the SDK's type, its words spread evenly."""
    words = text.split()
    each = duration / max(len(words), 1)
    listed = [
        {
            "word": word.strip(".,").lower(),
            "punctuated_word": word,
            "start": round(start + number * each, 3),
            "end": round(start + (number + 1) * each, 3),
            "confidence": 0.5,
        }
        for number, word in enumerate(words)
    ]
    alternative = {"transcript": text, "confidence": 0.9 if words else 0.0, "words": listed}
    if "languages" in fields:
        alternative["languages"] = fields.pop("languages")
    message = sdk.ListenV1Results(
        type="Results",
        channel_index=[0, 1],
        start=start,
        duration=duration,
        channel=sdk.ListenV1ResultsChannel(alternatives=[alternative]),
        metadata={"request_id": "r", "model_info": {"name": "n", "version": "v", "arch": "a"}, "model_uuid": "u"},
        **fields,
    )
    return str(message.model_dump_json())


class Ears:
    """A hearing with a clock that a test moves."""

    def __init__(self, **settings: Any) -> None:
        self.now = 100.0
        self.hearing = DeepgramHearing(DeepgramSettings("nova-3", **settings), Patience())
        self.hearing.connected(self.now)

    def say(self, frames: int) -> None:
        """A speech of so many frames of 80 ms."""
        self.hearing.begin(self.now)
        for _ in range(frames):
            self.hearing.audio(FRAME, self.now)
        self.hearing.finish(self.now)

    def sent(self) -> list[str | bytes]:
        """What goes out now."""
        messages = []
        while (message := self.hearing.message(self.now)) is not None:
            messages.append(message)
        return messages

    def receive(self, message: str) -> Any:
        """A message comes in."""
        return self.hearing.receive(message, self.now)

    def wait(self, seconds: float) -> str:
        """Time passes."""
        self.now += seconds
        return self.hearing.tick(self.now)


def test_the_address_says_that_our_detector_decides() -> None:
    settings = DeepgramSettings("nova-3", language="en-GB", keyterms=("puncture", "inner tube & pump"))
    assert parse_qs(path_of(settings).removeprefix("/v1/listen?")) == {
        "model": ["nova-3"],
        "language": ["en-GB"],
        "encoding": ["linear16"],
        "sample_rate": ["16000"],
        "channels": ["1"],
        "interim_results": ["true"],
        "endpointing": ["false"],
        "vad_events": ["false"],
        "smart_format": ["true"],
        "punctuate": ["true"],
        "keyterm": ["puncture", "inner tube & pump"],
    }


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # its client is written for older websockets
def test_every_parameter_is_one_that_the_sdk_sends() -> None:
    client = pytest.importorskip("deepgram.listen.v1.client").V1Client
    known = set(signature(client.connect).parameters)
    assert set(parse_qs(path_of(DeepgramSettings("m", "en", keyterms=("a",))).partition("?")[2])) <= known


@pytest.mark.parametrize(
    ("message", "kind"),
    [(FINALIZE, "ListenV1Finalize"), (KEEP_ALIVE, "ListenV1KeepAlive"), (CLOSE_STREAM, "ListenV1CloseStream")],
)
def test_what_is_sent_is_of_the_sdks_types(message: str, kind: str) -> None:
    model = getattr(sdk, kind)
    assert model.model_validate_json(message).model_dump(exclude_none=True) == json.loads(message)


def test_audio_goes_out_in_frames_and_a_finalize_after_it() -> None:
    ears = Ears()
    ears.hearing.begin(0)
    ears.hearing.audio(bytes(5000), 0)
    assert [len(each) for each in ears.sent()] == [2560]
    ears.hearing.finish(0)
    assert ears.sent() == [bytes(2440), FINALIZE]


def test_a_final_is_made_of_its_segments() -> None:
    ears = Ears(language="en")
    ears.say(50)
    ears.sent()
    assert ears.receive(results("Hello", 0.0, 1.0, is_final=False)).useful
    ears.receive(results("Hello there.", 0.0, 2.0, is_final=True))
    ears.receive(results("How are", 2.0, 1.0, is_final=False))
    ears.receive(results("How are you?", 2.0, 2.0, is_final=True, speech_final=True, from_finalize=True))
    *partials, final = ears.hearing.facts()
    texts = ["Hello", "Hello there.", "Hello there. How are", "Hello there. How are you?"]
    assert partials == [Transcript(text, False) for text in texts]
    assert isinstance(final, Transcript)
    assert (final.text, final.final, final.language) == ("Hello there. How are you?", True, "en")
    assert final.confidence == pytest.approx(0.9)
    assert final.words[0] == SpokenWord("Hello", 0.0, 1000.0, 0.5)
    assert final.words[-1] == SpokenWord("you?", 3333.0, 4000.0, 0.5)


def test_times_count_from_the_beginning_of_each_speech() -> None:
    ears = Ears()
    ears.say(25)
    ears.sent()
    ears.receive(results("One.", 0.0, 2.0, is_final=True, from_finalize=True))
    ears.say(25)
    ears.sent()
    ears.receive(results("Two.", 2.5, 1.5, is_final=True, from_finalize=True, languages=["de", "en"]))
    final = ears.hearing.facts()[-1]
    assert isinstance(final, Transcript)
    assert final.words == (SpokenWord("Two.", 500.0, 2000.0, 0.5),)
    assert final.language == "de"


def test_a_segment_over_two_speeches_is_parted_by_its_words() -> None:
    ears = Ears()
    ears.say(25)
    ears.say(25)
    ears.sent()
    ears.receive(results("one two three four", 0.0, 4.0, is_final=True, from_finalize=True))
    assert [fact.text for fact in ears.hearing.facts() if isinstance(fact, Transcript) and fact.final] == [
        "one two",
        "three four",
    ]


def test_a_late_from_finalize_is_of_the_speech_before() -> None:
    ears = Ears()
    ears.say(25)
    ears.sent()
    ears.now += 0.1
    ears.receive(results("la", 0.0, 1.0, is_final=False))
    ears.wait(1.9)
    ears.say(25)
    ears.sent()
    ears.hearing.facts()
    ears.receive(results("late", 0.0, 1.9, is_final=True, from_finalize=True))
    assert ears.hearing.facts() == []
    ears.receive(results("in time", 1.9, 2.1, is_final=True, from_finalize=True))
    final = ears.hearing.facts()[-1]
    assert isinstance(final, Transcript)
    assert final.text == "in time"


def test_a_from_finalize_may_fall_short_of_the_end() -> None:
    ears = Ears()
    ears.say(25)
    ears.sent()
    ears.receive(results("all of it", 0.0, 1.9, is_final=True, from_finalize=True))
    final = ears.hearing.facts()[-1]
    assert isinstance(final, Transcript)
    assert (final.text, final.final) == ("all of it", True)


def test_speech_that_is_final_already_needs_no_finalize() -> None:
    ears = Ears()
    ears.hearing.begin(0)
    ears.hearing.audio(FRAME * 10, 0)
    ears.sent()
    ears.receive(results("Yes.", 0.0, 0.8, is_final=True))
    ears.hearing.finish(0)
    assert ears.hearing.facts()[-1] == Transcript("Yes.", True, 0.9, (SpokenWord("Yes.", 0.0, 800.0, 0.5),))
    assert ears.sent() == []


def test_what_is_not_final_goes_out_again() -> None:
    ears = Ears()
    ears.hearing.begin(0)
    ears.hearing.audio(b"\x01\x00" * 16000, 0)
    ears.sent()
    ears.receive(results("one", 0.0, 0.5, is_final=True))
    ears.hearing.disconnected(0)
    ears.hearing.audio(b"\x02\x00" * 16000, 0)
    ears.hearing.finish(0)
    ears.hearing.connected(1)
    again = ears.sent()
    assert b"".join(each for each in again if isinstance(each, bytes)) == b"\x01\x00" * 8000 + b"\x02\x00" * 16000
    assert again[-1] == FINALIZE
    ears.receive(results("two", 0.0, 1.5, is_final=True, from_finalize=True))
    final = ears.hearing.facts()[-1]
    assert isinstance(final, Transcript)
    assert final.text == "one two"
    assert [word.end_ms for word in final.words] == [500.0, 2000.0], "times go on"


def test_whoever_says_nothing_after_the_end_of_speech_is_not_trusted() -> None:
    ears = Ears()
    ears.say(10)
    ears.sent()
    assert ears.hearing.deadline() == ears.now + 2.0
    assert "said nothing" in ears.wait(2.0)
    assert ears.hearing.facts() == [], "others hear it again"
    ears.hearing.disconnected(ears.now)
    ears.hearing.connected(ears.now)
    assert ears.sent()[-1] == FINALIZE
    assert "said nothing" in (why := ears.wait(2.0))
    assert ears.hearing.facts() == [Transcript("", True), SpeechLost(why)]


def test_what_is_final_already_and_told_again_counts_once() -> None:
    ears = Ears()
    ears.say(25)
    ears.sent()
    for _ in range(2):
        ears.receive(results("half of it", 0.0, 1.0, is_final=True))
    ears.receive(results("all", 1.0, 1.0, is_final=True, from_finalize=True))
    final = ears.hearing.facts()[-1]
    assert isinstance(final, Transcript)
    assert final.text == "half of it all"


def test_whoever_says_something_is() -> None:
    ears = Ears()
    ears.say(10)
    ears.sent()
    ears.now += 0.1
    ears.receive(results("half", 0.0, 0.4, is_final=False))
    assert ears.wait(1.9) == ""
    assert ears.hearing.facts()[-1] == Transcript("half", True)


def test_a_refusal_answers_what_is_owed_first() -> None:
    ears = Ears()
    ears.say(10)
    ears.hearing.refused("no")
    assert ears.hearing.facts() == [Transcript("", True), SpeechLost("no")]
    ears.say(10)
    assert ears.hearing.facts() == [Transcript("", True)]


def test_an_error_is_for_the_operator() -> None:
    error = sdk.ListenV1Error(type="Error", variant="SchemaError", description="cannot parse")
    received = Ears().receive(error.model_dump_json())
    assert received.warning == "SchemaError: cannot parse"
    assert not received.useful


@pytest.mark.parametrize(
    "message",
    [
        sdk.ListenV1UtteranceEnd(type="UtteranceEnd", channel=[0], last_word_end=1.0),
        sdk.ListenV1SpeechStarted(type="SpeechStarted", channel=[0], timestamp=1.0),
        sdk.ListenV1Metadata(
            type="Metadata", transaction_key="t", request_id="r", sha256="s", created="c", duration=1.0, channels=1
        ),
        sdk.ListenV1ConfigureSuccess(type="ConfigureSuccess", request_id="r"),
    ],
)
def test_the_rest_is_of_no_use(message: Any) -> None:
    ears = Ears()
    received = ears.receive(message.model_dump_json())
    assert not received.useful
    assert not received.warning
    assert ears.hearing.facts() == []


@pytest.mark.parametrize(
    "message",
    ["", "}{", "[]", "{}", '{"type":1}', '{"type":"Results"}', '{"type":"Results","start":"x","duration":1}', b"\xff"],
)
def test_garbage_costs_the_connection(message: str) -> None:
    with pytest.raises(ProviderError):
        Ears().receive(message)
