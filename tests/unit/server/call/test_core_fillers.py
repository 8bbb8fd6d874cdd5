"""What a caller hears who waits for a slow tool, and that it ends when the answer is there."""

from __future__ import annotations

import pytest

from audio.events import SpeechStarted, SpeechStopped, Synthesised, Transcript
from llm.events import Delta, FunctionCall, ReplyDone, ToolDone
from llm.items import DeveloperMessage
from server.call import events as e
from server.call.policy import Policy, Sentences
from tests.unit.server.call.core_stand import Stand, spec

FILLERS = ("One moment please.", "Still looking, it takes a while today.")
POLICY = Policy(filler_ms=1000, filler_again_ms=2000)


def waiting(*, fillers: tuple[str, ...] = FILLERS, filler: str | None = None) -> Stand:
    """The model has called a tool that takes its time, at 0.7 s."""
    stand = Stand(tools=(spec("look", filler=filler),), policy=POLICY, sentences=Sentences(fillers=fillers))
    stand.hear("look it up")
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(ReplyDone(1))
    return stand


def told(stand: Stand) -> list[str]:
    return [each.text for each in stand.told(e.Filler)]


def run(stand: Stand, until: float) -> None:
    """Time passes, and the voice speaks what it gets."""
    while stand.now < until - 1e-9:
        stand.wait(min(until, stand.now + 0.05))
        stand.voice()


def answer(stand: Stand) -> None:
    stand.post(ToolDone("c1", "completed", "found"))
    stand.post(Delta(2, "It is nine o'clock now. Good"))


def heard(stand: Stand) -> list[str]:
    return [each.text for each in stand.told(e.AssistantTurn)]


def test_they_are_said_one_after_the_other_and_each_once() -> None:
    stand = waiting()
    run(stand, 1.6)
    assert told(stand) == []
    run(stand, 1.8)
    assert told(stand) == [FILLERS[0]]
    run(stand, 3.9)
    assert len(told(stand)) == 1, "three words and two seconds later"
    run(stand, 4.2)
    assert told(stand) == [*FILLERS]
    run(stand, 25.0)
    assert told(stand) == [*FILLERS]
    assert stand.told(e.Problem) == []


def test_the_log_and_the_model_know_nothing_of_them() -> None:
    stand = waiting()
    before = stand.core.log.items()
    run(stand, 3.0)
    assert stand.core.log.items() == before
    answer(stand)
    assert (stand.request.note, [type(item).__name__ for item in stand.request.items]) == (
        "",
        ["UserMessage", "AssistantMessage"],
    )
    assert stand.told(e.AssistantTranscript) == []
    assert stand.told(e.Idle) == []


def test_the_next_wait_begins_with_the_next_one() -> None:
    stand = waiting()
    run(stand, 2.0)
    answer(stand)
    stand.post(FunctionCall(2, "c2", "look", "{}"))
    stand.post(ReplyDone(2))
    run(stand, 6.0)
    assert told(stand) == [*FILLERS]


def test_one_that_is_being_said_ends_with_its_word_when_the_voice_of_the_answer_is_there() -> None:
    stand = waiting()
    run(stand, 4.3)
    frame = stand.playout.head
    assert frame is not None
    assert (frame.text, frame.queued) == (FILLERS[1], 700)
    answer(stand)
    assert frame.queued == 700, "there is nothing to be said instead"
    stand.voice()
    stand.wait(4.31)
    assert (frame.queued % 100, frame.text.count(" ") + 1) == (0, frame.queued // 100)
    assert frame.queued < 700
    run(stand, 8.0)
    assert heard(stand) == []
    stand.post(ReplyDone(2))
    run(stand, 9.0)
    assert heard(stand) == ["It is nine o'clock now. Good"]


def test_one_that_has_not_begun_is_not_said() -> None:
    stand = waiting()
    stand.wait(1.8)
    [speak] = stand.commands(e.Speak)
    assert speak.text == FILLERS[0]
    stand.post(ToolDone("c1", "completed", "found"))
    assert stand.playout.get(speak.frame) is None
    assert not stand.hub.audio(speak.frame, 100, (), bytes(200))


def test_a_voice_without_word_times_ends_somewhere_behind_what_was_sent() -> None:
    stand = waiting()
    stand.wait(1.8)
    frame = stand.playout.head
    assert frame is not None
    stand.hub.audio(frame.id, 2000, (), bytes(4000))
    stand.post(Synthesised(frame.id))
    stand.wait(2.3)
    answer(stand)
    stand.voice(frames=2)
    stand.wait(2.31)
    assert 600 <= frame.queued < 1200
    run(stand, 5.0)
    assert stand.playout.head is None


def test_words_of_the_application_end_one_too() -> None:
    stand = waiting()
    run(stand, 4.3)
    frame = stand.playout.head
    assert frame is not None
    stand.post(e.Say("By the way."))
    stand.voice()
    stand.wait(4.32)
    assert frame.queued < 700


def test_a_message_for_the_client_ends_none() -> None:
    stand = waiting()
    stand.wait(1.8)
    stand.post(e.Send('{"type": "progress"}', True))
    run(stand, 4.3)
    frame = stand.playout.head
    assert frame is not None
    assert len(stand.told(e.BotSpeech)) == 3, "the first was heard"
    stand.post(e.Send('{"type": "progress"}', True))
    run(stand, 6.0)
    assert frame.heard == 700


def test_an_answer_that_must_wait_for_the_tool_keeps_nobody_from_being_told_to_wait() -> None:
    stand = waiting()
    stand.post(e.Append(DeveloperMessage("The price has changed."), ask=True))
    run(stand, 3.0)
    assert (told(stand), stand.reply) == ([FILLERS[0]], 1)


def test_who_reads_the_answers_hears_none() -> None:
    stand = Stand(tools=(spec("look"),), policy=POLICY, sentences=Sentences(fillers=FILLERS))
    stand.post(e.UserText("look it up", skip_tts=True))
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(ReplyDone(1))
    run(stand, 10.0)
    assert (told(stand), stand.commands(e.Speak)) == ([], [])


def test_none_begins_while_the_caller_speaks_or_presses_keys() -> None:
    stand = waiting()
    stand.post(SpeechStarted(64.0), 1.0)
    run(stand, 3.0)
    stand.post(SpeechStopped(200.0))
    stand.post(Transcript("uh huh", True))
    run(stand, 3.2)
    assert told(stand) == []
    stand.post(e.Dtmf("1"), 3.5)
    run(stand, 5.4)
    assert told(stand) == []


def test_a_cough_holds_one_and_a_turn_ends_it() -> None:
    stand = waiting()
    run(stand, 4.3)
    frame = stand.playout.head
    assert frame is not None
    stand.post(SpeechStarted(64.0))
    assert isinstance(stand.all[-1], e.Hold)
    stand.post(SpeechStopped(200.0), 4.5)
    stand.post(Transcript("", True))
    stand.wait(5.0)
    assert stand.commands(e.Resume)
    run(stand, 6.0)
    assert frame.heard == 700
    stand.hear("forget it")
    assert len(stand.commands(e.CancelTool)) == 1
    assert not stand.playout.busy


@pytest.mark.parametrize(("filler", "expected"), [("Asking the warehouse.", ["Asking the warehouse."]), ("", [])])
def test_a_tool_may_have_its_own_or_none(filler: str, expected: list[str]) -> None:
    stand = waiting(filler=filler)
    run(stand, 20.0)
    assert told(stand) == expected


@pytest.mark.parametrize("silent_first", [True, False])
@pytest.mark.parametrize(("other", "expected"), [(None, list(FILLERS)), ("Asking.", ["Asking."]), ("", [])])
def test_one_that_wants_silence_silences_itself_alone(
    silent_first: bool, other: str | None, expected: list[str]
) -> None:
    tools = (spec("silent", filler=""), spec("other", filler=other))
    stand = Stand(tools=tools, policy=POLICY, sentences=Sentences(fillers=FILLERS))
    stand.hear("look it up")
    for number, tool in enumerate(tools if silent_first else reversed(tools)):
        stand.post(FunctionCall(1, f"c{number}", tool.schema.name, "{}"))
    stand.post(ReplyDone(1))
    run(stand, 20.0)
    assert told(stand) == expected


def test_without_any_nothing_is_said_and_nothing_is_waited_for() -> None:
    assert Sentences().fillers == ()
    stand = waiting(fillers=())
    run(stand, 20.0)
    assert (told(stand), stand.commands(e.Speak)) == ([], [])
    assert stand.core.deadline() == pytest.approx(30.7, abs=0.1), "the tool's own"


def test_a_quick_tool_has_none() -> None:
    stand = waiting()
    run(stand, 1.5)
    answer(stand)
    stand.post(ReplyDone(2))
    run(stand, 6.0)
    assert (told(stand), heard(stand)) == ([], ["It is nine o'clock now. Good"])


def test_each_wait_has_its_own_count() -> None:
    stand = waiting(fillers=FILLERS[:1])
    run(stand, 2.0)
    answer(stand)
    stand.post(FunctionCall(2, "c2", "look", "{}"))
    stand.post(ReplyDone(2))
    run(stand, 9.0)
    assert told(stand) == [FILLERS[0]] * 2


def test_after_one_that_nobody_heard_a_silent_caller_is_asked_whether_they_are_there() -> None:
    stand = waiting()
    stand.wait(1.75)
    assert told(stand) == [FILLERS[0]]
    stand.post(ToolDone("c1", "completed", "found", False))
    assert not stand.core.speaking.playout.busy
    stand.wait(stand.now + POLICY.idle_ms / 1000 + 0.1)
    assert len(stand.told(e.Idle)) == 1
