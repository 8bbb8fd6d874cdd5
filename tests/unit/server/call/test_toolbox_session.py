"""Registered functions in a whole call: open until their time is up, and every name to the catch-all."""

from __future__ import annotations

import asyncio

from llm.items import AssistantMessage
from llm.tools import FunctionCallParams, FunctionCallResultProperties
from server.agent import Agent
from tests.unit.server.call.session_stand import Stand, virtual
from tests.unit.server.call.toolbox_stand import LATE, Later, Updated
from tests.unit.server.parts import Call, DirectModel


@virtual
async def test_a_handler_that_never_calls_back_is_given_up_and_what_comes_then_is_late() -> None:
    later, updated = Later(), Updated()
    agent = Agent()
    agent.tools.register_function("later", later, timeout_secs=5)
    async with Stand(agent, [[Call("later")], ["That took too long."]]) as call:
        call.send("text", text="please")
        await call.hears_the_bot("That took too long.")
        (result,) = call.of("tool_result")
        assert (result["status"], result["result"]) == ("timed_out", "Error: timed out after 5 seconds.")
        await later.give("late", properties=FunctionCallResultProperties(on_context_updated=updated))
        assert call.log.said(f"tool later: {LATE}", "WARNING")
        assert len(call.of("tool_result")) == 1
    assert updated.times == 0
    assert call.dropped == {"tool_results": 1}


@virtual
async def test_a_handler_that_called_back_in_time_is_heard() -> None:
    later = Later()
    logs: list[int] = []

    async def updated() -> None:
        logs.append(str(call.session.handle.log).count("in the nick of time"))

    agent = Agent()
    agent.tools.register_function("later", later, timeout_secs=5)
    async with Stand(agent, [[Call("later")], ["There it is."]]) as call:
        call.send("text", text="please")
        await call.hears("tool_call")
        await asyncio.sleep(4)
        properties = FunctionCallResultProperties(on_context_updated=updated)
        await later.give("in the nick of time", properties=properties)
        await call.hears_the_bot("There it is.")
    assert logs == [1]


@virtual
async def test_a_call_that_is_still_open_at_the_end_is_over_then() -> None:
    later = Later()
    agent = Agent()
    agent.tools.register_function("later", later, cancel_on_interruption=False)
    async with Stand(agent, [[Call("later")], ["It runs."]]) as call:
        call.send("text", text="please")
        await call.hears_the_bot("It runs.")
        call.send("end")
        await call.ended()
        await later.give("late")
        assert call.log.said(f"tool later: {LATE}", "WARNING")


@virtual
async def test_a_turn_of_the_caller_ends_a_call_whose_handler_has_returned() -> None:
    later = Later()
    agent = Agent()
    agent.tools.register_function("later", later)
    async with Stand(agent, [[Call("later")], ["Another thing, then."]]) as call:
        call.send("text", text="please")
        await call.hears("tool_call")
        await asyncio.sleep(1)
        call.send("text", text="no, something else")
        await call.hears_the_bot("Another thing, then.")
        assert call.of("tool_result")[0]["status"] == "cancelled"
        await later.give("late")
        assert call.log.said(f"tool later: {LATE}", "WARNING")


@virtual
async def test_a_catch_all_runs_what_nobody_else_takes() -> None:
    async def anything(params: FunctionCallParams) -> None:
        await params.result_callback(f"{params.function_name}: {params.arguments}")

    agent = Agent()
    agent.tools.register_function(None, anything)
    async with Stand(agent, [[Call("weather", '{"town": "Ulm"}'), Call("stocks")], ["Fine."]]) as call:
        call.send("text", text="please")
        await call.hears_the_bot("Fine.")
    assert isinstance(call.model, DirectModel)
    first, second = call.model.asked
    assert first.tools == ()
    said = [item for item in second.items if isinstance(item, AssistantMessage)]
    assert [each.output for each in said[-1].calls] == ["weather: {'town': 'Ulm'}", "stocks: {}"]


@virtual
async def test_functions_come_and_go_in_the_middle_of_a_call() -> None:
    later = Later()

    async def meet(params: FunctionCallParams) -> None:
        """Meet a new function."""
        params.llm.register_function("later", later, schema={"type": "object"})
        params.llm.unregister_function("meet")
        await params.result_callback("met")

    agent = Agent()
    agent.tools.register_direct_function(meet)
    async with Stand(agent, [[Call("meet")], [Call("later"), Call("meet")], ["Done."]]) as call:
        call.send("text", text="please")
        await call.hears("tool_call", name="later")
        await asyncio.sleep(1)
        await later.give("here")
        await call.hears_the_bot("Done.")
    assert isinstance(call.model, DirectModel)
    assert [[tool.name for tool in request.tools] for request in call.model.asked] == [["meet"], ["later"], ["later"]]
    said = [item for item in call.model.asked[-1].items if isinstance(item, AssistantMessage)]
    outputs = [each.output for each in said[-1].calls]
    assert outputs == ["here", "Error: function 'meet' is not registered."]
    assert agent.tools.has_function("meet")  # the next call begins as this one did
    assert not agent.tools.has_function("later")
