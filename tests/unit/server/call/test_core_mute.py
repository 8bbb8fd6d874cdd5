"""When the caller is not to be heard, as the agent wants it; and that they always are afterwards."""

from __future__ import annotations

import pytest

from audio.endpoint import TurnOptions
from audio.events import SpeechLost, SpeechStarted, SpeechStopped, Transcript, TurnHint, TurnJudged
from audio.turn import Turn
from llm.events import Delta, FunctionCall, ReplyDone, ToolDone
from server.call import events as e
from server.call.listening import Listening
from server.call.outbox import Outbox
from server.call.policy import Mute, Policy
from tests.unit.server.call.core_stand import Stand, spec

WORDS = "One two three four five six seven eight nine ten."


def stand(*mute: Mute, greeting: str = "") -> Stand:
    return Stand(greeting=greeting, policy=Policy(mute=mute), tools=(spec("look"),))


def turns(stand: Stand) -> list[str]:
    return [each.text for each in stand.told(e.UserTurn)]


def answered(*mute: Mute) -> Stand:
    made = stand(*mute)
    made.hear("tell me")
    made.post(Delta(1, WORDS))
    made.post(ReplyDone(1))
    made.voice()
    made.wait(made.now + 0.2)
    return made


def test_while_the_bot_speaks_nothing_is_heard_and_what_was_said_is_told() -> None:
    made = answered("speaking")
    made.hear("wait stop", seconds=0.3)
    assert made.told(e.NotHeard) == [e.NotHeard("wait stop")]
    assert (made.told(e.Interrupted), made.playout.held, turns(made)) == ([], False, ["tell me"])
    made.wait(made.now + 2.0)
    assert made.told(e.AssistantTurn)[-1].text == WORDS
    made.hear("thank you")
    assert turns(made) == ["tell me", "thank you"]


def test_keys_are_no_voice_and_count_all_the_same() -> None:
    made = answered("speaking")
    made.post(e.Dtmf("5#"))
    assert (made.playout.busy, turns(made)) == (False, ["tell me", "[keys pressed: 5#]"])


def test_who_still_speaks_when_the_bot_is_done_is_heard_from_the_beginning() -> None:
    made = answered("speaking")
    made.wait(made.now + 0.4)
    made.post(SpeechStarted(64.0))
    made.post(Transcript("and then", False))
    assert made.told(e.UserTranscript)[-1].text == "tell me"
    made.wait(made.now + 1.0)
    assert made.told(e.UserTranscript)[-1].text == "and then"
    made.post(Transcript("and then what", False))
    made.post(SpeechStopped(200.0))
    made.post(Transcript("and then what", True))
    made.wait(made.now + 0.5)
    assert turns(made) == ["tell me", "and then what"]


def test_the_sound_of_what_nobody_hears_is_not_that_of_the_turn_before() -> None:
    turn, out = Turn(TurnOptions(rules=("acoustic",))), Outbox()
    listening = Listening(turn, out)
    for fact in (SpeechStarted(), SpeechStopped(), Transcript("when do you open", True), TurnJudged(0.9)):
        listening.record(fact, 1.0, deaf=False, alone=True)
    for fact in (SpeechStarted(), SpeechStopped(), TurnJudged(0.1)):
        listening.record(fact, 1.1, deaf=True, alone=True)
    assert turn.deadline() == pytest.approx(1.3)


def test_until_its_first_words_were_spoken() -> None:
    made = stand("first_words", greeting="Welcome to the shop.")
    made.voice()
    made.wait(0.1)
    made.hear("hello", seconds=0.1)
    assert turns(made) == []
    made.wait(2.0)
    made.hear("hello")
    made.post(Delta(1, WORDS))
    made.post(ReplyDone(1))
    made.voice()
    made.wait(made.now + 0.2)
    made.hear("wait")
    assert turns(made) == ["hello", "wait"]


def test_a_bot_without_first_words_listens() -> None:
    made = stand("first_words")
    made.hear("hello")
    assert turns(made) == ["hello"]


def test_while_a_tool_runs() -> None:
    made = stand("tool")
    made.hear("look it up")
    made.post(FunctionCall(1, "c1", "look", "{}"))
    made.post(ReplyDone(1))
    made.hear("never mind")
    assert made.commands(e.CancelTool) == []
    made.post(ToolDone("c1", "completed", "found"))
    assert made.reply == 2
    made.hear("thank you")
    assert turns(made) == ["look it up", "thank you"]


def test_while_it_says_what_nobody_may_interrupt() -> None:
    made = stand("protected")
    made.post(e.Say("This call may be recorded by us.", interruptible=False))
    made.voice()
    made.wait(0.1)
    made.hear("hello", seconds=0.2)
    assert [each.text for each in made.told(e.NotHeard)] == ["hello"]
    made.wait(2.0)
    made.hear("hello again")
    assert turns(made) == ["hello again"]


def test_without_a_wish_what_is_said_meanwhile_is_kept() -> None:
    made = stand()
    made.post(e.Say("This call may be recorded by us.", interruptible=False))
    made.voice()
    made.wait(0.1)
    made.hear("hello", seconds=0.2)
    made.wait(2.0)
    assert turns(made) == ["hello"]


def test_a_final_of_speech_before_is_heard_though_it_comes_late() -> None:
    made = answered("speaking")
    made.wait(made.now + 2.0)
    made.post(SpeechStarted(64.0))
    made.post(SpeechStopped(0.0), made.now + 0.3)
    made.post(e.Say("By the way, we are closed today.", interruptible=False))
    made.voice()
    made.wait(made.now + 0.1)
    made.post(SpeechStarted(64.0))
    made.post(SpeechStopped(0.0), made.now + 0.2)
    made.post(Transcript("what time", True))
    made.post(Transcript("is it", True))
    made.wait(made.now + 1.0)
    assert turns(made) == ["tell me", "what time"]
    assert [each.text for each in made.told(e.NotHeard)] == ["is it"]


def test_finals_that_never_come_leave_nobody_deaf() -> None:
    made = answered("speaking")
    made.post(SpeechStarted(64.0))
    made.post(SpeechStopped(0.0), made.now + 0.2)
    made.wait(made.now + 4.0)
    made.hear("hello")
    assert turns(made)[-1] == "hello"
    made.post(Delta(made.reply, WORDS))
    made.post(ReplyDone(made.reply))
    made.voice()
    made.wait(made.now + 0.1)
    made.post(SpeechStarted(64.0))
    made.post(SpeechStopped(0.0), made.now + 0.2)
    made.post(SpeechLost("the ears are gone"))
    made.wait(made.now + 1.0)
    made.hear("still there")
    assert turns(made)[-1] == "still there"


# --- over what nobody may interrupt -----------------------------------------------------------------------------------

NOTICE = "This call may be recorded by us and by others."
NOTICE_S = 1.0
BOTH = pytest.mark.parametrize("mute", [(), ("protected",)])


def announced(mute: tuple[Mute, ...], *notices: str) -> Stand:
    """An announcement, or several, that begin at 0 s and take a second each."""
    made = stand(*mute)
    for notice in notices or (NOTICE,):
        made.post(e.Say(notice, interruptible=False))
    made.voice()
    return made


def not_heard(made: Stand) -> list[str]:
    return [each.text for each in made.told(e.NotHeard)]


def whole(made: Stand) -> None:
    """The announcements were said to their end, and who speaks now is heard."""
    assert {each.text for each in made.told(e.AssistantTurn)} >= {NOTICE}
    assert made.told(e.Interrupted) == []
    before = turns(made)
    made.hear("and now", seconds=0.3)
    made.wait(made.now + 2.0)
    assert turns(made) == [*before, "and now"]


@BOTH
@pytest.mark.parametrize("late_s", [0.0, 0.5, 1.2])
def test_what_is_said_meanwhile_is_kept_or_dropped_however_late_it_is_understood(
    mute: tuple[Mute, ...], late_s: float
) -> None:
    made = announced(mute)
    made.post(SpeechStarted(64.0), 0.2)
    made.post(SpeechStopped(0.0), 0.6)
    made.post(Transcript("i object", True), 0.6 + late_s)
    made.wait(3.0)
    assert (turns(made), not_heard(made)) == (([], ["i object"]) if mute else (["i object"], []))
    whole(made)


@BOTH
def test_who_still_speaks_when_it_ends_is_heard_from_the_beginning(mute: tuple[Mute, ...]) -> None:
    made = announced(mute)
    made.post(SpeechStarted(64.0), 0.6)
    made.post(Transcript("i object", False), 0.9)
    made.post(SpeechStopped(0.0), 1.5)
    made.post(Transcript("i object to that", True), 1.7)
    made.wait(3.0)
    assert (turns(made), not_heard(made)) == (["i object to that"], [])
    whole(made)


@BOTH
def test_who_spoke_before_it_began_is_heard_to_the_end(mute: tuple[Mute, ...]) -> None:
    made = stand(*mute)
    made.post(SpeechStarted(64.0), 0.1)
    made.post(e.Say(NOTICE, interruptible=False), 0.3)
    made.voice()
    made.post(SpeechStopped(0.0), 0.8)
    made.post(Transcript("what time is it", True), 0.9)
    made.wait(4.0)
    assert (turns(made), not_heard(made)) == (["what time is it"], [])
    whole(made)


@BOTH
def test_one_announcement_after_the_other_is_one_time(mute: tuple[Mute, ...]) -> None:
    made = announced(mute, NOTICE, "It is kept for a year, no longer than that.")
    made.post(SpeechStarted(64.0), 0.7)
    made.post(SpeechStopped(0.0), 1.3)
    made.post(Transcript("i object", True), 1.4)
    made.wait(4.0)
    assert (turns(made), not_heard(made)) == (([], ["i object"]) if mute else (["i object"], []))
    whole(made)


@BOTH
def test_an_announcement_a_moment_after_the_other_leaves_nobody_deaf(mute: tuple[Mute, ...]) -> None:
    made = announced(mute)
    made.post(SpeechStarted(64.0), 0.7)
    made.wait(1.2)  # they speak on, and are heard
    made.post(e.Say(NOTICE, interruptible=False))
    made.voice()
    made.post(SpeechStopped(0.0), 1.6)
    made.post(Transcript("i object to that", True), 1.7)
    made.wait(5.0)
    assert (turns(made), not_heard(made)) == (["i object to that"], [])
    whole(made)


@BOTH
def test_a_final_that_is_lost_leaves_nobody_deaf(mute: tuple[Mute, ...]) -> None:
    made = announced(mute)
    made.post(SpeechStarted(64.0), 0.2)
    made.post(SpeechStopped(0.0), 0.5)
    made.wait(6.0)
    whole(made)
    made.post(SpeechStarted(64.0), 8.0)
    made.post(SpeechStopped(0.0), 8.3)
    made.wait(12.0)
    made.post(e.Say(NOTICE, interruptible=False))
    made.voice()
    made.hear("i object", seconds=0.3)
    made.wait(14.0)
    assert ("i object" in turns(made)) == (not mute), "its final is not taken for the one that was lost"
    whole(made)


@BOTH
def test_words_for_which_no_voice_was_noticed_are_judged_by_the_moment(mute: tuple[Mute, ...]) -> None:
    made = announced(mute)
    made.post(Transcript("i object", True), 0.3)
    made.wait(3.0)
    assert (turns(made), not_heard(made)) == (([], ["i object"]) if mute else (["i object"], []))
    made.post(Transcript("hello", True), 4.0)
    made.wait(5.0)
    assert turns(made)[-1] == "hello", "not deaf for ever"
    whole(made)


@BOTH
def test_a_noise_that_lasts_beyond_it_is_nothing(mute: tuple[Mute, ...]) -> None:
    made = announced(mute)
    made.post(e.Say("And that is what I wanted to say."))
    made.voice()
    made.post(SpeechStarted(64.0), 0.5)
    made.post(SpeechStopped(0.0), 1.9)
    made.post(Transcript("", True), 1.95)
    made.wait(5.0)
    assert [each.text for each in made.told(e.AssistantTurn)] == [NOTICE, "And that is what I wanted to say."]
    assert turns(made) == []


def test_a_final_of_two_speeches_is_heard_if_one_of_them_was() -> None:
    """An engine that follows turns makes one of what the caller began while they were not to be heard."""
    made = answered("speaking")
    made.post(TurnHint("started"), made.now + 0.1)
    made.post(SpeechStarted(64.0))
    made.post(SpeechStopped(0.0), made.now + 0.3)
    made.wait(made.now + 1.0)
    assert not made.core.speaking.playout.busy
    made.post(SpeechStarted(64.0))
    made.post(SpeechStopped(0.0), made.now + 0.3)
    made.post(Transcript("what time is it", True), made.now + 0.2)
    made.post(Transcript("", True))
    made.post(TurnHint("ended"))
    made.wait(made.now + 1.0)
    assert turns(made) == ["tell me", "what time is it"]
    assert made.told(e.NotHeard) == []


def test_a_final_that_never_came_is_forgotten_when_that_of_another_speech_comes() -> None:
    made = answered("speaking")
    made.post(SpeechStarted(64.0))
    made.post(SpeechStopped(0.0), made.now + 0.2)
    silent_at = made.now
    made.wait(silent_at + 2.9)
    assert not made.core.speaking.playout.busy
    made.post(SpeechStarted(64.0))
    made.post(SpeechStopped(0.0), made.now + 0.3)
    made.post(Transcript("what time is it", True), made.now + 0.2)
    made.wait(made.now + 1.0)
    assert turns(made) == ["tell me", "what time is it"]
