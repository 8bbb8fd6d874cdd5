"""An answer whose beginning is spoken before the caller is known to be done.

Elsewhere it was heard though the caller went on, stood in the log or in the captions, or was spoken a second time.
Here sound leaves in the moment in which the turn is over; and of a caller who goes on nobody hears of it, not even as a
message to the page.
"""

from __future__ import annotations

from typing import Literal

import pytest

from audio.endpoint import TurnOptions
from audio.services import Sink, Utterance
from audio.tts.scripted import ScriptedTextToSpeech
from llm.items import UserMessage
from server.agent import Agent
from server.call import events as e
from server.call.model_events import EarlyAnswer
from server.call.policy import Policy
from tests.scenarios.acting import ActedModel, asked
from tests.unit.server.call.session_stand import Stand, virtual

SLOW = TurnOptions(min_delay_ms=1200)
VOICE_MS = 400  # to its first sound
ANSWER = "It is nine o'clock. And a fine day."


class NotedVoice(ScriptedTextToSpeech):
    """The scripted voice, slow to begin, that notes what it spoke."""

    def __init__(self) -> None:
        super().__init__(ms_per_char=50, delay_ms=VOICE_MS)
        self.spoken: list[str] = []

    async def _speak(self, utterance: Utterance, sink: Sink) -> None:
        self.spoken.append(utterance.text)
        await super()._speak(utterance, sink)


def events(call: Stand, kind: type[e.Event]) -> list[tuple[float, e.Event]]:
    return [(at, event) for at, event in call.noted.events if isinstance(event, kind)]


@pytest.mark.parametrize(("early_start", "wait_ms"), [("off", VOICE_MS), ("llm", VOICE_MS), ("llm+tts", 0)])
@virtual
async def test_sound_leaves_in_the_moment_in_which_the_turn_is_over(
    early_start: Literal["off", "llm", "llm+tts"], wait_ms: int
) -> None:
    voice = NotedVoice()
    policy = Policy(early_start=early_start)
    agent = Agent(turn=SLOW, policy=policy, filters=[lambda text: text.replace("nine", "ten")])
    async with Stand(agent, model=ActedModel([[ANSWER]]), voice=voice, lines=["what time is it"]) as call:
        await call.speak(0.6)
        await call.hears_the_bot(ANSWER)
        [(over_at, _)] = events(call, e.UserTurn)
        first_at = call.noted.chunks[0][0]
        assert first_at - over_at == pytest.approx(wait_ms / 1000, abs=0.03)
        assert voice.spoken == ["It is ten o'clock.", " And a fine day."], "as the filters want it, and once"
        assert call.bot == [ANSWER]


@virtual
async def test_a_caller_who_goes_on_hears_and_sees_nothing_of_it() -> None:
    voice = NotedVoice()
    model = ActedModel([["What do you want to know? "], [ANSWER]])
    agent = Agent(turn=SLOW, policy=Policy(early_start="llm+tts"))
    async with Stand(agent, model=model, voice=voice, lines=["tell me", "the time"]) as call:
        await call.talk(0.6)
        await call.talk(0.9, loud=False)
        assert voice.spoken == ["What do you want to know?"], "the voice was quick enough to have begun"
        assert call.noted.chunks == []
        await call.speak(0.6)
        await call.hears_the_bot(ANSWER)
        assert call.bot == [ANSWER]
        assert events(call, EarlyAnswer)[0][1] == EarlyAnswer(1, False, 2, 25)
        assert "What do you want" not in str(call.socket.sent)
    assert asked(model)[-1] == (UserMessage("tell me the time"),)
