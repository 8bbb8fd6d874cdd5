"""Two tools of a group, one failing.

Elsewhere the exception of one function left its call "in progress", so the group was never complete and the bot said
nothing more; or each result asked the model, which answered twice, the first time without the other half; or the
results stood in the order in which they came and not in that of the calls.
Here the model is asked once, when each call has its one result, of whatever kind, in the order of the calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import permutations

import pytest

from llm.context import IN_PROGRESS
from llm.events import Ask, FunctionCall, LinkDown, LinkUp, Outcome, ReplyDone, ToolDone
from llm.function_calls import CallOptions
from llm.tools import FunctionCallParams, FunctionCallResultProperties, tool
from server.agent import Agent
from server.call import events as e
from tests.scenarios.acting import ActedModel, asked
from tests.scenarios.bench import Answer, Calls, Scene, Takes, notes, outputs
from tests.scenarios.whole import Asked, Scripted, Whole, saying
from tests.unit.server.call.core_stand import Stand as Core
from tests.unit.server.call.core_stand import spec
from tests.unit.server.call.session_stand import Stand, virtual
from tests.unit.server.parts import Call
from tests.virtual.loop import run

# --- the core: every order of the ends --------------------------------------------------------------------------------

ENDS: list[tuple[Outcome, str]] = [("completed", "found"), ("failed", "Error: no luck"), ("timed_out", "Error: late")]


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("call_ends_at", range(4))
def test_asked_once_in_the_order_of_the_calls(order: tuple[int, ...], call_ends_at: int) -> None:
    """The results may come before the answer that made the calls is over."""
    stand = Core(tools=(spec("look"),))
    stand.post(e.UserText("look"))
    for number in range(3):
        stand.post(FunctionCall(1, f"c{number}", "look", "{}"))
    for count, number in enumerate(order):
        if count == call_ends_at:
            stand.post(ReplyDone(1))
        assert len(stand.commands(Ask)) == 1
        outcome, result = ENDS[number]
        stand.post(ToolDone(f"c{number}", outcome, result))
    if call_ends_at == 3:
        stand.post(ReplyDone(1))
    assert len(stand.commands(Ask)) == 2
    assert list(outputs(stand.request.items).items()) == [(f"c{n}", result) for n, (_, result) in enumerate(ENDS)]
    stand.post(ReplyDone(2))
    stand.wait(5.0)
    assert len(stand.commands(Ask)) == 2


@pytest.mark.parametrize("first", [0, 1])
def test_a_link_that_drops_between_the_two_results(first: int) -> None:
    stand = Core(tools=(spec("look"),))
    stand.post(e.UserText("look"))
    stand.post(FunctionCall(1, "c0", "look", "{}"))
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(ReplyDone(1))
    stand.post(ToolDone(f"c{first}", *ENDS[first]))
    stand.post(LinkDown("reset"))
    stand.post(ToolDone(f"c{1 - first}", *ENDS[1 - first]))
    assert len(stand.commands(Ask)) == 1
    stand.post(LinkUp())
    assert list(outputs(stand.request.items).values()) == ["found", "Error: no luck"]


@pytest.mark.parametrize("fails_s", [n / 10 for n in range(2, 30, 2)])
@pytest.mark.parametrize("parallel", [True, False])
def test_whenever_the_other_fails(fails_s: float, parallel: bool) -> None:
    tools = [Takes(spec("look"), 1.5), Takes(spec("bad"), fails_s, "Error: no luck", "failed")]
    calls = CallOptions(run_in_parallel=parallel)
    played = Scene([[Calls("bad"), Calls("look")], ["One is found."]], tools, calls=calls)
    played.types(0.0, "look")
    played.run(8.0).check()
    assert len(played.asked) == 2
    assert played.asked[1][0] == pytest.approx(max(fails_s, 1.5) if parallel else fails_s + 1.5, abs=0.03)
    assert list(outputs(played.requests[1].items).items()) == [("c1", "Error: no luck"), ("c2", "found")]


@pytest.mark.parametrize("fails_s", [0.5, 2.5])
def test_ungrouped_each_result_asks_a_failure_too(fails_s: float) -> None:
    tools = [Takes(spec("look"), 1.5), Takes(spec("bad"), fails_s, "Error: no luck", "failed")]
    answers: list[Answer] = [[Calls("bad"), Calls("look")], ["One."], ["Two."]]
    played = Scene(answers, tools, calls=CallOptions(group_parallel_tools=False))
    played.types(0.0, "look")
    played.run(8.0).check()
    assert [at for at, _ in played.asked[1:]] == pytest.approx(sorted([fails_s, 1.5]), abs=0.03)
    first, both = (list(outputs(request.items).values()) for request in played.requests[1:])
    assert first == (["Error: no luck", IN_PROGRESS] if fails_s < 1.5 else [IN_PROGRESS, "found"])
    assert both == ["Error: no luck", "found"]


# --- with tasks -------------------------------------------------------------------------------------------------------


async def raises(params: FunctionCallParams) -> None:
    raise RuntimeError("no luck today")


async def hangs(params: FunctionCallParams) -> None:
    await asyncio.Event().wait()


async def never_calls_back(params: FunctionCallParams) -> None:
    """It returns, and perhaps somebody gives the result later."""


async def is_cancelled_by_somebody(params: FunctionCallParams) -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(1.0)


async def raises_after_its_result(params: FunctionCallParams) -> None:
    await params.result_callback("bad, but found")
    raise RuntimeError("too late to fail")


async def gives_two(params: FunctionCallParams) -> None:
    await params.result_callback("the first counts")
    await params.result_callback("the second is late")


async def unregisters_the_other(params: FunctionCallParams) -> None:
    await asyncio.sleep(0.5)
    params.llm.unregister_function("good")
    await params.result_callback("gone")


BAD: list[tuple[Callable[[FunctionCallParams], Awaitable[None]], str]] = [
    (raises, "Error: RuntimeError: no luck today"),
    (hangs, "Error: timed out after 4 seconds."),
    (never_calls_back, "Error: timed out after 4 seconds."),
    (is_cancelled_by_somebody, "Error: CancelledError: "),
    (raises_after_its_result, "bad, but found"),
    (gives_two, "the first counts"),
]


def pair(bad: Callable[[FunctionCallParams], Awaitable[None]]) -> Agent:
    """An agent with this tool, and a good one that takes a second."""

    async def good(params: FunctionCallParams) -> None:
        await asyncio.sleep(1.0)
        await params.result_callback("found")

    agent = Agent()
    agent.tools.register_function("good", good)
    agent.tools.register_function("bad", bad, timeout_secs=4.0)
    return agent


@pytest.mark.parametrize("order", ["bad good", "good bad"])
@pytest.mark.parametrize("parallel", [True, False])
@pytest.mark.parametrize(("bad", "says"), BAD, ids=[bad.__name__ for bad, _ in BAD])
@virtual
async def test_a_bad_tool_does_not_take_the_other_along(
    bad: Callable[[FunctionCallParams], Awaitable[None]], says: str, parallel: bool, order: str
) -> None:
    model = ActedModel([[Call(name) for name in order.split()], ["Well, one of them."]])
    expects = bad in (raises, raises_after_its_result)
    calls = CallOptions(run_in_parallel=parallel)
    async with Stand(pair(bad), model=model, expects_failures=expects, calls=calls) as call:
        call.send("text", text="both please")
        await call.hears_the_bot("Well, one of them.")
        await asyncio.sleep(6.0)
        assert len(call.of("tool_result")) == 2
    assert len(model.asked) == 2, "asked once for both"
    results = {"good": "found", "bad": says}
    assert list(outputs(asked(model)[1]).values()) == [results[name] for name in order.split()]


@pytest.mark.parametrize("parallel", [True, False])
@virtual
async def test_one_takes_the_other_away(parallel: bool) -> None:
    """Side by side it has begun; one after the other it is not registered when its turn comes."""
    model = ActedModel([[Call("bad"), Call("good")], ["Well, one of them."]])
    calls = CallOptions(run_in_parallel=parallel)
    async with Stand(pair(unregisters_the_other), model=model, calls=calls) as call:
        call.send("text", text="both please")
        await call.hears_the_bot("Well, one of them.")
    gone = "Error: function 'good' is not registered."
    assert list(outputs(asked(model)[1]).values()) == ["gone", "found" if parallel else gone]


@virtual
async def test_unknown_and_ill_used_functions_are_results_like_any_other() -> None:
    @tool
    async def good(town: str) -> str:
        """Look."""
        await asyncio.sleep(0.5)
        return f"found {town}"

    calls = [Call("god"), Call("good", "{}"), Call("good", '{"town": "Ulm"}'), Call("good", "{")]
    model = ActedModel([calls, ["Well, one of them."]])
    async with Stand(Agent(tools=[good]), model=model) as call:
        call.send("text", text="all please")
        await call.hears_the_bot("Well, one of them.")
    assert len(model.asked) == 2
    results = list(outputs(asked(model)[1]).values())
    assert results[0] == "Error: function 'god' is not registered."
    assert ["town" in results[1], results[2], results[3].startswith("Error: ")] == [True, "found Ulm", True]


@pytest.mark.parametrize("fails_s", [0.5, 1.5])
@virtual
async def test_a_barge_in_cancels_one_and_the_other_has_failed_or_fails(fails_s: float) -> None:
    """The caller's turn is the only thing that is answered, and it sees an end of both."""

    async def fails(params: FunctionCallParams) -> None:
        await asyncio.sleep(fails_s)
        raise RuntimeError("no luck today")

    model = ActedModel([[Call("bad"), Call("good")], ["As you like."]])
    agent = pair(fails)
    async with Stand(agent, model=model, expects_failures=fails_s < 0.8) as call:
        call.send("text", text="both please")
        await asyncio.sleep(0.8)
        call.send("text", text="never mind")
        await call.hears_the_bot("As you like.")
        await asyncio.sleep(5.0)
    failed = "Error: RuntimeError: no luck today" if fails_s < 0.8 else "CANCELLED"
    assert outputs(asked(model)[1]) == {"c1": failed, "c2": "CANCELLED"}
    assert len(model.asked) == 2


@pytest.mark.parametrize("fails", [True, False])
@virtual
async def test_an_async_one_and_a_blocking_one(fails: bool) -> None:
    """The blocking one is waited for, the other is told when it is there: its failure as well."""

    @tool
    async def good() -> str:
        """Look."""
        await asyncio.sleep(1.0)
        return "found"

    @tool(cancel_on_interruption=False)
    async def slow() -> str:
        """Look for long."""
        await asyncio.sleep(3.0)
        if fails:
            raise RuntimeError("no luck today")
        return "found at last"

    model = ActedModel([[Call("slow"), Call("good")], ["One is here."], ["So is the other."]])
    async with Stand(Agent(tools=[good, slow]), model=model, expects_failures=fails) as call:
        call.send("text", text="both please")
        await call.hears_the_bot("So is the other.")
        await asyncio.sleep(3.0)
    assert len(model.asked) == 3
    assert outputs(asked(model)[1])["c2"] == "found"
    assert notes(asked(model)[1]) == []
    expected = {"status": "failed", "result": "Error: RuntimeError: no luck today"}
    if not fails:
        expected = {"status": "finished", "result": "found at last"}
    assert expected.items() <= notes(asked(model)[2])[0].items()


@pytest.mark.parametrize("run_llm", [True, False])
@virtual
async def test_a_failure_asks_the_model_although_the_other_does_not_want_it(run_llm: bool) -> None:
    async def quiet(params: FunctionCallParams) -> None:
        await params.result_callback("found", properties=FunctionCallResultProperties(run_llm=run_llm))

    agent = pair(raises)
    agent.tools.register_function("quiet", quiet)
    model = ActedModel([[Call("quiet"), 0.1, Call("bad")], ["Well."], ["Well, well."]])
    async with Stand(agent, model=model, expects_failures=True) as call:
        call.send("text", text="both please")
        await asyncio.sleep(8.0)
    assert list(outputs(asked(model)[-1]).values()) == ["found", "Error: RuntimeError: no luck today"]


# --- the whole server -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lanes", [True, False])
def test_on_the_wire_both_results_stand_in_the_order_of_the_calls(lanes: bool) -> None:
    async def calls(asked: Asked) -> None:
        await asked.say("Let me see.")
        await asked.call("c1", "bad")
        await asked.call("c2", "good")
        await asked.done()

    provider = Scripted(calls, saying("One of them is here."))
    agent = pair(hangs)
    outcome = run(Whole(provider.act, agent, lanes=lanes).run("type look", "until here", "wait", "end"))
    results = [(each["call_id"], each["output"]) for each in provider.asked[1].items if "output" in each]
    assert results == [("c1", "Error: timed out after 4 seconds."), ("c2", "found")]
    assert outcome.tools == [("good", "completed"), ("bad", "timed_out")]
    assert len(provider.asked) == 2
