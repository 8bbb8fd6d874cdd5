"""An answer cut by a drop and taken up again without repeating.

Elsewhere a connection that broke in the middle of an answer meant an answer that stopped in the middle of a word and
was never ended; or everything was asked again, and the caller heard the beginning twice.
Here the log knows what was said: the rest is asked for on the next connection with exactly that before it, and who only
listens does not notice. A caller who interrupts meanwhile is not made to hear the rest.
"""

from __future__ import annotations

import asyncio
from itertools import chain, repeat

import pytest

from llm.events import Delta, LinkDown, LinkUp, ReplyDone
from llm.local.faults import Faults
from llm.local.scripted import words as counting
from llm.tools import tool
from server.agent import Agent
from server.call import events as e
from server.call import model_events as of_model
from server.call.policy import Policy, Sentences
from tests.scenarios.bench import turns, words
from tests.scenarios.whole import Answer, Asked, Scripted, Whole, going_on, local, saying
from tests.unit.server.call.core_stand import Stand as Core
from tests.virtual.loop import run

STORY = "Once a cat lived in a lighthouse. At night she lit the lamp. It went out, and she sang on the rock."
COUNT = len(STORY.split())

# --- the core ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("heard_s", [0.0, 0.35, 1.0, 3.0, 3.9])
@pytest.mark.parametrize("away_s", [0.0, 0.5, 8.0])
def test_the_request_shows_what_was_said_and_asks_to_go_on(heard_s: float, away_s: float) -> None:
    """However much of it was heard when the link broke, and however long it takes to come back."""
    stand = Core()
    stand.post(e.UserText("a story"))
    stand.post(Delta(1, "This is the first sentence. This is the second one. This is not yet a sen"))
    stand.voice()
    stand.wait(stand.now + heard_s)
    stand.post(LinkDown("reset"))
    stand.wait(stand.now + away_s)
    stand.post(LinkUp())
    assert words(stand.request.items) == ["This is the first sentence. This is the second one."]
    assert stand.request.note == Sentences().go_on
    stand.post(Delta(2, "This is the third."))
    stand.post(ReplyDone(2))
    stand.voice()
    stand.wait(stand.now + 6.0)
    [turn] = stand.told(e.AssistantTurn)
    assert turn.text == "This is the first sentence. This is the second one. This is the third."


def test_a_turn_of_the_caller_while_the_link_is_down_supersedes_the_rest() -> None:
    stand = Core()
    stand.post(e.UserText("a story"))
    stand.post(Delta(1, "This is the first sentence. This is the second one. And"))
    stand.voice()
    stand.wait(stand.now + 0.35)
    stand.post(LinkDown("reset"))
    stand.hear("no, the time")
    stand.post(LinkUp())
    assert stand.request.note == ""
    assert turns(stand.request.items) == ["a story", "no, the time"]
    assert words(stand.request.items)[0] == "This is the first sentence. This", "what was heard of it"


# --- the whole server -------------------------------------------------------------------------------------------------


def cut(count: int, how: int | None) -> Answer:
    """The beginning of the story, and then the connection breaks, with a close code or without."""

    async def answer(asked: Asked) -> None:
        await asked.say(" ".join(STORY.split()[:count]))
        if how is None:
            asked.connection.transport.abort()
        else:
            await asked.connection.close(how)

    return answer


HOWS = (None, 1000, 1001, 1011, 1012, 1013)


@pytest.mark.parametrize("count", range(0, COUNT + 1))
def test_after_any_word_and_nothing_is_heard_twice(count: int) -> None:
    provider = Scripted(cut(count, HOWS[count % len(HOWS)]), going_on(STORY))
    whole = Whole(provider.act, lanes=count % 2 == 0)
    outcome = run(whole.run("pause 0.1", "type a story", "until rock", "wait", "end"))
    assert " ".join(outcome.heard) == STORY
    assert " ".join(" ".join(words(whole.log)).split()) == STORY
    assert [each.outcome for each in whole.told(of_model.ReplyMetrics)] == ["link_lost", "done"]
    assert whole.told(e.Problem) == []


@pytest.mark.parametrize("lanes", [True, False])
def test_a_drop_after_each_few_words(lanes: bool) -> None:
    """Each connection brings a sentence and a word, and breaks: the delays begin anew each time."""

    async def a_few(asked: Asked) -> None:
        left = STORY.split()[len(asked.said) :]
        sentence = next(n for n, word in enumerate(left, 1) if word.endswith("."))
        await asked.say(" ".join(left[: sentence + 1]))  # with the next word the sentence is known to be over
        if len(left) > sentence:
            asked.connection.transport.abort()
        else:
            await asked.done()

    provider = Scripted(a_few)
    whole = Whole(provider.act, lanes=lanes)
    outcome = run(whole.run("pause 0.1", "type a story", "until rock", "wait", "end"))
    assert " ".join(outcome.heard) == STORY
    assert len(whole.opened_at) == STORY.count(".")


NUMBERS = "Answer zero one two three four five six seven. Eight nine ten eleven."


@pytest.mark.parametrize("events", range(0, 12))
def test_the_local_server_drops_after_any_event(events: int) -> None:
    broken = Faults(token_ms=40, drop_after_events=events, close_code=HOWS[events % len(HOWS)])
    faults = chain([Faults()], [broken], repeat(Faults(token_ms=40)))
    whole = Whole(local(counting(12), faults))
    outcome = run(whole.run("pause 0.1", "type count", "until (?i)eleven", "wait", "end"))
    assert " ".join(outcome.heard) == NUMBERS
    assert len(whole.opened_at) == 2


@pytest.mark.parametrize("count", [4, 9, 14, 20])
@pytest.mark.parametrize("cough_s", [0.1, 0.6])
def test_a_cough_while_the_link_is_away(count: int, cough_s: float) -> None:
    """It is no reason to begin again, nor to forget the rest."""
    provider = Scripted(cut(count, None), going_on(STORY))
    whole = Whole(provider.act)
    lines = ("pause 0.1", "type a story", f"pause {0.05 * count + cough_s}", "cough 0.2", "until rock", "wait", "end")
    outcome = run(whole.run(*lines))
    assert " ".join(outcome.heard) == STORY


@pytest.mark.parametrize("said_s", [0.2, 0.6, 1.0, 1.4])
def test_a_caller_who_interrupts_hears_nothing_more_of_it(said_s: float) -> None:
    provider = Scripted(cut(14, None), saying("It is noon."))
    whole = Whole(provider.act)
    lines = ("pause 0.1", "type a story", f"pause {said_s}", "say 0.8 what time is it", "until noon", "wait", "end")
    outcome = run(whole.run(*lines))
    heard = " ".join(outcome.heard)
    assert heard.endswith("It is noon.")
    assert STORY.startswith(heard.removesuffix("It is noon.").strip())
    assert turns(whole.log) == ["a story", "what time is it"]
    assert " ".join(words(whole.log)[:-1]) in STORY


@pytest.mark.parametrize("drop_s", [0.0, 0.2, 0.5, 0.8])
def test_a_drop_between_a_call_and_its_result(drop_s: float) -> None:
    """The call runs on, the model is asked with its result on the next connection, and the call is not made again."""
    runs: list[str] = []

    @tool
    async def look() -> str:
        """Look."""
        runs.append("look")
        await asyncio.sleep(0.5)
        return "found"

    async def calls(asked: Asked) -> None:
        await asked.say("Let me see.")
        await asked.call("c1", "look")
        await asked.done()
        await asyncio.sleep(drop_s)
        asked.connection.transport.abort()

    provider = Scripted(calls, going_on(f"Let me see. {STORY}"))
    whole = Whole(provider.act, Agent(tools=[look]))
    outcome = run(whole.run("pause 0.1", "type a story", "until rock", "wait", "end"))
    assert (runs, outcome.tools) == (["look"], [("look", "completed")])
    assert " ".join(outcome.heard) == f"Let me see. {STORY}"
    assert "found" in str(provider.asked[1].items)


# --- one that is cut at the same place again and again ----------------------------------------------------------------


@pytest.mark.parametrize("first", ["", "This is the first sentence. And "])
def test_a_link_that_never_brings_more_than_a_few_words_ends_in_an_apology(first: str) -> None:
    """A proxy that cuts each answer after so many bytes: what is owed is given, or apologised for, in 30 s."""
    stand = Core()
    stand.post(e.UserText("a story"))
    stand.post(Delta(1, first))
    while stand.now < 40.0 and not stand.told(e.Problem):
        stand.post(Delta(stand.reply, "and then there"))
        stand.voice()
        stand.post(LinkDown("reset"), stand.now + 0.5)
        stand.post(LinkUp(), stand.now + 0.5)
    assert [each.code for each in stand.told(e.Problem)] == ["no_answer"]
    assert stand.now == pytest.approx(Policy().give_up_s, abs=1.0)
