"""The native wire: what a right message means, and what the client is told. Wrong ones are in tests/corpus."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from server import __version__
from server.call import events as e
from server.protocols.native import MAX_RESULT, MAX_TEXT, PROBLEMS, NativeWire
from server.protocols.wire import (
    Audio,
    Capabilities,
    ClearedReport,
    Complaint,
    Incoming,
    Message,
    Opened,
    PlayedReport,
)

CALL = Path(e.__file__).parent


def opened(**start: Any) -> NativeWire:
    """A wire whose call is open."""
    wire = NativeWire()
    wire.receive(json.dumps({"type": "start", **start}))
    return wire


def said(messages: list[Message]) -> list[dict[str, Any]]:
    """Messages as a client reads them."""
    return [json.loads(message) for message in messages]


# --- in ---------------------------------------------------------------------------------------------------------------


def test_a_start_says_everything_that_a_client_wants() -> None:
    start = {
        "sample_rate": 8000,
        "output_sample_rate": 24000,
        "token": "s3cret",
        "can": ["clear", "pause", "played"],
        "metadata": {"customer": 7},
    }
    (meaning,) = NativeWire().receive(json.dumps({"type": "start", **start}))
    capabilities = Capabilities(rate_in=8000, rate_out=24000, clear=True, reports="counts", pause=True, captions=True)
    assert meaning == Opened(capabilities, "s3cret", {"customer": 7})


def test_a_start_that_says_nothing_gets_the_defaults() -> None:
    assert NativeWire().receive('{"type":"start"}') == [Opened(Capabilities(16000, 16000), "", {})]


def test_the_output_has_the_rate_of_the_input_unless_said_otherwise() -> None:
    (meaning,) = NativeWire().receive('{"type":"start","sample_rate":48000}')
    assert isinstance(meaning, Opened)
    assert meaning.capabilities.rate_out == 48000


@pytest.mark.parametrize(
    ("can", "counts", "pause"), [([], 0, 0), (["played"], 1, 0), (["pause"], 0, 1), (["clear"], 0, 0)]
)
def test_what_a_client_can_is_what_it_says(can: list[str], counts: bool, pause: bool) -> None:
    (meaning,) = NativeWire().receive(json.dumps({"type": "start", "can": can}))
    assert isinstance(meaning, Opened)
    assert (meaning.capabilities.reports, meaning.capabilities.pause) == ("counts" if counts else "nothing", pause)
    assert meaning.capabilities.clear, "`clear` is sent to everyone"


MEANINGS: dict[str, tuple[str | bytes, Incoming]] = {
    "audio": (b"\1\0\2\0", Audio(b"\1\0\2\0")),
    "text": ('{"type":"text","text":"hello"}', e.UserText("hello")),
    "interrupt": ('{"type":"interrupt"}', e.Interrupt()),
    "played": ('{"type":"played","samples":320}', PlayedReport(320)),
    "cleared": ('{"type":"cleared","samples":0}', ClearedReport(0)),
    "dtmf": ('{"type":"dtmf","digits":"12#"}', e.Dtmf("12#")),
    "mute": ('{"type":"mute"}', e.Muted(True)),
    "unmute": ('{"type":"unmute"}', e.Muted(False)),
    "a key to talk": ('{"type":"unmute","key":true}', e.Muted(False, key=True)),
    "a key to talk, let go": ('{"type":"mute","key":true}', e.Muted(True, key=True)),
    "end": ('{"type":"end"}', e.Gone("the client ended the call", 1000)),
}


@pytest.mark.parametrize(("message", "meaning"), MEANINGS.values(), ids=MEANINGS)
def test_each_message_has_its_meaning(message: str | bytes, meaning: Incoming) -> None:
    assert opened().receive(message) == [meaning]


@pytest.mark.parametrize(("message", "meaning"), MEANINGS.values(), ids=MEANINGS)
def test_any_first_message_opens_the_call_and_counts(message: str | bytes, meaning: Incoming) -> None:
    assert NativeWire().receive(message) == [Opened(Capabilities(16000, 16000)), meaning]


def test_a_wrong_first_message_opens_the_call_too() -> None:
    first, second = NativeWire().receive('{"type":"news"}')
    assert isinstance(first, Opened)
    assert isinstance(second, Complaint)


def test_a_call_begins_by_itself_once() -> None:
    wire = NativeWire()
    assert wire.begin() == [Opened(Capabilities(16000, 16000))]
    assert wire.begin() == []


def test_a_text_is_cut_at_its_limit_and_the_client_is_told() -> None:
    meaning = opened().receive(json.dumps({"type": "text", "text": "x" * (MAX_TEXT + 5)}))
    words = "a 'text' message had 16389 characters; those after 16384 were dropped"
    assert meaning == [e.UserText("x" * MAX_TEXT), Complaint("too_long", words)]
    assert opened().receive(json.dumps({"type": "text", "text": "x" * MAX_TEXT})) == [e.UserText("x" * MAX_TEXT)]


def test_keys_are_cut_at_64_and_the_client_is_told() -> None:
    meaning = opened().receive(json.dumps({"type": "dtmf", "digits": "1" * 100}))
    words = "a 'dtmf' message had 100 characters; those after 64 were dropped"
    assert meaning == [e.Dtmf("1" * 64), Complaint("too_long", words)]
    assert opened().receive(json.dumps({"type": "dtmf", "digits": "1" * 64})) == [e.Dtmf("1" * 64)]


def test_a_complaint_does_not_repeat_all_that_was_sent() -> None:
    (meaning,) = opened().receive(json.dumps({"type": "x" * 10_000}))
    assert isinstance(meaning, Complaint)
    assert len(meaning.message) < 150


# --- out --------------------------------------------------------------------------------------------------------------


def test_ready_says_what_was_agreed_on() -> None:
    (ready,) = said(opened(sample_rate=8000, output_sample_rate=24000).ready("c1"))
    rates = {"sample_rate": 8000, "output_sample_rate": 24000}
    assert ready == {"type": "ready", "call_id": "c1", **rates, "version": __version__}


EVENTS: list[tuple[e.Event, dict[str, Any]]] = [
    (e.UserSpeech(True), {"type": "speech_started"}),
    (e.UserSpeech(False), {"type": "speech_stopped"}),
    (e.BotSpeech(True), {"type": "bot_started"}),
    (e.BotSpeech(False), {"type": "bot_stopped"}),
    (e.UserTranscript("hi", False), {"type": "transcript", "role": "user", "text": "hi", "final": False}),
    (e.AssistantTranscript(" hi ", True), {"type": "transcript", "role": "assistant", "text": "hi", "final": True}),
    (e.ToolStarted("c1", "f", '{"a":1}'), {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 1}}),
    (e.ToolStarted("c1", "f", ""), {"type": "tool_call", "id": "c1", "name": "f", "arguments": {}}),
    (e.ToolStarted("c1", "f", '{"a"'), {"type": "tool_call", "id": "c1", "name": "f", "arguments": '{"a"'}),
    (
        e.ToolUpdated("c1", "f", "half"),
        {"type": "tool_result", "id": "c1", "name": "f", "status": "running", "result": "half"},
    ),
    (
        e.ToolFinished("c1", "f", "timed_out", "late"),
        {"type": "tool_result", "id": "c1", "name": "f", "status": "timed_out", "result": "late"},
    ),
    (e.Interrupted(), {"type": "interrupted"}),
    (e.FalseInterruption(), {"type": "false_interruption"}),
    (e.Filler("One moment."), {"type": "filler", "text": "One moment."}),
    (e.LinkChanged("reconnecting"), {"type": "link", "state": "reconnecting"}),
]


@pytest.mark.parametrize(("event", "message"), EVENTS)
def test_each_event_has_its_message(event: e.Event, message: dict[str, Any]) -> None:
    assert said(opened().event(event)) == [message]


@pytest.mark.parametrize(
    "event", [e.CallStarted(), e.CallEnded("x"), e.Idle(), e.Keys("1"), e.UserTurn("x"), e.AssistantTurn("x")]
)
def test_what_a_client_has_no_word_for_is_not_sent(event: e.Event) -> None:
    assert opened().event(event) == []


def test_a_long_result_is_cut_for_the_page() -> None:
    (message,) = said(opened().event(e.ToolFinished("c1", "f", "completed", "x" * 100_000)))
    assert message["result"] == "x" * MAX_RESULT


@pytest.mark.parametrize("code", [*PROBLEMS, "something_new"])
def test_a_problem_is_told_without_its_details(code: str) -> None:
    (message,) = said(opened().event(e.Problem(code, "secret detail sk-123", fatal=True)))
    assert (message["type"], message["code"], message["fatal"]) == ("error", code, True)
    assert message["message"] == PROBLEMS.get(code, "Something failed.")


def test_every_problem_of_a_call_has_its_sentence() -> None:
    sources = [file.read_text("utf-8") for file in CALL.glob("*.py")]
    codes = {code for source in sources for code in re.findall(r'Problem\(\s*"(\w+)"', source)}
    assert len(codes) > 5
    assert codes <= set(PROBLEMS)


def test_only_a_client_that_can_pause_is_told_to() -> None:
    can, cannot = opened(can=["pause"]), opened()
    assert [said(can.pause()), said(can.resume())] == [[{"type": "pause"}], [{"type": "resume"}]]
    assert [cannot.pause(), cannot.resume()] == [[], []]


def test_everyone_is_told_to_clear() -> None:
    assert said(opened().clear()) == [{"type": "clear"}]


def test_the_other_messages() -> None:
    wire = opened()
    assert wire.audio(b"\1\0") == [b"\1\0"]
    assert wire.custom('{"type":"mine"}') == ['{"type":"mine"}']
    assert said(wire.turn({"first_audio_ms": 12.5, "transcript_ms": None})) == [
        {"type": "turn", "first_audio_ms": 12.5, "transcript_ms": None}
    ]
    assert said(wire.complain(Complaint("bad_value", "no"))) == [
        {"type": "error", "code": "bad_value", "message": "no", "fatal": False}
    ]
    assert said(wire.ended("done")) == [{"type": "ended", "reason": "done"}]
