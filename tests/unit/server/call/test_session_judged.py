"""A real session whose turns are judged by their sound, in virtual time: a voice that fades has ended.

The model is real (features, onnxruntime), though small, and runs at once; its judgement comes when the test says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
import soxr

from audio.endpoint import TurnOptions
from audio.events import TurnJudged
from audio.pcm import to_float, to_pcm
from audio.smart_turn.features import RATE_HZ
from audio.smart_turn.job import SmartTurnModel
from server.call.events import UserTurn
from tests.unit.audio.smart_turn import nets
from tests.unit.audio.smart_turn.voices import voice
from tests.unit.server.call.session_stand import MESSAGE_S, Stand, virtual

TURN = TurnOptions(rules=("acoustic",))
MODEL_S = 0.05
SOON, STOP_MS = 0.04, 224.0
NEVER_S = 100.0


class SlowJudge:
    """A `TurnJudge` that says what the model says, so long after it was asked; too late is None, as in the engine."""

    def __init__(self, model: SmartTurnModel, takes_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._model = model
        self._takes_s = takes_s
        self._due: asyncio.TimerHandle | None = None
        self.windows: list[tuple[int, float]] = []
        self.closed = 0

    def judge(self, pcm: bytes, rate_hz: int, within_s: float, answer: Callable[[float | None], None]) -> None:
        """Judge, and answer later."""
        self.forget()
        self.windows.append((rate_hz, len(pcm) / 2 / rate_hz))
        samples = to_float(pcm) if rate_hz == RATE_HZ else soxr.resample(to_float(pcm), rate_hz, RATE_HZ)
        complete = self._model.judge(samples) if self._takes_s <= within_s else None
        self._due = self._loop.call_later(min(self._takes_s, within_s), answer, complete)

    def forget(self) -> None:
        """No answer comes."""
        if self._due:
            self._due.cancel()

    def close(self) -> None:
        """Count it."""
        self.forget()
        self.closed += 1


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> SmartTurnModel:
    return SmartTurnModel(str(nets.save(tmp_path_factory.mktemp("net") / "net.onnx")))


async def play(call: Stand, *, fades: bool, seconds: float = 1.5, silence_s: float = 0.0) -> None:
    """Say something, in real time."""
    pcm = to_pcm(voice(fades=fades, seconds=seconds, rate_hz=call.rate_hz, silence_s=silence_s))
    size = int(MESSAGE_S * call.rate_hz) * 2
    for at in range(0, len(pcm), size):
        call.socket.incoming.put_nowait(pcm[at : at + size])
        await asyncio.sleep(MESSAGE_S)


def silences(call: Stand) -> list[float]:
    """How long after its last voiced sample each turn was over."""
    turns = [(at, event) for at, event in call.noted.events if isinstance(event, UserTurn)]
    return [at - event.voiced_until for at, event in turns if event.voiced_until is not None]


def judged(call: Stand) -> list[float]:
    return [fact.complete for _, fact in call.noted.facts if isinstance(fact, TurnJudged)]


@pytest.mark.parametrize("rate_hz", [16000, 8000, 24000])
@virtual
async def test_a_voice_that_fades_is_answered_at_once_and_one_that_stops_is_waited_for(
    model: SmartTurnModel, rate_hz: int
) -> None:
    judge = SlowJudge(model, MODEL_S)
    start = {"sample_rate": rate_hz}
    async with Stand(None, [["One."], ["Two."]], lines=["one", "two"], start=start, judge=judge, turn=TURN) as call:
        await play(call, fades=True)
        await call.talk(1.0, loud=False)
        await call.hears_the_bot("One.")
        await play(call, fades=False)
        await call.talk(4.0, loud=False)
        await call.hears_the_bot("Two.")
        fading, stopping = judged(call)
        assert fading > 0.6
        assert stopping < 0.4
        assert silences(call) == [pytest.approx(0.3, abs=0.001), pytest.approx(3.0, abs=0.001)]
    assert judge.closed == 1
    assert {rate for rate, _ in judge.windows} == {8000 if rate_hz == 8000 else 16000}
    assert call.dropped == {}


@virtual
async def test_each_pause_is_judged_and_speech_that_goes_on_makes_a_judgement_void(model: SmartTurnModel) -> None:
    judge = SlowJudge(model, 0.25)
    async with Stand(None, [["Yes."]], lines=["one", "two"], judge=judge, turn=TURN) as call:
        await play(call, fades=True, silence_s=0.4)
        await play(call, fades=False)
        await call.talk(4.0, loud=False)
        await call.hears_the_bot("Yes.")
        [of_the_second] = judged(call)
        assert of_the_second < 0.2
        assert len(judge.windows) == 2
        assert len(silences(call)) == 1
    assert call.dropped == {}, "nobody missed it"


@pytest.mark.parametrize("takes_s", [0.28, NEVER_S])
@virtual
async def test_a_model_that_is_late_costs_a_call_half_a_second_at_the_most_and_is_counted(
    model: SmartTurnModel, takes_s: float
) -> None:
    async with Stand(None, [["Yes."]], judge=SlowJudge(model, takes_s), turn=TURN) as call:
        await play(call, fades=False)
        await call.talk(2.0, loud=False)
        await call.hears_the_bot("Yes.")
        assert judged(call) == []
        assert silences(call) == [pytest.approx(0.5, abs=0.001)]
    assert call.dropped == {"turn_judgements": 1}


@virtual
async def test_a_turn_is_judged_by_its_own_sound_and_half_a_second_before_it(model: SmartTurnModel) -> None:
    judge = SlowJudge(model, MODEL_S)
    async with Stand(None, [["One."], ["Two."]], lines=["a", "b", "c"], judge=judge, turn=TURN) as call:
        await play(call, fades=True)
        await call.talk(2.0, loud=False)
        await call.hears_the_bot("One.")
        await play(call, fades=True, seconds=1.0, silence_s=0.3)
        await play(call, fades=True, seconds=11.0)
        await call.talk(2.0, loud=False)
        await call.hears_the_bot("Two.")
        assert [seconds for _, seconds in judge.windows] == [
            pytest.approx(1.5 + 0.3, abs=0.15),
            pytest.approx(0.5 + 1.0 + 0.3, abs=0.15),
            8.0,
        ], "nothing stands before the first; the last is the end of what was said"


@virtual
async def test_nobody_is_judged_unless_the_rule_is_on(model: SmartTurnModel) -> None:
    judge = SlowJudge(model, MODEL_S)
    async with Stand(None, [["Yes."]], judge=judge) as call:
        await play(call, fades=False)
        await call.talk(1.0, loud=False)
        await call.hears_the_bot("Yes.")
        assert judge.windows == []


@virtual
async def test_a_call_that_ends_in_a_pause_leaves_nothing_behind(model: SmartTurnModel) -> None:
    judge = SlowJudge(model, 0.2)
    async with Stand(None, judge=judge, turn=TURN) as call:
        await play(call, fades=False, silence_s=0.3)
        call.gone()
        await call.ended()
    assert judge.closed == 1
    assert judged(call) == []
