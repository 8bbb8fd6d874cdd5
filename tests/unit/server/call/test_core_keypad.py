"""Keys of a telephone: a turn of their own, ended by `#` or a pause, whatever else goes on."""

from __future__ import annotations

import pytest

from audio.events import SpeechStarted, SpeechStopped, Transcript
from llm.events import Ask, FunctionCall, ReplyDone
from server.call import events as e
from server.call.keypad import MAX_KEYS
from tests.unit.server.call.core_stand import Stand, spec

WORDS = "One two three four five six seven eight nine ten."


def turns(stand: Stand) -> list[str]:
    return [each.text for each in stand.told(e.UserTurn)]


def held(stand: Stand) -> bool:
    return stand.playout.held


def test_pressed_keys_are_a_turn_at_the_hash_or_after_a_pause() -> None:
    stand = Stand()
    stand.post(e.Dtmf("12"))
    stand.post(e.Dtmf("3#"))
    assert turns(stand) == ["[keys pressed: 123#]"]
    stand.post(e.Dtmf("7"))
    stand.wait(stand.now + 1.9)
    stand.post(e.Dtmf("8"))
    stand.wait(stand.now + 2.1)
    assert turns(stand)[1:] == ["[keys pressed: 78]"]


@pytest.mark.parametrize("key", ["#", "*", "*#"])
def test_signs_are_keys_too(key: str) -> None:
    stand = Stand()
    stand.post(e.Dtmf(key))
    stand.wait(stand.now + 2.1)
    assert turns(stand) == [f"[keys pressed: {key}]"]


def test_the_bot_holds_from_the_first_key_on_and_yields_to_all_of_them() -> None:
    stand = Stand(greeting=WORDS)
    stand.voice()
    stand.wait(0.3)
    stand.post(e.Dtmf("1"))
    assert (held(stand), stand.told(e.Interrupted)) == (True, [])
    stand.wait(1.0)
    stand.post(e.Dtmf("2#"))
    assert (held(stand), turns(stand)) == (False, ["[keys pressed: 12#]"])
    assert stand.told(e.AssistantTurn)[-1].text == "One two three four five", "200 ms were on the way"


def test_protected_words_are_heard_to_their_end_and_then_the_keys_are_answered() -> None:
    stand = Stand()
    stand.post(e.Say(WORDS, interruptible=False))
    stand.voice()
    stand.wait(0.3)
    stand.post(e.Dtmf("1"))
    assert not held(stand)
    stand.post(e.Dtmf("#"))
    stand.wait(2.0)
    assert stand.told(e.AssistantTurn)[-1].text == WORDS
    assert (turns(stand), len(stand.commands(Ask))) == (["[keys pressed: 1#]"], 1)


def test_keys_end_what_a_tool_was_to_find_out() -> None:
    stand = Stand(tools=(spec("look"),))
    stand.hear("tell me")
    stand.post(FunctionCall(stand.reply, "c1", "look", "{}"))
    stand.post(ReplyDone(stand.reply))
    stand.post(e.Dtmf("1"))
    assert stand.commands(e.CancelTool) == [], "they are not complete"
    stand.post(e.Dtmf("#"))
    assert [each.call_id for each in stand.commands(e.CancelTool)] == ["c1"]
    assert turns(stand) == ["tell me", "[keys pressed: 1#]"]


def test_who_speaks_and_presses_keys_says_both() -> None:
    stand = Stand()
    stand.post(SpeechStarted(64.0))
    stand.post(e.Dtmf("1#"))
    stand.wait(0.5)
    stand.post(SpeechStopped(200.0))
    stand.post(Transcript("that is it", True))
    stand.wait(1.5)
    assert turns(stand) == ["[keys pressed: 1#]", "that is it"]
    assert len(stand.commands(Ask)) == 1


def test_more_keys_than_a_turn_has_are_dropped_and_told_and_the_hash_still_ends_it() -> None:
    stand = Stand()
    for _ in range(MAX_KEYS):
        stand.post(e.Dtmf("1"))
    assert stand.told(e.Problem) == []
    stand.post(e.Dtmf("2"))
    assert [each.code for each in stand.told(e.Problem)] == ["too_long"]
    stand.post(e.Dtmf("#"))
    assert turns(stand) == [f"[keys pressed: {'1' * MAX_KEYS}]"]
    stand.post(e.Dtmf("3"))
    assert len(turns(stand)) == 1, "the next turn has not ended"
