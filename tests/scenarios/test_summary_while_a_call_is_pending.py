"""A summary while a call is pending.

Elsewhere the context was condensed while a function ran: the call went into the summary, its result came to a log that
knew no such call, and the provider refused every request from then on; or the result was written into the summary's
place; or turns waited for the summary.
Here a call without its result is never condensed, nor what follows a blocking one; the result belongs to its call
whenever it comes, before the summary or after it; and what was changed meanwhile throws the summary away.
"""

from __future__ import annotations

import asyncio

import pytest
from msgspec import structs

from llm.context import IN_PROGRESS
from llm.events import Ask, Delta, FunctionCall, Infer, InferenceFailed, Inferred, ReplyDone, Request, ToolDone
from llm.items import AssistantMessage, DeveloperMessage, Item, UserMessage
from llm.messages import text_of
from llm.summary import PREFIX, SummaryOptions, is_summary
from llm.tools import FunctionCallParams, tool
from server.agent import Agent
from server.call import events as e
from server.call import model_events as of_model
from tests.scenarios.acting import Act, ActedModel, asked
from tests.scenarios.bench import Breaks, notes, outputs, turns
from tests.unit.server.call.core_stand import Stand as Core
from tests.unit.server.call.core_stand import spec
from tests.unit.server.call.session_stand import Stand, virtual
from tests.unit.server.parts import Call

OPTIONS = SummaryOptions(mode="summary", max_unsummarized_messages=7, min_messages_to_keep=2)
LOOK = spec("look")
TIMER = spec("timer", cancel_on_interruption=False)
ANN = e.Append(DeveloperMessage("The caller's name is Ann."))
SUMMARY = "They talked about three things."


def talk(stand: Core, text: str) -> None:
    """A turn and its answer, each some thirty words long."""
    stand.post(e.UserText(f"{text}: {'question ' * 30}"))
    answer(stand, f"About {text}: {'answer ' * 30}.")


def answer(stand: Core, text: str) -> None:
    """An answer, heard to its end."""
    stand.post(Delta(stand.reply, text))
    stand.post(ReplyDone(stand.reply))
    while stand.playout.busy:
        stand.voice()
        stand.wait(stand.now + 0.5)


def three_turns(*calls: str) -> Core:
    """Six messages, then a turn in which these functions are called: nothing is condensed yet."""
    stand = Core(tools=(LOOK, TIMER), summary=OPTIONS)
    for text in ("one", "two", "three"):
        talk(stand, text)
    stand.post(e.UserText("look it up, all of it"))
    reply = stand.reply
    for number, name in enumerate(calls, 1):
        stand.post(FunctionCall(reply, f"c{number}", name, "{}"))
    stand.post(ReplyDone(reply))
    assert stand.commands(Infer) == []
    return stand


def condensed(stand: Core) -> str:
    """What the model was shown to condense, last."""
    return stand.commands(Infer)[-1].request.items[0].text


def holds_together(items: tuple[Item, ...]) -> None:
    """Each call of the log has its output, each result its call; a call that is not over says so."""
    calls = outputs(items)
    for note in notes(items):
        assert note["tool_call_id"] in calls, "a result without its call"
    assert len([item for item in items if is_summary(item)]) <= 1


# --- a blocking call --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("result_first", [True, False])
def test_a_blocking_call_and_all_that_follows_it_stay(result_first: bool) -> None:
    stand = three_turns("look")
    stand.post(ANN)
    assert len(stand.commands(Infer)) == 1, "eight messages, and one with a call that runs"
    assert IN_PROGRESS not in condensed(stand)
    assert "look(" not in condensed(stand)
    assert "Ann" not in condensed(stand)
    facts: list[e.Fact] = [ToolDone("c1", "completed", "found"), Inferred(1, SUMMARY)]
    for fact in facts if result_first else reversed(facts):
        stand.post(fact)
    assert [each.messages for each in stand.told(of_model.Summarised)] == [7]
    items = stand.core.log.items()
    assert items[0] == DeveloperMessage(PREFIX + SUMMARY)
    assert outputs(items) == {"c1": "found"}
    assert outputs(stand.request.items) == {"c1": "found"}
    assert len(stand.commands(Ask)) == 5, "the result was answered, once"
    assert items[2] == ANN.item


@pytest.mark.parametrize("when", ["before the summary", "after the summary"])
def test_a_blocking_call_that_the_caller_cancels(when: str) -> None:
    stand = three_turns("look")
    stand.post(ANN)
    if when == "after the summary":
        stand.post(Inferred(1, SUMMARY))
    stand.post(e.UserText("never mind"))
    stand.post(ToolDone("c1", "completed", "too late"))
    if when == "before the summary":
        stand.post(Inferred(1, SUMMARY))
    items = stand.core.log.items()
    assert is_summary(items[0])
    assert outputs(items) == {"c1": "CANCELLED"}
    assert turns(stand.request.items)[-1] == "never mind", "it did not wait for the summary"


def test_a_group_of_which_one_has_its_result() -> None:
    stand = three_turns("look", "look")
    stand.post(ToolDone("c1", "completed", "the first"))
    stand.post(ANN)
    assert "the first" not in condensed(stand), "one message holds both"
    stand.post(Inferred(1, SUMMARY))
    stand.post(ToolDone("c2", "failed", "Error: no luck"))
    assert outputs(stand.request.items) == {"c1": "the first", "c2": "Error: no luck"}


# --- an async call ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("later", range(0, 9))
def test_an_async_call_stays_while_the_rest_around_it_is_condensed(later: int) -> None:
    """Its result comes after so many more turns, each of which may be condensed."""
    stand = three_turns("timer")
    answer(stand, "It runs.")
    for number in range(9):
        if number == later:
            stand.post(ToolDone("c1", "completed", "it rang"))
        if number >= later:
            stand.post(ReplyDone(stand.reply))
        talk(stand, f"more {number}")
        for infer in stand.commands(Infer):
            stand.post(Inferred(infer.job, SUMMARY))
        for ask in stand.commands(Ask):
            holds_together(ask.request.items)
    told = [each.messages for each in stand.told(of_model.Summarised)]
    assert len(told) >= 2
    assert stand.told(of_model.SummaryFailed) == []
    shown = next(ask.request for ask in stand.commands(Ask) if "it rang" in str(ask.request.items))
    assert "c1" in outputs(shown.items), "the model was told of it, and of what it had called"
    texts = [infer.request.items[0].text for infer in stand.commands(Infer)]
    assert all("it rang" in text for text in texts if "timer" in text), "only with its result"


@pytest.mark.parametrize("order", ["result, summary", "summary, result"])
def test_a_background_result_and_the_summary_cross(order: str) -> None:
    stand = three_turns("timer")
    answer(stand, "It runs.")
    stand.post(ANN)
    assert len(stand.commands(Infer)) == 1
    for each in order.split(", "):
        stand.post(ToolDone("c1", "completed", "it rang") if each == "result" else Inferred(1, SUMMARY))
    stand.post(e.UserText("hello?"))
    items = stand.request.items
    assert is_summary(items[0])
    assert list(outputs(items)) == ["c1"]
    assert [(note["tool_call_id"], note["result"]) for note in notes(items)] == [("c1", "it rang")]
    places = [n for n, item in enumerate(items) if (isinstance(item, AssistantMessage) and item.calls) or notes([item])]
    assert places == sorted(places)


# --- changed meanwhile ------------------------------------------------------------------------------------------------


def test_a_conversation_that_was_edited_meanwhile_throws_the_summary_away() -> None:
    stand = three_turns("look")
    stand.post(ANN)
    edited = [item for item in stand.core.log.items() if not isinstance(item, AssistantMessage) or not item.calls]
    edited[0] = UserMessage("one: in other words")
    stand.post(e.Rewrite(tuple(edited)))
    before = stand.core.log.items()
    stand.post(Inferred(1, SUMMARY))
    assert stand.core.log.items() == before
    assert [each.reason for each in stand.told(of_model.SummaryFailed)] == ["the conversation was changed meanwhile"]
    stand.post(ToolDone("c1", "completed", "found"))
    assert outputs(stand.request.items) == {"c1": "found"}
    assert stand.request.items[0] == UserMessage("one: in other words")


def test_a_call_whose_result_was_edited_meanwhile() -> None:
    """The application shortens the result of an old call, which the summary was to cover."""
    stand = Core(tools=(LOOK,), summary=OPTIONS)
    stand.post(e.UserText("look"))
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(ReplyDone(1))
    stand.post(ToolDone("c1", "completed", "found " * 100))
    answer(stand, "Here it is.")
    for text in ("one", "two", "three"):
        talk(stand, text)
    assert "found" in condensed(stand)

    def shorter(item: Item) -> Item:
        if not isinstance(item, AssistantMessage):
            return item
        return structs.replace(item, calls=tuple(structs.replace(call, output="found") for call in item.calls))

    stand.post(e.Rewrite(tuple(map(shorter, stand.core.log.items()))))
    stand.post(Inferred(1, SUMMARY))
    assert stand.told(of_model.Summarised) == []
    assert outputs(stand.core.log.items()) == {"c1": "found"}


@pytest.mark.parametrize("failure", [InferenceFailed(1, "overloaded"), Inferred(1, " "), None])
def test_a_summary_that_fails_leaves_the_log_and_the_call_as_they_are(failure: e.Fact | None) -> None:
    stand = three_turns("timer")
    answer(stand, "It runs.")
    stand.post(ANN)
    before = stand.core.log.items()
    if failure is None:
        stand.wait(stand.now + OPTIONS.timeout_s + 6.0)
    else:
        stand.post(failure)
    said = stand.core.log.items()[len(before) :]  # somebody asked whether the caller is still there
    assert stand.core.log.items()[: len(before)] == before
    assert not notes(said)
    assert len(stand.told(of_model.SummaryFailed)) == 1
    stand.post(ToolDone("c1", "completed", "it rang"))
    stand.post(Inferred(1, SUMMARY))
    assert stand.told(of_model.Summarised) == [], "what comes of it later is nobody's"
    stand.post(e.UserText("hello?"))
    assert outputs(stand.request.items).keys() == {"c1"}
    assert [note["result"] for note in notes(stand.request.items)] == ["it rang"]


# --- with tasks -------------------------------------------------------------------------------------------------------

LONG = "words " * 60


@pytest.mark.parametrize("summary_s", [0.1, 1.0, 1.9, 2.1, 4.0])
@pytest.mark.parametrize("blocking", [True, False])
@virtual
async def test_in_a_session(blocking: bool, summary_s: float) -> None:
    """A tool of 2 s tells the log something, which makes it too long; the summary comes before the result or after."""

    @tool(cancel_on_interruption=blocking)
    async def look(params: FunctionCallParams) -> str:
        """Look."""
        await params.context.append(DeveloperMessage("The look-up has begun."))
        await asyncio.sleep(2.0)
        return "found"

    def act(request: Request) -> Act:
        if isinstance(request.items[-1], UserMessage):
            return [Call("look")] if request.items[-1].text == "look" else ["Yes."]
        return ["It is found."] if "found" in str(request.items) else []

    model = ActedModel(act, infers=[summary_s, SUMMARY])
    options = SummaryOptions(mode="summary", max_unsummarized_messages=7, min_messages_to_keep=2)
    async with Stand(Agent(tools=[look]), model=model, summary=options) as call:
        for number in range(3):
            call.send("text", text=f"{number} {LONG}")
            await asyncio.sleep(1.0)
        call.send("text", text="look")
        await call.hears_the_bot("It is found.")
        await asyncio.sleep(5.0)
        log = call.session.handle.log
    assert len(model.inferred) == 1
    assert "look(" not in text_of(model.inferred[0].items)
    assert is_summary(log[0])
    assert log[0] == DeveloperMessage(PREFIX + SUMMARY)
    for items in [*asked(model), log]:
        holds_together(items)
    results = [*outputs(log).values(), *(note["result"] for note in notes(log))]
    assert results.count("found") == 1
    assert len(asked(model)) == 5 + (not blocking)


@virtual
async def test_in_a_session_a_summary_that_fails_is_told_and_nothing_is_lost() -> None:
    failed: list[str] = []
    agent = Agent()

    @agent.on("summary_failed")
    async def told(call: object, event: of_model.SummaryFailed) -> None:
        failed.append(event.reason)

    model = ActedModel(lambda _: ["Yes."], infers=[0.5, Breaks("overloaded")])
    async with Stand(agent, model=model, summary=OPTIONS) as call:
        for number in range(5):
            call.send("text", text=f"{number} {LONG}")
            await asyncio.sleep(1.0)
        assert len(turns(call.session.handle.log)) == 5
    assert set(failed) == {"overloaded"}
