"""Tools in a real session: what they are given, what the model hears of them, what happens when they are bad."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from llm.items import AssistantMessage, DeveloperMessage, Item
from llm.tools import FunctionCallParams, FunctionCallResultProperties, tool
from server.agent import Agent
from tests.unit.server.call.session_stand import Stand, virtual
from tests.unit.server.parts import Answer, Call, DirectModel


def outputs(items: tuple[Item, ...]) -> dict[str, str]:
    """The results in a request, by call."""
    return {call.call_id: call.output for item in items if isinstance(item, AssistantMessage) for call in item.calls}


def asked(call: Stand) -> list[dict[str, str]]:
    assert isinstance(call.model, DirectModel)
    return [outputs(request.items) for request in call.model.asked]


async def ask(call: Stand, text: str = "please") -> None:
    call.send("text", text=text)
    await call.hears("transcript", role="user", text=text, final=True)


@virtual
async def test_the_model_hears_what_an_async_function_gives() -> None:
    @tool
    async def weather(town: str, days: int = 1) -> dict[str, Any]:
        """The weather."""
        await asyncio.sleep(0.5)
        return {"town": town, "days": days}

    answers: list[Answer] = [["Let me see. ", Call("weather", '{"town": "Ulm"}')], ["It is fine."]]
    async with Stand(Agent(tools=[weather]), answers) as call:
        await ask(call)
        await call.hears_the_bot("It is fine.")
        assert call.of("tool_call") == [
            {"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"town": "Ulm"}}
        ]
        (result,) = call.of("tool_result")
        assert (result["status"], result["result"]) == ("completed", '{"town":"Ulm","days":1}')
    assert asked(call) == [{}, {"c1": '{"town":"Ulm","days":1}'}]


@virtual
async def test_a_plain_function_runs_off_the_loop() -> None:
    ran: list[tuple[object, dict[str, Any]]] = []

    @tool
    def add(function: int, self_: int) -> int:
        """Names that the machinery uses itself are fine."""
        return function + self_

    async def elsewhere(function: Any, /, **arguments: Any) -> Any:
        ran.append((function, arguments))
        return function(**arguments)

    answers: list[Answer] = [[Call("add", '{"function": 2, "self_": 3}')], ["Five."]]
    async with Stand(Agent(tools=[add]), answers, run_sync=elsewhere) as call:
        await ask(call)
        await call.hears_the_bot("Five.")
    assert [arguments for _, arguments in ran] == [{"function": 2, "self_": 3}]
    assert asked(call)[1] == {"c1": "5"}


@virtual
async def test_a_tool_knows_its_call() -> None:
    known: list[FunctionCallParams] = []

    @tool
    async def look(what: str, params: FunctionCallParams) -> None:
        """Look."""
        known.append(params)
        params.call.state["seen"] = what

    agent = Agent(tools=[look], app_resources={"db": 1})
    async with Stand(agent, [[Call("look", '{"what": "x"}')]], start={"metadata": {"who": "me"}}) as call:
        await ask(call)
        await call.hears("tool_result", result="COMPLETED")
    (params,) = known
    assert (params.function_name, params.tool_call_id, params.arguments) == ("look", "c1", {"what": "x"})
    assert params.app_resources == {"db": 1}
    assert (params.call.state, params.call.metadata) == ({"seen": "x"}, {"who": "me"})


@pytest.mark.parametrize(("run_llm", "replies"), [(True, 2), (False, 1), (None, 2)])
@virtual
async def test_a_tool_decides_whether_the_model_answers(run_llm: bool | None, replies: int) -> None:
    @tool
    async def note(params: FunctionCallParams) -> str:
        """Note."""
        await params.result_callback("noted", properties=FunctionCallResultProperties(run_llm=run_llm))
        return "this is too late"

    async with Stand(Agent(tools=[note]), [[Call("note")], ["Done."]]) as call:
        await ask(call)
        await call.hears("tool_result", result="noted")
        await asyncio.sleep(3)
        assert len(call.of("tool_result")) == 1
    assert len(asked(call)) == replies


@virtual
async def test_a_second_result_is_late_and_counted() -> None:
    @tool
    async def twice(params: FunctionCallParams) -> None:
        """Twice."""
        await params.result_callback("first")
        await params.result_callback("second")

    async with Stand(Agent(tools=[twice]), [[Call("twice")], ["Done."]]) as call:
        await ask(call)
        await call.hears_the_bot("Done.")
    assert asked(call)[1] == {"c1": "first"}
    assert call.dropped == {"tool_results": 1}


@virtual
async def test_an_async_tool_lets_the_model_go_on_and_comes_back() -> None:
    @tool(cancel_on_interruption=False)
    async def cook(params: FunctionCallParams) -> str:
        """Cook."""
        await asyncio.sleep(4)
        await params.result_callback("half", properties=FunctionCallResultProperties(is_final=False))
        await asyncio.sleep(4)
        return "the egg is ready"

    answers: list[Answer] = [[Call("cook")], ["It is on the stove."], ["Your egg is ready."]]
    async with Stand(Agent(tools=[cook]), answers) as call:
        await ask(call)
        await call.hears_the_bot("It is on the stove.")
        await call.hears("tool_result", status="running", result="half")
        await call.hears_the_bot("Your egg is ready.")
    assert isinstance(call.model, DirectModel)
    notes = [item.text for item in call.model.asked[-1].items if isinstance(item, DeveloperMessage)]
    assert ["half" in note for note in notes] == [True, False]
    assert "the egg is ready" in notes[1]


@virtual
async def test_a_blocking_tool_gives_no_updates() -> None:
    @tool
    async def slow(params: FunctionCallParams) -> str:
        """Slow."""
        await params.result_callback("half", properties=FunctionCallResultProperties(is_final=False))
        return "whole"

    async with Stand(Agent(tools=[slow]), [[Call("slow")], ["Done."]]) as call:
        await ask(call)
        await call.hears_the_bot("Done.")
        assert [each["result"] for each in call.of("tool_result")] == ["whole"]
        assert call.log.said("only an async tool can give updates", "WARNING")


async def of_its_own(_: FunctionCallParams) -> str:
    inner = asyncio.get_running_loop().create_task(asyncio.sleep(1))
    inner.cancel()
    await inner
    return "never"


async def exits(_: FunctionCallParams) -> str:
    raise SystemExit(3)


async def fails(_: FunctionCallParams) -> str:
    raise RuntimeError("no luck today")


async def half_a_pair(_: FunctionCallParams) -> str:
    raise RuntimeError("\ud800")


async def times_out(_: FunctionCallParams) -> str:
    async with asyncio.timeout(0.1):
        await asyncio.sleep(1)
    return "never"


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (fails, "Error: RuntimeError: no luck today"),
        (exits, "Error: SystemExit: 3"),
        (of_its_own, "Error: CancelledError: "),
        (half_a_pair, "Error: RuntimeError: ?"),
        (times_out, "Error: TimeoutError: "),
    ],
)
@virtual
async def test_a_tool_that_fails_tells_the_model_and_the_call_goes_on(bad: Any, says: str) -> None:
    @tool
    async def luck(params: FunctionCallParams) -> str:
        """Try."""
        return str(await bad(params))

    async with Stand(Agent(tools=[luck]), [[Call("luck")], ["Sorry."]], expects_failures=True) as call:
        await ask(call)
        await call.hears_the_bot("Sorry.")
        assert call.of("tool_result")[0]["status"] == "failed"
        assert call.log.said("tool luck failed", "ERROR")
    assert asked(call)[1] == {"c1": says}


class Odd:
    def __str__(self) -> str:
        return "an odd thing"


RING: list[Any] = []
RING.append(RING)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "COMPLETED"),
        ("", ""),
        (b"bytes", '"Ynl0ZXM="'),
        (Odd(), '"an odd thing"'),
        ({1: Odd()}, '{"1":"an odd thing"}'),
        ("half \ud800 pair", "half ? pair"),
        (RING, "[[...]]"),
        ({(1, 2): 3}, '{"(1, 2)":3}'),
        (float("nan"), "null"),
    ],
    ids="nothing empty bytes object inside surrogate ring keys nan".split(),
)
@virtual
async def test_whatever_a_tool_gives_the_model_reads_something(value: object, says: str) -> None:
    @tool
    async def give() -> object:
        """Give."""
        return value

    async with Stand(Agent(tools=[give]), [[Call("give")], ["Well."]]) as call:
        await ask(call)
        await call.hears_the_bot("Well.")
    assert asked(call)[1] == {"c1": says}


@virtual
async def test_arguments_that_do_not_fit_are_explained_to_the_model() -> None:
    @tool
    async def count(to: int) -> int:
        """Count."""
        return to

    bad = [Call("count", text) for text in ('{"to": "ten"}', "{", "[]", '{"to": 1, "from": 0}', "")]
    async with Stand(Agent(tools=[count]), [[*bad, Call("cunt"), Call("count", '{"to": 3}')], ["Three."]]) as call:
        await ask(call)
        await call.hears_the_bot("Three.")
    results = asked(call)[1]
    assert results["c7"] == "3"
    assert results["c6"] == "Error: function 'cunt' is not registered."
    assert all(results[f"c{n}"].startswith("Error: the arguments of 'count' ") for n in range(1, 6))


@virtual
async def test_a_turn_of_the_caller_cancels_a_blocking_tool() -> None:
    ended: list[str] = []

    @tool
    async def slow() -> str:
        """Slow."""
        try:
            await asyncio.sleep(20)
        finally:
            ended.append("slow")
        return "never"

    async with Stand(Agent(tools=[slow]), [[Call("slow")], ["Another thing, then."]]) as call:
        await ask(call, "do the slow thing")
        await asyncio.sleep(1)
        await ask(call, "no, something else")
        await call.hears_the_bot("Another thing, then.")
        assert call.of("tool_result")[0]["status"] == "cancelled"
    assert ended == ["slow"]
    assert asked(call)[1] == {"c1": "CANCELLED"}


@virtual
async def test_a_tool_that_hangs_is_given_up() -> None:
    @tool(timeout_secs=5.0)
    async def hang() -> str:
        """Hang."""
        await asyncio.Event().wait()
        return "never"

    async with Stand(Agent(tools=[hang]), [[Call("hang")], ["That took too long."]]) as call:
        await ask(call)
        await call.hears_the_bot("That took too long.")
    assert asked(call)[1] == {"c1": "Error: timed out after 5 seconds."}


@virtual
async def test_tools_that_run_at_the_end_of_the_call_are_cancelled() -> None:
    ended: list[str] = []

    @tool(cancel_on_interruption=False)
    async def timer() -> str:
        """Set a timer."""
        try:
            await asyncio.sleep(3000)
        finally:
            ended.append("timer")
        return "never"

    async with Stand(Agent(tools=[timer]), [[Call("timer")], ["It runs."]]) as call:
        await ask(call)
        await call.hears_the_bot("It runs.")
        call.send("end")
        await call.ended()
    assert ended == ["timer"]


@virtual
async def test_the_last_words_are_heard_before_a_tool_ends_the_call() -> None:
    @tool(when="after_speech")
    async def end_call(params: FunctionCallParams) -> None:
        """End."""
        await params.result_callback("over", properties=FunctionCallResultProperties(run_llm=False))
        await params.call.hang_up("goodbye")

    async with Stand(Agent(tools=[end_call]), [["Goodbye, and thank you. ", Call("end_call")]]) as call:
        await ask(call)
        end = await call.ended()
        assert (end.code, end.reason) == (1000, "goodbye")
        assert call.bot == ["Goodbye, and thank you."]
        assert call.seen[-1] == {"type": "ended", "reason": "goodbye"}
    assert len(call.heard) / 2 / 16000 == pytest.approx(23 * 0.05, abs=0.06)


@virtual
async def test_a_tool_that_went_away_while_the_call_waited_for_it_is_an_error() -> None:
    @tool(when="after_speech")
    async def last() -> str:
        """Last."""
        return "never"

    answers: list[Answer] = [["A sentence first. ", Call("last")], ["It is gone."]]
    async with Stand(Agent(tools=[last]), answers) as call:
        await ask(call)
        await call.hears("bot_started")
        await call.session.handle.set_tools([])
        await call.hears_the_bot("It is gone.")
    assert asked(call)[1] == {"c1": "Error: function 'last' is not registered."}
