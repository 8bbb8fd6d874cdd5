"""An answer that fails half-way.

Elsewhere an error in the middle of an answer threw the whole of it away: the bot began again from its first word, or
said nothing more; and a function that had been called already was called a second time.
Here the words that came stay and are heard, the rest is asked for without repeating anything, and calls that were made
keep their result.
"""

from __future__ import annotations

import asyncio
from itertools import chain, repeat

import pytest

from llm.events import Ask, Delta, FunctionCall, Progress, ReplyDone, ReplyFailed, ToolDone
from llm.items import AssistantMessage
from llm.local import request as brain
from llm.local.faults import Faults
from llm.local.scripted import scripted
from llm.local.scripted import words as counting
from llm.tools import tool
from server.agent import Agent
from server.call import events as e
from server.call import model_events as of_model
from server.call.policy import Policy, Sentences
from tests.scenarios.bench import Answer, Breaks, Calls, Scene, Takes, notes, outputs, words
from tests.scenarios.whole import Whole, local
from tests.unit.server.call.core_stand import Stand as Core
from tests.unit.server.call.core_stand import spec
from tests.virtual.loop import run
from tests.virtual.stand import Outcome

LOOK = spec("look")
TIMER = spec("timer", cancel_on_interruption=False)
FAILED = ReplyFailed(1, "server_error")


def half_an_answer(**settings: object) -> Core:
    """Two sentences have come, and the beginning of a third; the first was heard."""
    stand = Core(**settings)  # type: ignore[arg-type]
    stand.post(e.UserText("tell me"))
    stand.post(Delta(1, "This is the first. This is the second. And here the th"))
    stand.voice()
    stand.wait(0.5)
    return stand


# --- words ------------------------------------------------------------------------------------------------------------


def test_whole_sentences_stay_and_the_rest_is_asked_for() -> None:
    stand = half_an_answer()
    stand.post(FAILED)
    stand.wait(0.5 + Policy().retry_pause_s)
    assert stand.reply == 2
    assert words(stand.request.items) == ["This is the first. This is the second."], "what is not spoken was not said"
    assert stand.request.note == Sentences().go_on
    stand.post(Delta(2, " And here the third."))
    stand.post(ReplyDone(2))
    stand.voice()
    stand.wait(5.0)
    assert [each.text for each in stand.told(e.AssistantTurn)] == [
        "This is the first. This is the second. And here the third."
    ], "one message, as if nothing had been"
    assert [speak.text for speak in stand.commands(e.Speak)] == [
        "This is the first.",
        " This is the second.",
        " And here the third.",
    ]


def test_a_provider_that_fails_before_the_first_word_is_asked_for_the_same() -> None:
    stand = Core()
    stand.post(e.UserText("tell me"))
    stand.post(Progress(1))
    stand.post(FAILED)
    first = stand.request
    stand.wait(1.0)
    assert (stand.reply, stand.request) == (2, first)


@pytest.mark.parametrize("how", ["turn", "cough"])
def test_the_caller_speaks_before_it_is_asked_again(how: str) -> None:
    """Who says something wants no rest of it; who coughs does."""
    stand = half_an_answer()
    stand.post(FAILED)
    stand.hear("wait" if how == "turn" else "", seconds=0.4)
    stand.wait(stand.now + 1.0)
    assert stand.reply == 2
    assert stand.request.note == ("" if how == "turn" else Sentences().go_on)
    assert words(stand.request.items)[0].startswith("This is the first.")


def test_one_that_fails_again_and_again_is_given_up_and_the_next_turn_begins_anew() -> None:
    stand = half_an_answer()
    for number in range(1, 10):
        if stand.reply == number:
            stand.post(ReplyFailed(number, "server_error"))
            stand.wait(stand.now + 3.0)
    assert len(stand.commands(Ask)) == Policy().max_attempts
    assert [each.code for each in stand.told(e.Problem)][-1] == "no_answer"
    stand.post(e.UserText("again"))
    assert stand.request.note == ""


# --- calls ------------------------------------------------------------------------------------------------------------


def test_a_call_that_was_made_keeps_its_result() -> None:
    stand = half_an_answer(tools=(LOOK,))
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(FAILED)
    stand.wait(3.0)
    assert stand.commands(e.RunTool) == [e.RunTool("c1", "look", "{}")]
    assert stand.reply == 1, "it is asked again with the result"
    stand.post(ToolDone("c1", "completed", "found"))
    assert stand.reply == 2
    message = stand.request.items[-1]
    assert isinstance(message, AssistantMessage)
    assert message.text == "This is the first. This is the second. And here the th"
    assert outputs([message]) == {"c1": "found"}
    assert stand.request.note == Sentences().more_calls, "it may have wanted to call others too"


@pytest.mark.parametrize("fails_s", [n / 1000 for n in range(50, 1500, 60)])
def test_at_whatever_instant_it_fails(fails_s: float) -> None:
    """A background call is made at 0.3 s and has its result at 0.9, a blocking one is made at 0.6 and has it at 1.2."""
    steps: Answer = [
        "I am going to look. ",
        0.3,
        Calls("timer", "t"),
        " And now",
        0.3,
        Calls("look", "l"),
        0.3,
        " so.",
        0.9,
    ]
    calls = [("t", 0.3), ("l", 0.6)]
    made = [call_id for call_id, at in calls if at <= fails_s]
    answers = [up_to(steps, fails_s), ["It is all here."], ["Really."], ["So it is."]]
    played = Scene(answers, [Takes(TIMER, 0.6, "it rang"), Takes(LOOK, 0.6)])
    played.types(0.0, "look")
    played.run(10.0).check()
    assert played.ran == made
    newest = played.requests[-1].items
    assert set(outputs(newest)) == set(made)
    assert outputs(newest).get("l", "found") == "found"
    assert [note["result"] for note in notes(newest)] == ["it rang"] * ("t" in made)


def up_to(steps: Answer, seconds: float) -> Answer:
    """The beginning of an answer, which breaks off then."""
    kept: list[str | Calls | Breaks | float] = []
    at = 0.0
    for step in steps:
        if isinstance(step, float):
            if at + step > seconds:
                break
            at += step
        kept.append(step)
    return [*kept, seconds - at, Breaks()]


# --- the whole server, and the local Responses server -----------------------------------------------------------------

PACE = Faults(token_ms=40)
FINE = repeat(PACE)


def breaking(after: int, *more: int) -> chain[Faults]:
    """The warm-up is fine; the first answer, and perhaps the next ones, fail after so many events."""
    broken = [Faults(token_ms=40, fail_after_events=each) for each in (after, *more)]
    return chain([PACE], broken, FINE)


NUMBERS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split()


@pytest.mark.parametrize("events", range(0, 11))
def test_nothing_is_heard_twice_and_nothing_left_out(events: int) -> None:
    whole = Whole(local(counting(17), breaking(events)))
    outcome = run(whole.run("pause 0.1", "type count", "until (?i)sixteen", "wait", "end"))
    said = [word.strip(".").lower() for word in outcome.heard]
    assert said == ["answer", "zero", *NUMBERS]
    assert [each.outcome for each in whole.told(of_model.ReplyMetrics)] == ["failed", "done"]
    assert len(whole.opened_at) == 1, "the link is fine"


def test_three_failures_in_a_row() -> None:
    whole = Whole(local(counting(17), breaking(8, 4, 6)))
    outcome = run(whole.run("pause 0.1", "type count", "until (?i)sixteen", "wait", "end"))
    assert [word.strip(".").lower() for word in outcome.heard] == ["answer", "zero", *NUMBERS]
    assert [each.outcome for each in whole.told(of_model.ReplyMetrics)] == ["failed"] * 3 + ["done"]


SCRIPT: list[list[brain.Output]] = [
    [brain.Text("Let me have a look."), brain.FunctionCall("look", {}), brain.FunctionCall("look", {})],
    [brain.Text("Both of them are here.")],
]


@pytest.mark.parametrize("events", range(4, 18))
def test_no_call_is_made_twice_whenever_the_answer_breaks_off(events: int) -> None:
    """Words are events 5 and 6, the first call is complete with the 13th, the second with the 17th."""
    outcome, runs = run(looking(events))
    assert runs == (1 if 13 <= events < 17 else 2), "a model that is shown one result does not ask for the other"
    assert [each for _, each in outcome.tools] == ["completed"] * runs
    assert " ".join(outcome.heard) == "Let me have a look. Both of them are here."


async def looking(events: int) -> tuple[Outcome, int]:
    """A call in which a tool of 0.4 s is called twice, and how often it ran."""
    runs: list[float] = []

    @tool
    async def look() -> str:
        """Look."""
        runs.append(0.4)
        await asyncio.sleep(0.4)
        return "found"

    whole = Whole(local(scripted(SCRIPT), breaking(events)), Agent(tools=[look]))
    outcome = await whole.run("pause 0.1", "type look", "until here", "wait", "end")
    assert next(each.outcome for each in whole.told(of_model.ReplyMetrics)) == "failed"
    return outcome, len(runs)
