"""Deepgram's Flux without a socket: messages built and read by the types of the package `deepgram-sdk`."""

from __future__ import annotations

from inspect import signature
from typing import Any
from urllib.parse import parse_qs

import pytest

from audio.events import SpeechLost, SpokenWord, Transcript, TurnHint
from audio.stt.deepgram_events import CLOSE_STREAM
from audio.stt.deepgram_flux import FluxHearing, FluxSettings, path_of
from audio.stt.hearing import Patience
from link.errors import ConfigError, ProviderError

sdk = pytest.importorskip("deepgram.listen.v2.types")
FRAME = bytes(2560)
EMPTY = Transcript("", True)


def turn_info(event: str, text: str, until: float, **fields: Any) -> str:
    """A `TurnInfo` of the SDK's type."""
    words = [{"word": word, "confidence": 0.8, "start": 0.5, "end": 1.0} for word in text.split()]
    message = sdk.ListenV2TurnInfo(
        type="TurnInfo",
        request_id="r",
        sequence_id=1,
        event=event,
        turn_index=0,
        audio_window_start=0.0,
        audio_window_end=until,
        transcript=text,
        words=words,
        end_of_turn_confidence=0.5,
        **fields,
    )
    return str(message.model_dump_json())


class Ears:
    """A hearing with a clock that a test moves; audio comes in as time passes."""

    def __init__(self, **settings: Any) -> None:
        self.now = 100.0
        self.hearing = FluxHearing(FluxSettings("flux-general-en", **settings), Patience())
        self.hearing.connected(self.now)

    def hear(self, seconds: float) -> None:
        """The room, in frames of 80 ms."""
        for _ in range(round(seconds / 0.08)):
            self.now += 0.08
            self.hearing.audio(FRAME, self.now)
            self.sent()

    def sent(self) -> list[bytes]:
        """What goes out now."""
        messages = []
        while (message := self.hearing.message(self.now)) is not None:
            assert isinstance(message, bytes)
            messages.append(message)
        return messages

    def says(self, event: str, text: str, until: float, **fields: Any) -> list[Any]:
        """Flux says something; what the call hears of it."""
        assert self.hearing.receive(turn_info(event, text, until, **fields), self.now).useful
        return self.hearing.facts()

    def wait(self, seconds: float) -> str:
        """Time passes."""
        self.now += seconds
        return self.hearing.tick(self.now)


def test_the_address_has_only_what_was_chosen() -> None:
    settings = FluxSettings("flux-general-en", keyterms=("puncture",), eager_eot_threshold=0.4)
    assert parse_qs(path_of(settings).removeprefix("/v2/listen?")) == {
        "model": ["flux-general-en"],
        "encoding": ["linear16"],
        "sample_rate": ["16000"],
        "eager_eot_threshold": ["0.4"],
        "eot_timeout_ms": ["5000"],
        "keyterm": ["puncture"],
    }


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # its client is written for older websockets
def test_every_parameter_is_one_that_the_sdk_sends() -> None:
    client = pytest.importorskip("deepgram.listen.v2.client").V2Client
    settings = FluxSettings("m", ("en",), keyterms=("a",), eot_threshold=0.8, eager_eot_threshold=0.4)
    assert set(parse_qs(path_of(settings).partition("?")[2])) <= set(signature(client.connect).parameters)


@pytest.mark.parametrize(
    "wrong", [{"eot_threshold": 0.4}, {"eager_eot_threshold": 0.95}, {"eot_timeout_ms": 100}, {"eot_timeout_ms": 60001}]
)
def test_numbers_that_deepgram_refuses_are_refused_here(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        FluxSettings("m", **wrong)


def test_the_farewell_is_of_the_sdks_type() -> None:
    assert sdk.ListenV2CloseStream.model_validate_json(CLOSE_STREAM).type == "CloseStream"


def test_a_turn_becomes_hints_and_its_final_comes_before_its_end() -> None:
    ears = Ears()
    ears.hearing.begin(ears.now)
    ears.hear(2)
    assert ears.says("StartOfTurn", "I", 0.8) == [TurnHint("started"), Transcript("I", False)]
    assert ears.says("Update", "I need", 1.0) == [Transcript("I need", False)]
    assert ears.says("Update", "I need", 1.2) == []
    assert ears.says("EagerEndOfTurn", "I need it", 1.4) == [Transcript("I need it", False), TurnHint("eager")]
    assert ears.says("TurnResumed", "I need it", 1.6) == [TurnHint("resumed")]
    assert ears.says("EagerEndOfTurn", "I need it now", 1.8) == [Transcript("I need it now", False), TurnHint("eager")]
    ears.hearing.finish(ears.now)
    final, hint = ears.says("EndOfTurn", "I need it now", 2.0, trigger="model", languages=["en"])
    assert (final.text, final.final, final.language) == ("I need it now", True, "en")
    assert final.confidence == pytest.approx(0.8)
    assert final.words[0] == SpokenWord("I", 500.0, 1000.0, 0.8)
    assert hint == TurnHint("ended")


def test_a_turn_that_is_told_again_is_not_heard_again() -> None:
    ears = Ears()
    ears.hearing.begin(ears.now)
    ears.hear(2)
    ears.says("StartOfTurn", "I", 0.8)
    assert len(ears.says("EndOfTurn", "I need it", 2.0, trigger="model")) == 2
    assert ears.says("EndOfTurn", "I need it", 2.0, trigger="model") == []


def test_further_finishes_of_a_turn_get_an_empty_final() -> None:
    ears = Ears()
    for _ in range(3):
        ears.hearing.begin(ears.now)
        ears.hear(0.8)
        ears.hearing.finish(ears.now)
        assert [fact for fact in ears.says("Update", "so", 0.5) if isinstance(fact, Transcript) and fact.final] == []
    facts = ears.says("EndOfTurn", "so what", 2.4)
    assert [fact.text for fact in facts[:-1]] == ["so what", "", ""]
    assert facts[-1] == TurnHint("ended")


def test_a_finish_after_the_end_of_its_turn_is_answered_at_once() -> None:
    ears = Ears()
    ears.hearing.begin(ears.now)
    ears.hear(2)
    ears.says("StartOfTurn", "yes", 1.0)
    assert [type(fact) for fact in ears.says("EndOfTurn", "yes", 1.5)] == [Transcript, TurnHint]
    ears.hearing.finish(ears.now)
    assert ears.hearing.facts() == [EMPTY]


def test_a_finish_without_a_turn_is_answered_when_flux_has_heard_it() -> None:
    ears = Ears()
    ears.hearing.begin(ears.now)
    ears.hear(0.8)
    ears.hearing.finish(ears.now)
    assert ears.hearing.facts() == []
    assert ears.says("Update", "", 0.7) == []
    assert ears.says("Update", "", 0.8) == [EMPTY]


def test_or_after_a_short_deadline() -> None:
    ears = Ears()
    ears.hearing.begin(ears.now)
    ears.hear(0.8)
    ears.hearing.finish(ears.now)
    ears.wait(1.0)
    assert ears.hearing.facts() == [EMPTY]


def test_a_turn_that_starts_after_its_finish_answers_it() -> None:
    ears = Ears()
    ears.hearing.begin(ears.now)
    ears.hear(0.8)
    ears.hearing.finish(ears.now)
    ears.says("StartOfTurn", "hm", 0.7)
    ears.wait(1.5)
    assert ears.hearing.facts() == []
    assert [fact.text for fact in ears.says("EndOfTurn", "hm", 0.9)[:-1]] == ["hm"]


def test_a_turn_that_is_not_ended_is_ended_here() -> None:
    ears = Ears(eot_timeout_ms=1000)
    ears.hearing.begin(ears.now)
    ears.hear(0.8)
    ears.says("StartOfTurn", "hm", 0.7)
    ears.hearing.finish(ears.now)
    assert ears.wait(2.9) == ""
    assert ears.wait(0.2) == "it does not end a turn"
    assert ears.hearing.facts() == [Transcript("hm", True), TurnHint("ended")]
    ears.hearing.disconnected(ears.now)
    ears.hearing.connected(ears.now)
    assert ears.sent() == [], "none of it is heard again"


def test_after_a_loss_the_turn_is_heard_again_and_starts_once() -> None:
    ears = Ears()
    ears.hear(4)
    for until in (1.0, 2.0, 3.0):
        ears.says("Update", "", until)
    ears.hearing.begin(ears.now)
    ears.hear(0.8)
    assert ears.says("StartOfTurn", "one", 4.5)[0] == TurnHint("started")
    ears.says("EagerEndOfTurn", "one", 4.6)
    ears.hearing.disconnected(ears.now)
    ears.hear(0.8)
    ears.hearing.connected(ears.now)
    again = len(b"".join(ears.sent())) / 32000
    assert 3.5 <= again <= 3.7, "from a second before what was heard without a turn"
    assert ears.says("StartOfTurn", "one", 1.0) == [TurnHint("resumed")]
    ears.hearing.finish(ears.now)
    facts = ears.says("EndOfTurn", "one two", 3.0)
    assert [fact.text for fact in facts[:-1]] == ["one two"]
    assert facts[-1] == TurnHint("ended")


def test_a_turn_that_the_next_connection_does_not_know_is_ended() -> None:
    ears = Ears()
    ears.hear(1.6)
    ears.says("StartOfTurn", "hm", 1.0)
    ears.hearing.disconnected(ears.now)
    ears.hearing.connected(ears.now)
    ears.sent()
    assert ears.says("Update", "", 1.0) == [], "it has not heard all of it yet"
    assert ears.says("Update", "", 1.6) == [Transcript("hm", True), TurnHint("ended")]


def test_a_client_that_stops_sending_leaves_no_turn_open() -> None:
    ears = Ears()
    ears.hear(0.8)
    ears.says("StartOfTurn", "and", 0.7)
    ears.wait(0.5)
    assert len(b"".join(ears.sent())) == pytest.approx(0.5 * 32000, abs=2560), "silence takes its place"


def test_while_nothing_is_heard_silence_keeps_the_connection_alive() -> None:
    ears = Ears()
    assert ears.hearing.deadline() == ears.now + 4
    for _ in range(20):
        assert ears.wait(4) == "", "it is no stall that Flux says nothing of so little"
        assert ears.sent() == [FRAME]


def test_whoever_says_nothing_of_much_audio_is_not_trusted() -> None:
    ears = Ears()
    ears.hear(4.9)
    assert ears.wait(0) == ""
    ears.hear(0.3)
    assert "said nothing" in ears.wait(0)
    assert ears.wait(0) == ""


def test_an_outage_in_a_turn_ends_it_with_what_is_there() -> None:
    ears = Ears()
    ears.hearing.begin(ears.now)
    ears.hear(0.8)
    ears.says("StartOfTurn", "help", 0.7)
    ears.hearing.finish(ears.now)
    ears.hearing.disconnected(ears.now)
    ears.wait(5.0)
    facts = ears.hearing.facts()
    assert facts[:2] == [Transcript("help", True), TurnHint("ended")]
    assert isinstance(facts[2], SpeechLost)
    ears.hearing.begin(ears.now)
    ears.hearing.finish(ears.now)
    ears.wait(1.0)
    assert ears.hearing.facts() == [EMPTY]
    assert ears.hearing.deadline() == float("inf")


def test_a_refusal_is_final() -> None:
    ears = Ears()
    ears.hearing.refused("no")
    assert ears.hearing.facts() == [SpeechLost("no")]
    ears.hearing.begin(ears.now)
    ears.hear(0.8)
    ears.hearing.finish(ears.now)
    assert ears.hearing.facts() == [EMPTY]
    assert ears.sent() == []


def test_a_television_owes_no_more_than_a_few_answers() -> None:
    ears = Ears()
    ears.says("StartOfTurn", "news", 0.0)
    for _ in range(100):
        ears.hearing.begin(ears.now)
        ears.hearing.finish(ears.now)
    assert len(ears.hearing.facts()) == 36
    assert len(ears.says("EndOfTurn", "news", 0.0)) == 65


def test_errors_and_warnings() -> None:
    ears = Ears()
    error = sdk.ListenV2FatalError(type="Error", sequence_id=1, code="INTERNAL_SERVER_ERROR", description="oh")
    with pytest.raises(ProviderError, match="INTERNAL_SERVER_ERROR: oh"):
        ears.hearing.receive(error.model_dump_json(), ears.now)
    warning = sdk.ListenV2Warning(type="Warning", request_id="r", sequence_id=1, code="SLOW", description="hurry")
    assert ears.hearing.receive(warning.model_dump_json(), ears.now).warning == "SLOW: hurry"
    hello = sdk.ListenV2Connected(type="Connected", request_id="r", sequence_id=0)
    assert not ears.hearing.receive(hello.model_dump_json(), ears.now).useful


@pytest.mark.parametrize("message", ["}{", '{"type":"TurnInfo"}', '{"type":"TurnInfo","event":"Dance"}'])
def test_garbage_costs_the_connection(message: str) -> None:
    with pytest.raises(ProviderError):
        Ears().hearing.receive(message, 0)
