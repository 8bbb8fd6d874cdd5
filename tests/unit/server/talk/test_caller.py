"""A whole call from the caller's side, against a bot that is written down, on a clock that is passed in."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from server.talk import events as e
from server.talk.caller import Caller
from server.talk.microphone import VirtualMicrophone
from server.talk.script import Line, Script, ScriptOptions, Spoken, Typed
from tests.unit.server.talk.bots import At, message, speech, ticks, tone

RATE = 16000
BEGAN = 70.0


class Heard:
    """A sink that keeps everything."""

    dropouts = 0

    def __init__(self) -> None:
        self.caller = bytearray()
        self.bot = bytearray()

    def write(self, caller: bytes, bot: bytes) -> None:
        """Keep it."""
        self.caller += caller
        self.bot += bot

    def close(self) -> None:
        """Nothing is held."""


class Stage:
    """A caller, what it sent and what it told, by the second."""

    def __init__(self, lines: list[Line], **options: Any) -> None:
        microphone = VirtualMicrophone(RATE)
        script = Script(lines, ScriptOptions(**options), microphone)
        self.sink = Heard()
        self.told: list[tuple[float, e.Event | e.Message]] = []
        self.sent: list[tuple[float, dict[str, Any]]] = []
        self.caller = Caller(RATE, microphone, script, [self.sink], lambda at, event: self.told.append((at, event)))
        self.caller.begin(BEGAN)

    def run(self, bot: list[At], seconds: float) -> None:
        """Let the time pass; messages of the same tick come in their order."""
        waiting = sorted(bot, key=lambda each: each[0])
        for now in ticks(seconds):
            while waiting and waiting[0][0] <= now:
                at, content = waiting.pop(0)
                self._note(at, self.caller.receive(content, BEGAN + at))
            self._note(now, self.caller.tick(BEGAN + now))

    def _note(self, now: float, out: list[str | bytes]) -> None:
        self.sent += [(round(now, 2), json.loads(each)) for each in out if isinstance(each, str)]

    def times(self, kind: str) -> list[float]:
        """When messages of a type were sent."""
        return [at for at, content in self.sent if content["type"] == kind]

    def events(self, kind: type) -> list[tuple[float, Any]]:
        """What the client told of a kind."""
        return [(round(at, 2), event) for at, event in self.told if isinstance(event, kind)]


def line(name: str = "hello.wav", seconds: float = 1.0) -> Spoken:
    """A recording of a voice, with 0.2 s of silence at its end."""
    return Spoken(name, tone(seconds) + bytes(int(0.2 * RATE) * 2))


def voiced(pcm: bytes) -> tuple[float, float]:
    """Where a track begins and ends to sound."""
    sounding = np.flatnonzero(np.frombuffer(pcm, "<i2"))
    return float(sounding[0]) / RATE, float(sounding[-1] + 1) / RATE


def test_the_opening_says_what_the_client_can() -> None:
    opening = json.loads(Stage([Typed("hi")]).caller.opening())
    assert opening == {
        "type": "start",
        "sample_rate": RATE,
        "output_sample_rate": RATE,
        "can": ["clear", "pause", "played"],
        "echo": False,
    }


def test_a_line_is_said_after_the_greeting_and_the_call_ends_after_the_answer() -> None:
    stage = Stage([line()])
    stage.run([*speech(0.1, 2.0), *speech(5.0, 1.0)], 10.0)
    assert [at for at, _ in stage.events(e.Saying)] == [pytest.approx(2.1 + 0.7, abs=0.03)]
    assert stage.times("end") == [pytest.approx(6.0 + 0.7, abs=0.03)]
    assert voiced(bytes(stage.sink.caller)) == pytest.approx((2.78, 3.78), abs=0.03)


def test_a_bot_that_does_not_greet_is_spoken_to() -> None:
    stage = Stage([line()], greeting_s=1.5)
    stage.run([], 3.0)
    assert [at for at, _ in stage.events(e.Saying)] == [1.5]


def test_typed_lines_are_sent() -> None:
    stage = Stage([Typed("one"), Typed("two")])
    stage.run([*speech(2.0, 1.0), *speech(5.0, 1.0)], 8.0)
    texts = [(at, content["text"]) for at, content in stage.sent if content["type"] == "text"]
    assert texts == [(1.5, "one"), (pytest.approx(3.7, abs=0.03), "two")]
    assert stage.times("end") == [pytest.approx(6.7, abs=0.03)]


def test_an_answer_in_two_parts_with_a_tool_between_is_one() -> None:
    stage = Stage([line(), line("next.wav")])
    tool = [
        (3.5, message("tool_call", id="c1", name="look_up", arguments={})),
        (7.0, message("tool_result", id="c1", name="look_up", status="completed", result="x")),
    ]
    stage.run([*speech(3.0, 1.0), *tool, *speech(8.5, 1.0)], 11.0)
    assert [event.name for _, event in stage.events(e.Saying)] == ["hello.wav", "next.wav"]
    assert stage.events(e.Saying)[1][0] == pytest.approx(9.5 + 0.7, abs=0.03)


def test_a_tool_that_runs_on_is_not_waited_for_for_ever() -> None:
    stage = Stage([line(), line("next.wav")], wait_s=3.0)
    stage.run([*speech(3.0, 1.0), (3.0, message("tool_call", id="c1", name="timer", arguments={}))], 12.0)
    assert stage.events(e.Saying)[1][0] == pytest.approx(4.0 + 3.0, abs=0.05)
    assert stage.events(e.Unanswered)[0][1].name == "next.wav"


def test_the_next_line_may_interrupt() -> None:
    stage = Stage([line(), line("stop.wav")], barge_in_ms=800)
    stage.run(speech(3.0, 6.0), 10.0)
    assert stage.events(e.Saying)[1][0] == pytest.approx(3.8, abs=0.03)


def test_the_greeting_is_not_interrupted() -> None:
    stage = Stage([line()], barge_in_ms=800)
    stage.run(speech(0.1, 4.0), 6.0)
    assert [at for at, _ in stage.events(e.Saying)] == [pytest.approx(4.8, abs=0.03)]


def test_what_is_heard_during_the_callers_voice_is_no_answer() -> None:
    stage = Stage([line()], wait_s=3.0)
    stage.run(speech(1.6, 0.6), 8.0)
    said_until = 1.5 + 1.2
    ((at, event),) = stage.events(e.Unanswered)
    assert at == pytest.approx(said_until + 3.0, abs=0.05)
    assert event == e.Unanswered("hello.wav", 3.0)
    assert stage.times("end") == [at]


def test_a_bot_that_is_silent_is_waited_for_as_long_as_there_are_signs_of_it() -> None:
    stage = Stage([line()], wait_s=3.0)
    stage.run([(5.0, message("transcript", role="user", text="hello", final=True))], 10.0)
    assert [at for at, _ in stage.events(e.Unanswered)] == [8.0]


def test_what_was_cleared_is_neither_played_nor_counted() -> None:
    stage = Stage([line()])
    stage.run([(0.5, tone(2.0)), (1.0, message("clear")), (1.4, tone(0.1))], 2.0)
    assert stage.sent[0] == (0.52, {"type": "played", "samples": int(0.02 * RATE)})
    assert (1.0, {"type": "cleared", "samples": RATE // 2}) in stage.sent
    assert stage.sent[-2:] == [
        (1.42, {"type": "played", "samples": RATE // 2 + int(0.02 * RATE)}),
        (pytest.approx(1.53, abs=0.011), {"type": "played", "samples": int(0.6 * RATE)}),
    ]
    sound = np.frombuffer(bytes(stage.sink.bot), "<i2")
    assert np.flatnonzero(sound).tolist() == [*range(RATE // 2, RATE), *range(int(1.4 * RATE), int(1.5 * RATE))]


def test_a_pause_stops_playing_and_says_where() -> None:
    stage = Stage([line()])
    stage.run([(0.5, tone(1.0)), (0.75, message("pause")), (1.5, message("resume"))], 2.5)
    assert (0.75, {"type": "played", "samples": RATE // 4}) in stage.sent
    assert not [at for at in stage.times("played") if 0.75 < at < 1.5]
    sound = np.flatnonzero(np.frombuffer(bytes(stage.sink.bot), "<i2"))
    assert sound.tolist() == [*range(RATE // 2, RATE * 3 // 4), *range(RATE * 3 // 2, RATE * 9 // 4)]
    assert stage.sent[-1][1]["samples"] == RATE


def test_played_is_reported_while_something_is_played_only() -> None:
    stage = Stage([line()])
    stage.run([(0.5, tone(1.0))], 3.0)
    times = stage.times("played")
    assert times[0] == 0.52
    assert times[-1] == pytest.approx(1.56, abs=0.05)
    assert all(0.09 < later - earlier < 0.13 for earlier, later in pairwise(times))
    assert stage.sent[-1][1] == {"type": "played", "samples": RATE}


def test_the_response_runs_from_the_last_voiced_sample() -> None:
    stage = Stage([line(seconds=1.0)])
    voiced_until = 1.5 - 0.02 + 1.0  # the frame that leaves with the tick at 1.5 s was said in the 20 ms before it
    turn = message("turn", transcript_ms=210.0, end_of_turn_ms=300.0, first_token_ms=310, first_audio_ms=350.5)
    bot = [(2.7, message("speech_stopped")), (3.0, turn), *speech(3.0, 1.0)]
    stage.run(bot, 4.0)
    ((at, response),) = stage.events(e.Response)
    assert at == 3.0
    assert response.ms == pytest.approx((3.0 - voiced_until) * 1000, abs=0.2)
    assert response.server["first_audio_ms"] == 350.5


def test_the_response_to_a_typed_line_runs_from_typing() -> None:
    stage = Stage([Typed("hi")])
    stage.run([(1.75, message("turn", first_token_ms=1, end_of_turn_ms=None)), *speech(1.75, 1.0)], 3.0)
    ((_, response),) = stage.events(e.Response)
    assert response.ms == pytest.approx(250, abs=0.2)


def test_audio_without_a_turn_is_no_response() -> None:
    stage = Stage([line()])
    stage.run(speech(0.1, 1.0), 3.0)
    assert stage.events(e.Response) == []


def test_the_summary_counts() -> None:
    stage = Stage([line(), line(), line()])
    turn = message("turn", first_token_ms=1)
    bot = [
        (2.8, message("speech_stopped")),
        (2.9, message("transcript", role="user", text="one", final=False)),
        (2.9, message("transcript", role="user", text="one", final=True)),
        (2.98, turn),
        *speech(2.98, 0.4),
        (3.2, message("clear")),
        (3.4, message("transcript", role="user", text="", final=True)),
        (3.4, message("transcript", role="assistant", text="hm", final=True)),
    ]
    stage.run(bot, 3.5)
    end = stage.caller.end(BEGAN + 3.5, 1012, "going away")
    assert end == e.Summary(
        seconds=3.5,
        turns=1,
        median_ms=pytest.approx(500, abs=0.5),  # type: ignore[arg-type]
        worst_ms=pytest.approx(500, abs=0.5),  # type: ignore[arg-type]
        interruptions=1,
        unanswered=0,
        unsaid=2,
        dropouts=0,
        close_code=1012,
        reason="going away",
    )
    assert not end.in_order


def test_what_was_played_until_the_end_is_written() -> None:
    stage = Stage([line()])
    stage.run([(0.5, tone(5.0))], 1.0)
    stage.caller.end(BEGAN + 1.01, 1000, "")
    assert len(stage.sink.bot) // 2 == int(1.01 * RATE)


def test_hanging_up_says_so_once() -> None:
    stage = Stage([line()])
    stage.caller.hang_up()
    stage.run([], 0.5)
    assert stage.times("end") == [0.02]
    assert stage.caller.left_at == pytest.approx(BEGAN + 0.02)


@pytest.mark.parametrize("text", ["}{", "[]", '"x"', "1", ""])
def test_what_is_no_json_object_is_told_and_ignored(text: str) -> None:
    stage = Stage([line()])
    assert stage.caller.receive(text, BEGAN) == []
    assert "no JSON object" in stage.events(e.Trouble)[0][1].message


def test_half_a_sample_is_told_and_ignored() -> None:
    stage = Stage([line()])
    assert stage.caller.receive(b"abc", BEGAN) == []
    assert "cannot be played" in stage.events(e.Trouble)[0][1].message


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"type": 1},
        {"type": "clearly"},
        {"type": "turn", "first_token_ms": "soon"},
        {"type": "transcript", "role": 3, "final": True},
        {"type": "tool_result", "id": 5},
        {"type": "error"},
    ],
)
def test_an_unknown_message_is_passed_on_and_does_no_harm(odd: dict[str, Any]) -> None:
    stage = Stage([line()])
    assert stage.caller.receive(json.dumps(odd), BEGAN) == []
    assert stage.told == [(0.0, odd)]
    stage.run([], 0.1)


def test_a_full_speaker_drops_and_counts() -> None:
    stage = Stage([line()])
    stage.caller.receive(bytes(60 * RATE * 2), BEGAN)
    stage.caller.receive(bytes(2), BEGAN)
    assert stage.caller.end(BEGAN, 1000, "").dropouts == 1
