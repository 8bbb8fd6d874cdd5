"""A tool that speaks.

Elsewhere words that a function said by itself overtook those of the model, or stood in the log between a call and its
result, and the provider refused the next request; a barge-in took them away though the law wanted them heard, or took
the result away together with the words.
Here they are heard after what was being said and before the answer to the result, protected ones to their last word;
the result belongs to the call and does not depend on what becomes of the words.
"""

from __future__ import annotations

import asyncio

import pytest

from llm import items
from llm.events import Request
from llm.items import AssistantMessage, UserMessage
from llm.tools import FunctionCallParams, tool
from server.agent import Agent
from server.call import events as e
from server.call.policy import Sentences
from tests.scenarios.acting import Act, ActedModel, asked
from tests.scenarios.bench import notes, outputs, turns, words
from tests.scenarios.whole import Asked, Scripted, Whole, saying
from tests.unit.server.call.session_stand import Stand, virtual
from tests.unit.server.parts import Call
from tests.virtual.loop import run

SAID = "This call costs nine cents a minute and nobody can help it."
SAID_S = len(SAID) * 0.05  # the voice of the session's stand
ANSWER = "Here is what I found."


class Clerk:
    """A tool that speaks, works, and perhaps speaks again; notes how far it came."""

    def __init__(
        self, *, interruptible: bool = True, blocking: bool = True, work_s: float = 1.0, more: str = ""
    ) -> None:
        self._interruptible = interruptible
        self._work_s = work_s
        self._more = more
        self.steps: list[str] = []
        self.agent = Agent()
        self.agent.tools.register(tool(cancel_on_interruption=blocking)(self.look))

    async def look(self, params: FunctionCallParams) -> str:
        """Look."""
        await params.call.say(SAID, interruptible=self._interruptible)
        self.steps.append("said")
        await asyncio.sleep(self._work_s)
        self.steps.append("worked")
        if self._more:
            await params.call.say(self._more, interruptible=self._interruptible)
        return "found"


# --- in order -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("interruptible", [True, False])
@pytest.mark.parametrize("work_s", [0.0, 1.0, SAID_S, 6.0])
@virtual
async def test_its_words_are_heard_between_those_before_the_call_and_the_answer(
    work_s: float, interruptible: bool
) -> None:
    clerk = Clerk(interruptible=interruptible, work_s=work_s)
    model = ActedModel([["Let me look. ", Call("look")], [ANSWER]])
    async with Stand(clerk.agent, model=model) as call:
        call.send("text", text="look")
        await call.hears_the_bot(ANSWER)
        assert call.bot == ["Let me look.", SAID, ANSWER]
        assert words(call.session.handle.log) == ["Let me look.", SAID, ANSWER]
    assert asked(model)[1] == (
        UserMessage("look"),
        AssistantMessage("Let me look.", (items.Call("c1", "look", "{}", "found"),)),
        AssistantMessage(SAID),
    ), "the call and its result stand together, the words after them"
    assert model.asked[1].note == Sentences().new_result, "else the model sees its own words last"


@virtual
async def test_words_before_and_after_the_work() -> None:
    clerk = Clerk(more="And that is all.")
    model = ActedModel([[Call("look")], [ANSWER]])
    async with Stand(clerk.agent, model=model) as call:
        call.send("text", text="look")
        await call.hears_the_bot(ANSWER)
        assert call.bot == [SAID, "And that is all.", ANSWER]


@virtual
async def test_the_model_still_talks_when_the_tool_does() -> None:
    """What comes of the same answer after the call is said after the tool's words: nobody talks over anybody."""
    clerk = Clerk()
    model = ActedModel([["One moment. ", Call("look"), 0.5, " I am looking. ", 2.0], [ANSWER]])
    async with Stand(clerk.agent, model=model) as call:
        call.send("text", text="look")
        await call.hears_the_bot(ANSWER)
        heard = [each["text"] for each in call.of("transcript", role="assistant", final=True)]
        assert sorted(heard) == sorted(["One moment. I am looking.", SAID, ANSWER])
        assert heard[-1] == ANSWER


@virtual
async def test_two_tools_speak_at_once() -> None:
    """Their words are whole and in the order in which they were said."""

    @tool
    async def greet(name: str, params: FunctionCallParams) -> str:
        """Greet."""
        await params.call.say(f"Good morning {name} and welcome.")
        await asyncio.sleep(0.0 if name == "Bob" else 0.3)
        await params.call.say(f"Goodbye {name}.")
        return name

    ann, bob = (Call("greet", f'{{"name": "{name}"}}') for name in ("Ann", "Bob"))
    model = ActedModel([[ann, bob], [ANSWER]])
    async with Stand(Agent(tools=[greet]), model=model) as call:
        call.send("text", text="greet them")
        await call.hears_the_bot(ANSWER)
        greetings = [f"Good morning {name} and welcome." for name in ("Ann", "Bob")]
        assert call.bot == [*greetings, "Goodbye Bob.", "Goodbye Ann.", ANSWER]


# --- while the caller barges in ---------------------------------------------------------------------------------------

INSTANTS = [n / 100 for n in range(15, 330, 45)]
WORK_S, BARGE_S = 2.5, 0.65  # the turn is confirmed so long after it began, or a little later


def sensible(request: Request) -> Act:
    """Calls the tool, says yes to the caller, and tells the result when it is there and was not told."""
    done = "found" in (*outputs(request.items).values(), *(note["result"] for note in notes(request.items)))
    told = any(ANSWER in text for text in words(request.items))
    begins: Act = []
    if isinstance(request.items[-1], UserMessage):
        begins = ["As you like. "] if "no stop it" in turns(request.items) else [Call("look")]
    return [*begins, ANSWER] if done and not told else begins


async def interrupted(clerk: Clerk, barge_s: float) -> tuple[list[str], tuple[items.Item, ...], Stand]:
    """A call in which the caller barges in so long after the tool began: what was heard, and the log."""
    async with Stand(clerk.agent, model=ActedModel(sensible), lines=["no stop it"]) as call:
        call.send("text", text="look")
        await asyncio.sleep(barge_s)
        await call.speak(0.6)
        await asyncio.sleep(10.0)
        assert turns(call.session.handle.log) == ["look", "no stop it"]
        assert words(call.session.handle.log) == call.bot, "the log has what was heard"
        return call.bot, call.session.handle.log, call


@pytest.mark.parametrize("barge_s", INSTANTS)
@pytest.mark.parametrize("blocking", [True, False])
@virtual
async def test_words_that_may_be_interrupted_are_cut_at_what_was_heard(blocking: bool, barge_s: float) -> None:
    clerk = Clerk(blocking=blocking, work_s=WORK_S)
    bot, log, _ = await interrupted(clerk, barge_s)
    assert SAID.startswith(bot[0])
    assert (len(bot[0]) < len(SAID)) == (barge_s + 0.2 < SAID_S), "up to the lead of the voice"
    assert sum(SAID.startswith(text) for text in bot) == 1, "not said again"
    assert "As you like." in (bot[2] if bot[1] == "Here" else bot[1]), "at the end the answer has just begun"
    check_result(clerk, bot, log, cancelled=blocking and barge_s + BARGE_S < WORK_S)


@pytest.mark.parametrize("barge_s", INSTANTS)
@pytest.mark.parametrize("blocking", [True, False])
@virtual
async def test_protected_words_are_heard_whatever_becomes_of_the_tool(blocking: bool, barge_s: float) -> None:
    clerk = Clerk(interruptible=False, blocking=blocking, work_s=WORK_S)
    bot, log, call = await interrupted(clerk, barge_s)
    assert bot[0] == SAID
    assert barge_s + BARGE_S > SAID_S or call.of("clear") == []
    check_result(clerk, bot, log, cancelled=blocking and barge_s + BARGE_S < WORK_S)


def check_result(clerk: Clerk, bot: list[str], log: tuple[items.Item, ...], *, cancelled: bool) -> None:
    """The result is in the log, and was told, unless the caller did not want it."""
    assert clerk.steps == (["said"] if cancelled else ["said", "worked"])
    results = [*outputs(log).values(), *(note["result"] for note in notes(log))]
    assert ("CANCELLED" if cancelled else "found") in results
    assert sum(ANSWER in text for text in bot) == (not cancelled)


@pytest.mark.parametrize("interruptible", [True, False])
@pytest.mark.parametrize("noise_s", [0.2, 0.7])
@virtual
async def test_a_noise_loses_none_of_its_words(noise_s: float, interruptible: bool) -> None:
    """Protected ones are said on into it; others are held, a long one is told as an interruption, and they go on."""
    clerk = Clerk(interruptible=interruptible)
    model = ActedModel([[Call("look")], [ANSWER]])
    async with Stand(clerk.agent, model=model, lines=[None]) as call:
        call.send("text", text="look")
        await asyncio.sleep(1.0)
        await call.speak(noise_s)
        await call.hears_the_bot(ANSWER)
        assert call.bot == [SAID, ANSWER]
        told = [type(event) for _, event in call.noted.events]
        stops = int(noise_s > 0.5 and interruptible)
        assert (told.count(e.Interrupted), told.count(e.FalseInterruption)) == (stops, stops)
    assert len(model.asked) == 2


@virtual
async def test_an_async_tool_that_speaks_while_the_caller_does() -> None:
    """Its words wait until the caller is done, and are heard before the answer to them."""
    clerk = Clerk(blocking=False, work_s=2.5, more="And that is all.")
    model = ActedModel([[Call("look")], [], ["As you like."], [ANSWER]])
    async with Stand(clerk.agent, model=model, lines=["and now to something completely different"]) as call:
        call.send("text", text="look")
        await asyncio.sleep(2.0)
        before = len(call.bot)
        await call.talk(1.5)
        assert "And that is all." not in call.bot[before:]
        await call.talk(0.8, loud=False)
        await call.hears_the_bot(ANSWER if len(model.asked) > 3 else "As you like.")
        await asyncio.sleep(3.0)
        assert call.bot[1:3] == ["And that is all.", "As you like."]
    assert [note["result"] for note in notes(asked(model)[-1])] == ["found"]


# --- the samples, on a whole server -----------------------------------------------------------------------------------


@pytest.mark.parametrize("interruptible", [True, False])
@pytest.mark.parametrize("barge_s", [0.3, 0.7, 1.1])
def test_what_the_caller_hears(barge_s: float, interruptible: bool) -> None:
    """A blocking tool that the caller interrupts; here the voice is twice as fast."""
    clerk = Clerk(interruptible=interruptible, work_s=5.0)

    async def calls(asked: Asked) -> None:
        await asked.call("c1", "look")
        await asked.done()

    whole = Whole(Scripted(calls, saying(ANSWER)).act, clerk.agent)
    lines = ("pause 0.1", "type look", f"pause {barge_s}", "say 0.8 no stop it", "until found", "wait", "end")
    outcome = run(whole.run(*lines))
    heard = " ".join(outcome.heard)
    assert heard.endswith(ANSWER)
    first = heard.removesuffix(ANSWER).strip()
    assert first == SAID if not interruptible else SAID.startswith(first) and first != SAID
    assert outputs(whole.log) == {"c1": "CANCELLED"}
    assert clerk.steps == ["said"]
