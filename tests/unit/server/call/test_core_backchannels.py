"""What listeners say while the bot speaks: it goes on, and nothing is forgotten."""

from __future__ import annotations

import pytest

from audio.events import SpeechStarted, SpeechStopped, Transcript
from llm.events import Ask, Cancel, Delta, FunctionCall, LinkUp, ReplyDone, ToolDone
from server.call import events as e
from server.call.backchannels import BACKCHANNELS, is_backchannel, may_be_backchannel
from server.call.policy import Policy, WhileSpeaking
from tests.unit.server.call.core_stand import Stand, spec

LONG = ", ".join(["One two three four five six seven eight nine ten"] * 4) + "."


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("uh-huh", True),
        ("Uh huh.", True),
        ("Okay, okay. Yeah!", True),
        ("I see", True),
        ("all right", True),
        ("okay stop", False),
        ("I see a ship", False),
        ("yes", False),
        ("no", False),
        ("", False),
        ("...", False),
    ],
)
def test_what_is_one(text: str, is_one: bool) -> None:
    assert is_backchannel(text, BACKCHANNELS) is is_one
    assert not is_backchannel(text, ())


@pytest.mark.parametrize(
    ("text", "may_be"),
    [("uh", True), ("okay i", True), ("i", True), ("i want", False), ("uh huh", True), ("see", False), ("", False)],
)
def test_what_may_become_one(text: str, may_be: bool) -> None:
    assert may_be_backchannel(text, BACKCHANNELS) is may_be
    assert not may_be_backchannel(text, ())


def test_phrases_of_ones_own_may_overlap() -> None:
    assert is_backchannel("ja genau ja", ("ja", "ja genau", "genau ja"))
    assert not is_backchannel("ja genau nein", ("ja", "ja genau"))


def speaking(text: str = LONG, **policy: object) -> Stand:
    stand = Stand(policy=Policy(while_speaking=WhileSpeaking(**policy)))  # type: ignore[arg-type]
    stand.hear("tell me")
    stand.post(Delta(1, text))
    stand.post(ReplyDone(1))
    stand.voice()
    stand.wait(stand.now + 0.3)
    return stand


def say(stand: Stand, text: str, seconds: float = 0.4) -> None:
    stand.post(SpeechStarted(64.0))
    stand.wait(stand.now + 0.2)
    stand.post(Transcript(text, False))
    stand.wait(stand.now + seconds - 0.2)
    stand.post(SpeechStopped(200.0))
    stand.post(Transcript(text, True))


def test_the_bot_goes_on_at_once_and_says_every_word() -> None:
    stand = speaking()
    say(stand, "uh-huh")
    assert not stand.playout.held, "not only when the turn is over"
    stand.wait(stand.now + 5.0)
    assert stand.told(e.Backchannel) == [e.Backchannel("uh-huh")]
    assert (stand.told(e.Interrupted), len(stand.told(e.UserTurn)), len(stand.commands(Ask))) == ([], 1, 1)
    assert stand.told(e.AssistantTurn)[-1].text == LONG
    assert [each.text for each in stand.told(e.UserTranscript)][-1] == "", "the page takes back what it showed"


def test_a_long_one_of_which_the_words_are_known_too_late_stops_the_bot_and_it_says_the_rest() -> None:
    stand = speaking()
    stand.post(SpeechStarted(64.0))
    stand.wait(stand.now + 0.8)
    assert len(stand.told(e.Interrupted)) == 1
    stand.post(SpeechStopped(200.0))
    stand.post(Transcript("mm-hmm", True))
    stand.wait(stand.now + 0.5)
    stand.voice()
    stand.wait(stand.now + 5.0)
    assert stand.told(e.AssistantTurn)[-1].text == LONG


def test_a_long_one_of_which_the_words_are_known_does_not_stop_it() -> None:
    stand = speaking()
    say(stand, "yeah okay", seconds=1.2)
    stand.wait(stand.now + 5.0)
    assert stand.told(e.Interrupted) == []


def test_the_beginning_of_one_does_not_stop_it_either() -> None:
    stand = speaking()
    stand.post(SpeechStarted(64.0))
    stand.post(Transcript("uh", False))
    assert stand.told(e.Interrupted) == []
    stand.post(Transcript("uh what", False))
    assert len(stand.told(e.Interrupted)) == 1


def test_more_words_stop_it_all_the_same() -> None:
    stand = speaking()
    say(stand, "okay wait a moment")
    stand.wait(stand.now + 0.5)
    assert len(stand.told(e.Interrupted)) == 1
    assert stand.told(e.UserTurn)[-1].text == "okay wait a moment"


def test_at_the_end_of_what_the_bot_says_it_may_be_an_answer() -> None:
    stand = speaking("Do you want it to go?")
    say(stand, "yeah")
    stand.wait(stand.now + 1.0)
    assert stand.told(e.UserTurn)[-1].text == "yeah"


def test_it_is_a_turn_when_the_bot_waits_for_one() -> None:
    stand = speaking("Is that right?")
    stand.wait(stand.now + 2.0)
    stand.hear("right")
    assert stand.told(e.UserTurn)[-1].text == "right"
    assert stand.told(e.Backchannel) == []


def test_it_forgets_neither_a_tool_nor_an_answer_that_is_being_thought_of() -> None:
    stand = Stand(tools=(spec("look"),))
    stand.hear("look it up")
    stand.hear("okay")
    assert stand.commands(Cancel) == []
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(ReplyDone(1))
    stand.hear("uh huh")
    assert stand.commands(e.CancelTool) == []
    stand.post(ToolDone("c1", "completed", "found"))
    assert stand.reply == 2
    assert [each.text for each in stand.told(e.Backchannel)] == ["okay", "uh huh"]


def test_an_answer_that_is_owed_without_a_link_is_not_forgotten() -> None:
    stand = Stand(connected=False)
    stand.hear("hello")
    stand.hear("okay")
    stand.post(LinkUp())
    assert [item.text for item in stand.request.items] == ["hello"]


def test_without_phrases_everything_is_a_turn() -> None:
    stand = speaking(backchannels=())
    say(stand, "uh-huh")
    stand.wait(stand.now + 0.5)
    assert stand.told(e.UserTurn)[-1].text == "uh-huh"
