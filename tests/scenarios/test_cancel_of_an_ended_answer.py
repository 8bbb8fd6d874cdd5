"""A cancel of an answer that just ended.

Elsewhere the cancel and the end of the answer crossed on the wire: the provider refused to cancel what was over, and
its error was taken for the failure of the next answer; or the end that came late was taken for the end of the next,
which was cut off before its first word.
Here what comes of an answer that is over concerns no other, with lanes and without; and the connection stays.
"""

from __future__ import annotations

import asyncio

import pytest

from llm.events import Cancel, Delta, ReplyDone, ReplyFailed
from server.call import events as e
from server.call import model_events as of_model
from tests.scenarios.bench import words
from tests.scenarios.whole import Asked, Scripted, Whole, saying
from tests.unit.server.call.core_stand import Stand as Core
from tests.virtual.loop import run

FIRST = "One two three four five six seven eight nine ten."
SECOND = "This is the whole second answer."
END_S = 0.05 * 10  # when the provider ends the first answer

# --- the core ---------------------------------------------------------------------------------------------------------


def ended(*facts: e.Fact) -> Core:
    """A turn, an answer, and a second turn, in this order."""
    stand = Core()
    stand.post(e.UserText("first"))
    stand.post(Delta(1, FIRST))
    for fact in facts:
        stand.post(fact)
    return stand


@pytest.mark.parametrize("end", [ReplyDone(1), ReplyFailed(1, "cancelled"), ReplyFailed(1, "gone", "fatal")])
def test_the_end_of_a_cancelled_answer_is_not_that_of_the_next(end: e.Fact) -> None:
    stand = ended(e.UserText("second"), end)
    assert stand.commands(Cancel) == [Cancel(1)]
    assert stand.reply == 2
    stand.post(Delta(2, SECOND))
    stand.post(end)
    stand.post(ReplyDone(2))
    stand.voice()
    stand.wait(5.0)
    assert [each.text for each in stand.told(e.AssistantTurn)][-1] == SECOND
    assert [(each.reply, each.outcome) for each in stand.told(of_model.ReplyMetrics)] == [(1, "cancelled"), (2, "done")]
    assert stand.told(e.Problem) == []


def test_what_has_ended_is_not_cancelled() -> None:
    stand = ended(ReplyDone(1), e.UserText("second"))
    assert stand.commands(Cancel) == []
    assert stand.reply == 2


# --- the whole server -------------------------------------------------------------------------------------------------

AROUND_THE_END = [END_S + n / 1000 for n in (-60, -50, -49, -20, -2, -1, 0, 1, 2, 20, 49, 50, 60)]


async def talk(provider: Scripted, *, lanes: bool, typed_s: float) -> Whole:
    """The caller types twice, the second time so long after the first."""
    whole = Whole(provider.act, lanes=lanes)
    outcome = await whole.run("type first", f"pause {typed_s}", "type second", "until answer", "wait", "end")
    assert " ".join(outcome.heard).endswith(SECOND)
    assert outcome.turns[-1].strip() == SECOND
    assert whole.told(e.Problem) == []
    return whole


@pytest.mark.parametrize("lanes", [True, False])
@pytest.mark.parametrize("typed_s", AROUND_THE_END)
def test_around_the_end_of_the_answer(typed_s: float, lanes: bool) -> None:
    provider = Scripted(saying(FIRST), saying(SECOND))
    whole = run(talk(provider, lanes=lanes, typed_s=typed_s))
    assert len(whole.opened_at) == 1
    assert len(provider.asked) == 2
    assert provider.asked[1].items[-1]["content"] == "second"
    outcomes = [(each.reply, each.outcome) for each in whole.told(of_model.ReplyMetrics)]
    assert outcomes in ([(1, "cancelled"), (2, "done")], [(1, "done"), (2, "done")])
    assert words(whole.log)[-1] == SECOND


@pytest.mark.parametrize("typed_s", AROUND_THE_END[::3])
def test_without_lanes_the_rest_is_drained_and_the_next_is_asked_at_its_end(typed_s: float) -> None:
    provider = Scripted(saying(FIRST), saying(SECOND))
    run(talk(provider, lanes=False, typed_s=typed_s))
    assert provider.waits[0] == pytest.approx(max(END_S, typed_s), abs=0.002)


async def ends_like_nobody_expected(asked: Asked) -> None:
    """The end comes twice, then words and an error of an answer that was over."""
    await asked.say(FIRST)
    await asked.done()
    await asked.done()
    await asyncio.sleep(0.3)
    await asked.say("And another thing.", 0.0)
    await asked.refuse("it is over", "response_cancel_not_active")


@pytest.mark.parametrize("typed_s", [0.4, 0.5, 0.6, 0.75])
def test_with_lanes_what_is_said_on_the_lane_of_an_ended_answer_is_nobodys(typed_s: float) -> None:
    provider = Scripted(ends_like_nobody_expected, saying(SECOND, pace_s=0.2))
    whole = run(talk(provider, lanes=True, typed_s=typed_s))
    assert len(whole.opened_at) == 1
    assert len(provider.asked) == 2
    assert "another thing" not in str(whole.log)


@pytest.mark.parametrize("lanes", [True, False])
@pytest.mark.parametrize("kind", ["failed", "incomplete"])
def test_a_cancelled_answer_that_ends_badly_harms_no_other(kind: str, lanes: bool) -> None:
    async def badly(asked: Asked) -> None:
        await asked.say(FIRST)
        await asked.done(kind)

    provider = Scripted(badly, saying(SECOND, pace_s=0.2))
    whole = run(talk(provider, lanes=lanes, typed_s=0.3))
    assert len(whole.opened_at) == 1
    assert [(each.reply, each.outcome) for each in whole.told(of_model.ReplyMetrics)] == [(1, "cancelled"), (2, "done")]


@pytest.mark.parametrize("lanes", [True, False])
def test_many_turns_each_in_the_instant_in_which_an_answer_ends(lanes: bool) -> None:
    provider = Scripted(*[saying(FIRST)] * 6, saying(SECOND))
    whole = Whole(provider.act, lanes=lanes)
    lines = [line for n in range(6) for line in (f"type turn {n}", f"pause {END_S}")]
    outcome = run(whole.run(*lines, "type the last", "until answer", "wait", "end"))
    assert outcome.turns[-1].strip() == SECOND
    assert (len(whole.opened_at), len(provider.asked)) == (1, 7)
