"""Which pauses teach how long this caller's are: theirs, also those into which the bot spoke; never the bot's."""

from __future__ import annotations

import pytest

from audio.endpoint import TurnOptions
from audio.events import SpeechStarted, SpeechStopped, Transcript
from llm.events import Ask, Delta, ReplyDone
from server.call import events as e
from server.call.policy import Mute, Policy
from tests.unit.server.call.core_stand import Stand

LONG = "One two three four five six seven eight nine ten."


class Caller(Stand):
    """One whose turns wait for their pauses."""

    def __init__(self, *mute: Mute) -> None:
        super().__init__(turn=TurnOptions(rules=("transcript", "pauses")), policy=Policy(mute=mute))

    def answer(self, text: str) -> None:
        """The model answers, and the voice has it at once."""
        self.post(Delta(self.reply, text))
        self.post(ReplyDone(self.reply))
        self.voice()

    def speak(self, text: str, seconds: float = 0.6) -> None:
        """A voice of so long; what follows is a silence of 0.2 s already."""
        self.post(SpeechStarted(0.0))
        self.wait(self.now + seconds)
        self.post(SpeechStopped(200.0))
        self.post(Transcript(text, True))

    def silence_s(self) -> float:
        """How long the bot now waits after "yes"."""
        turns = len(self.told(e.UserTurn))
        self.speak("yes")
        voiced_until = self.now - 0.2
        while len(self.told(e.UserTurn)) == turns:
            self.wait(self.now + 0.01)
        return self.now - voiced_until


def test_a_pause_into_which_the_bot_spoke_teaches_as_any_other() -> None:
    caller = Caller()
    caller.speak("in the morning")
    caller.wait(caller.now + 0.2)
    caller.answer(LONG)
    caller.wait(caller.now + 0.3)  # 0.7 s of pause, and the bot has begun
    assert caller.told(e.BotSpeech) == [e.BotSpeech(True)]
    assert caller.silence_s() == pytest.approx(0.7 * 0.75, abs=0.03)


def test_callers_who_pause_are_soon_not_cut_off_any_more() -> None:
    caller, cut_off = Caller(), []
    for number in range(8):
        caller.speak(f"first {number}")
        asked, until = len(caller.commands(Ask)), caller.now + 0.4
        while caller.now < until - 1e-9:
            caller.wait(caller.now + 0.02)
            if len(caller.commands(Ask)) > asked:
                asked = len(caller.commands(Ask))
                caller.answer(LONG)
                cut_off.append(number)
        caller.speak(f"second {number}")
        caller.wait(caller.now + 1.5)
        caller.answer("Yes.")
        caller.wait(caller.now + 3.0)
    assert cut_off == [0, 1]


def test_an_answer_of_the_bot_is_no_pause() -> None:
    caller = Caller()
    caller.speak("hello")
    caller.wait(caller.now + 0.15)
    caller.answer("Yes.")
    caller.wait(caller.now + 0.4)
    assert caller.told(e.BotSpeech) == [e.BotSpeech(True), e.BotSpeech(False)]
    assert caller.silence_s() == pytest.approx(0.3, abs=0.03)


def test_two_times_uh_huh_while_the_bot_talks_are_no_pause() -> None:
    caller = Caller()
    caller.speak("tell me a story")
    caller.wait(caller.now + 0.2)
    caller.answer(LONG * 4)
    caller.wait(caller.now + 2.0)
    for _ in range(2):
        caller.speak("uh-huh", 0.3)
        caller.wait(caller.now + 0.5)
    caller.wait(caller.now + 9.0)
    assert caller.silence_s() == pytest.approx(0.3, abs=0.03)


def test_waiting_for_a_slow_model_is_no_pause() -> None:
    caller = Caller()
    caller.speak("book a table")
    caller.wait(caller.now + 2.0)
    assert caller.silence_s() == pytest.approx(0.3, abs=0.03)


def test_who_talks_over_a_bot_that_does_not_listen_made_no_pause() -> None:
    caller = Caller("speaking")
    caller.speak("tell me a story")
    caller.wait(caller.now + 0.2)
    caller.answer("One two three.")
    caller.wait(caller.now + 0.1)
    caller.speak("yes", 2.0)
    caller.wait(caller.now + 2.0)
    assert caller.silence_s() == pytest.approx(0.3, abs=0.03)
