"""A key to talk: held, the caller has the floor; let go, their turn is over."""

from __future__ import annotations

from typing import Any

import pytest

from audio.endpoint import TurnOptions
from audio.events import SpeechStarted, SpeechStopped, Transcript
from llm.events import Delta, ReplyDone
from server.call import events as e
from server.call.policy import Policy, WhileSpeaking
from tests.unit.server.call.core_stand import Stand

WORDS = "One two three four five six seven eight nine ten."


def speaking(**settings: Any) -> Stand:
    """A call in which the bot is in the middle of its greeting."""
    made = Stand(greeting=WORDS, **settings)
    made.voice()
    made.wait(0.3)
    return made


def press(stand: Stand, *, key: bool = True) -> None:
    stand.post(e.Muted(False, key))


def let_go(stand: Stand, *, key: bool = True) -> None:
    stand.post(e.Muted(True, key))


def say(stand: Stand, text: str) -> None:
    stand.post(SpeechStarted(64.0))
    stand.wait(stand.now + 0.4)
    stand.post(SpeechStopped(200.0))
    stand.post(Transcript(text, True))


def held(stand: Stand) -> bool:
    return stand.playout.held


def turns(stand: Stand) -> list[str]:
    return [each.text for each in stand.told(e.UserTurn)]


def test_pauses_end_no_turn_while_the_key_is_held() -> None:
    stand = Stand()
    press(stand)
    for part in ("one moment", "I look"):
        say(stand, part)
        stand.wait(stand.now + 5.0)
    assert turns(stand) == []
    let_go(stand)
    assert turns(stand) == ["one moment I look"]


def test_with_a_key_one_may_speak_for_as_long_as_one_likes() -> None:
    stand = speaking()
    press(stand)
    stand.post(SpeechStarted(64.0))
    stand.post(SpeechStopped(0.0), stand.now + 25.0)  # ears without partials: nobody knows a word yet
    let_go(stand)
    assert held(stand)
    stand.post(Transcript("a long story", True), stand.now + 1.0)
    assert turns(stand) == ["a long story"]
    assert stand.told(e.FalseInterruption) == []


@pytest.mark.parametrize(("rules", "key"), [(("transcript",), True), (("key",), False)])
def test_the_client_says_that_it_is_a_key_or_the_agent_does(rules: tuple[str, ...], key: bool) -> None:
    stand = Stand(turn=TurnOptions(rules=rules))  # type: ignore[arg-type]
    press(stand, key=key)
    say(stand, "and")
    let_go(stand, key=key)
    assert turns(stand) == ["and"]


def test_a_microphone_that_is_switched_off_is_no_key() -> None:
    stand = Stand()
    press(stand, key=False)
    say(stand, "and")
    let_go(stand, key=False)
    assert turns(stand) == []
    stand.wait(stand.now + 1.5)
    assert turns(stand) == ["and"]


def test_the_bot_holds_while_the_key_is_held_and_goes_on_if_nothing_was_said() -> None:
    stand = speaking()
    press(stand)
    assert held(stand)
    stand.wait(stand.now + 20.0)
    assert held(stand)
    let_go(stand)
    assert not held(stand)
    stand.wait(stand.now + 2.0)
    assert stand.told(e.AssistantTurn)[-1].text == WORDS
    assert stand.told(e.Interrupted) == []


def test_what_was_said_with_the_key_is_a_turn_also_if_it_is_only_okay() -> None:
    stand = speaking(policy=Policy(while_speaking=WhileSpeaking(backchannel_rest_ms=0.0)))
    press(stand)
    say(stand, "okay")
    let_go(stand)
    assert turns(stand) == ["okay"]
    assert stand.told(e.Backchannel) == []


def test_the_bot_waits_for_words_that_come_late() -> None:
    stand = speaking()
    press(stand)
    stand.post(SpeechStarted(64.0))
    stand.wait(stand.now + 0.2)
    stand.post(SpeechStopped(0.0))
    let_go(stand)
    stand.wait(stand.now + 1.0)
    assert held(stand)
    stand.post(Transcript("stop", True))
    assert turns(stand) == ["stop"]


def test_an_answer_waits_until_the_key_is_let_go() -> None:
    stand = Stand()
    stand.post(e.UserText("tell me"))
    press(stand)
    stand.post(Delta(stand.reply, WORDS))
    stand.post(ReplyDone(stand.reply))
    stand.voice()
    stand.wait(stand.now + 3.0)
    assert stand.told(e.BotSpeech) == []
    let_go(stand)
    stand.wait(stand.now + 2.0)
    assert stand.told(e.AssistantTurn)[-1].text == WORDS


def test_who_is_not_to_be_heard_holds_nothing_with_the_key() -> None:
    stand = speaking(policy=Policy(mute=("speaking",)))
    press(stand)
    say(stand, "stop")
    assert not held(stand)
    let_go(stand)
    stand.wait(stand.now + 2.0)
    assert (turns(stand), stand.told(e.NotHeard)) == ([], [e.NotHeard("stop")])
    press(stand)
    say(stand, "now")
    let_go(stand)
    assert turns(stand) == ["now"]


def test_who_holds_the_key_is_not_asked_whether_they_are_there() -> None:
    stand = Stand()
    press(stand)
    stand.wait(stand.now + 120.0)
    assert stand.told(e.Idle) == []


@pytest.mark.parametrize(("rules", "key"), [(("transcript",), True), (("key",), False)])
def test_a_silent_caller_who_holds_no_key_is_asked_and_said_goodbye_to(rules: tuple[str, ...], key: bool) -> None:
    stand = Stand(turn=TurnOptions(rules=rules))  # type: ignore[arg-type]
    let_go(stand, key=key)
    for until in (16.0, 33.0, 65.0):
        stand.wait(until)
        stand.voice()
    stand.wait(70.0)
    assert [each.times for each in stand.told(e.Idle)] == [1, 2, 3]
    assert stand.commands(e.End) == [e.End("the caller said nothing", 1000)]
