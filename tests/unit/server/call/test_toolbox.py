"""What a toolbox does with handlers: what they are given, whose result counts, what is late."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from llm.events import ToolDone, ToolUpdate
from llm.tools import FunctionCallParams, FunctionCallResultProperties, tool
from tests.unit.llm.tool_types import Unit
from tests.unit.server.call.session_stand import virtual
from tests.unit.server.call.toolbox_stand import LATE, Later, ToolboxStand, Updated

UPDATE = FunctionCallResultProperties(is_final=False)


# --- what they are given ----------------------------------------------------------------------------------------------


@virtual
async def test_a_handler_knows_its_call() -> None:
    known: list[FunctionCallParams] = []

    async def look(params: FunctionCallParams) -> str:
        """Its return value is nothing."""
        known.append(params)
        await params.result_callback({"seen": True}, properties=FunctionCallResultProperties(run_llm=False))
        return "nothing"

    resources = {"db": [1]}
    async with ToolboxStand(resources) as stand:
        stand.tools.register_function("look", look)
        assert await stand.run("look", '{"at": [1, {}]}') == [ToolDone("c1", "completed", '{"seen":true}', False)]
        (params,) = known
        assert (params.function_name, params.tool_call_id, params.arguments) == ("look", "c1", {"at": [1, {}]})
        assert params.app_resources is resources
        assert params.call is stand.handle
        assert params.llm is stand.handle.llm
        assert params.context is stand.handle.context
        assert stand.log.entries == []


@virtual
async def test_a_direct_function_has_the_call_first_and_its_arguments_by_name() -> None:
    known: list[tuple[FunctionCallParams, int, Unit]] = []

    async def heat(it: FunctionCallParams, to: int, unit: Unit = Unit.CELSIUS) -> str:
        """Heat."""
        known.append((it, to, unit))
        await it.result_callback(None)
        return "nothing"

    async with ToolboxStand() as stand:
        stand.tools.register_direct_function(heat)
        assert await stand.run("heat", '{"to": 20, "unit": "kelvin"}') == [ToolDone("c1", "completed", "COMPLETED")]
        assert await stand.run("heat", '{"to": 20}') == [ToolDone("c2", "completed", "COMPLETED")]
    assert [each[1:] for each in known] == [(20, Unit.KELVIN), (20, Unit.CELSIUS)]
    assert known[0][0].arguments == {"to": 20, "unit": Unit.KELVIN}
    assert known[0][0].function_name == "heat"


@virtual
async def test_a_catch_all_gets_every_name_without_a_handler() -> None:
    async def any_of_them(params: FunctionCallParams) -> None:
        await params.result_callback(f"{params.function_name} of {params.arguments}")

    @tool
    def own() -> str:
        """Its own."""
        return "own"

    async with ToolboxStand() as stand:
        stand.tools.register_function(None, any_of_them)
        stand.tools.register(own)
        assert await stand.run("what ever", '{"x": 1}') == [ToolDone("c1", "completed", "what ever of {'x': 1}")]
        assert await stand.run("own") == [ToolDone("c2", "completed", "own")]


@virtual
async def test_a_function_without_arguments_takes_nothing_in_any_form() -> None:
    async def look(params: FunctionCallParams) -> None:
        """Look."""
        await params.result_callback(params.arguments)

    async with ToolboxStand() as stand:
        stand.tools.register_direct_function(look)
        for text in ("", "null", '""', "{}", "[]"):
            (done,) = await stand.run("look", text)
            assert isinstance(done, ToolDone)
            assert (done.outcome, done.result) == ("completed", "{}")


@pytest.mark.parametrize("text", ['{"to": "ten"}', "{", "[1]", '{"to": 1, "from": 0}', ""])
@virtual
async def test_arguments_that_do_not_fit_are_answered(text: str) -> None:
    ran: list[str] = []

    async def count(params: FunctionCallParams, to: int) -> None:
        """Count."""
        ran.append("count")

    schema = {"type": "object", "properties": {"to": {"type": "integer"}}, "required": ["to"]}
    async with ToolboxStand() as stand:
        stand.tools.register_direct_function(count)
        stand.tools.register_function("count_2", count_2, schema=schema | {"additionalProperties": False})
        for name in ("count", "count_2"):
            (done,) = await stand.run(name, text)
            assert isinstance(done, ToolDone)
            assert done.outcome == "failed"
            assert done.result.startswith(f"Error: the arguments of '{name}' ")
            assert stand.say(f"tool {name}: the model's arguments do not fit")
        assert stand.log.failures == []
    assert ran == []


async def count_2(params: FunctionCallParams) -> None:
    """As `count`, by its schema."""
    raise AssertionError("it ran")


# --- looked up at the start -------------------------------------------------------------------------------------------


@virtual
async def test_an_unknown_function_is_answered() -> None:
    async with ToolboxStand() as stand:
        assert await stand.run("x") == [ToolDone("c1", "failed", "Error: function 'x' is not registered.")]


@virtual
async def test_a_function_that_went_while_its_call_waited_does_not_run() -> None:
    async def look(params: FunctionCallParams) -> None:
        raise AssertionError("it ran")

    async with ToolboxStand() as stand:
        stand.tools.register_function("look", look)
        stand.start("look")
        stand.tools.unregister_function("look")
        await asyncio.sleep(1)
        assert stand.posted == [ToolDone("c1", "failed", "Error: function 'look' is not registered.")]


@virtual
async def test_a_function_that_came_meanwhile_does() -> None:
    async def look(params: FunctionCallParams) -> None:
        await params.result_callback("here")

    async with ToolboxStand() as stand:
        stand.start("look")
        stand.tools.register_function("look", look)
        await asyncio.sleep(1)
        assert stand.posted == [ToolDone("c1", "completed", "here")]


# --- results by the callback ------------------------------------------------------------------------------------------


@virtual
async def test_a_handler_may_return_and_call_back_later() -> None:
    later = Later()
    async with ToolboxStand() as stand:
        stand.tools.register_function("later", later)
        assert await stand.run("later") == []
        await later.give("at last")
        assert stand.posted == [ToolDone("c1", "completed", "at last")]
        assert stand.log.entries == []


@virtual
async def test_what_comes_after_the_core_gave_a_call_up_is_late() -> None:
    later, updated = Later(), Updated()
    async with ToolboxStand() as stand:
        stand.tools.register_function("later", later, cancel_on_interruption=False)
        await stand.run("later")
        stand.toolbox.cancel("c1")
        await later.give("half", properties=UPDATE)
        assert stand.posted == []
        assert stand.say("tool later: an update came after the call was over; it is ignored")
        await later.give("late", properties=FunctionCallResultProperties(on_context_updated=updated))
        assert stand.say("tool later", LATE)
        assert stand.posted == [ToolDone("c1", "completed", "late")]  # for the ledger to count
    assert updated.times == 0


@virtual
async def test_the_first_of_two_final_results_counts() -> None:
    updated = Updated()
    properties = FunctionCallResultProperties(on_context_updated=updated)

    async def twice(params: FunctionCallParams) -> None:
        await params.result_callback("first", properties=properties)
        assert stand.say(LATE) == []
        await params.result_callback("second", properties=properties)

    async with ToolboxStand() as stand:
        stand.tools.register_function("twice", twice)
        first, second = await stand.run("twice")
        assert first == ToolDone("c1", "completed", "first")
        assert second == ToolDone("c1", "completed", "second")  # for the ledger to count
        assert len(stand.say("tool twice", LATE)) == 1
    assert updated.times == 1


@virtual
async def test_a_returned_value_after_a_result_is_a_second_one() -> None:
    @tool
    async def both(params: FunctionCallParams) -> str:
        """Both."""
        await params.result_callback("first")
        return "second"

    @tool
    async def one(params: FunctionCallParams) -> None:
        """One."""
        await params.result_callback("only")

    async with ToolboxStand() as stand:
        stand.tools.register(both)
        stand.tools.register(one)
        assert (await stand.run("both"))[0] == ToolDone("c1", "completed", "first")
        assert len(stand.say("tool both", LATE)) == 1
        assert await stand.run("one") == [ToolDone("c2", "completed", "only")]
        assert not stand.say("tool one")


@pytest.mark.parametrize(("background", "updates"), [(True, 2), (False, 0)])
@virtual
async def test_async_tools_only_give_updates(background: bool, updates: int) -> None:
    async def cook(params: FunctionCallParams) -> None:
        """Cook."""
        await params.result_callback("cold", properties=UPDATE)
        await params.result_callback("warm", properties=UPDATE)
        await params.result_callback("done")

    async with ToolboxStand() as stand:
        stand.tools.register_direct_function(cook, cancel_on_interruption=not background)
        given = [ToolUpdate("c1", "cold"), ToolUpdate("c1", "warm")][:updates]
        assert await stand.run("cook") == [*given, ToolDone("c1", "completed", "done")]
        refused = stand.say("tool cook: only an async tool can give updates; this one is refused")
        assert len(refused) == 2 - updates


@virtual
async def test_a_forgotten_await_before_return_is_made_up_for() -> None:
    async def hand_on(params: FunctionCallParams) -> Any:
        return params.result_callback("handed on")

    def hidden(word: str) -> Any:
        """A plain function that gives a coroutine."""
        return echo(word)

    async def echo(word: str) -> str:
        await asyncio.sleep(1)
        return word

    async with ToolboxStand() as stand:
        stand.tools.register_function("hand_on", hand_on)
        stand.tools.register(hidden)
        assert await stand.run("hand_on") == [ToolDone("c1", "completed", "handed on")]
        assert await stand.run("hidden", '{"word": "x"}') == [ToolDone("c2", "completed", "x")]


# --- once the log has it ----------------------------------------------------------------------------------------------


@virtual
async def test_on_context_updated_runs_once_the_log_has_the_result() -> None:
    seen: list[int] = []

    async def updated() -> None:
        await asyncio.sleep(1)
        seen.append(len(stand.posted))

    async def look(params: FunctionCallParams) -> None:
        for final in (False, True):
            properties = FunctionCallResultProperties(final, on_context_updated=updated)
            await params.result_callback("x", properties=properties)
        assert len(seen) == 2

    async with ToolboxStand() as stand:
        stand.tools.register_function("look", look, cancel_on_interruption=False)
        assert len(await stand.run("look")) == 2
        assert stand.log.entries == []
    assert seen == [1, 2]


@virtual
async def test_it_is_not_run_for_an_update_that_is_refused() -> None:
    updated = Updated()

    async def look(params: FunctionCallParams) -> None:
        await params.result_callback("x", properties=FunctionCallResultProperties(False, on_context_updated=updated))
        await params.result_callback("y")

    async with ToolboxStand() as stand:
        stand.tools.register_function("look", look)
        assert await stand.run("look") == [ToolDone("c1", "completed", "y")]
    assert updated.times == 0


async def raises() -> None:
    raise RuntimeError("no luck")


async def exits() -> None:
    raise SystemExit(3)


async def cancelled() -> None:
    raise asyncio.CancelledError


def plain() -> None:
    """Not async."""


@pytest.mark.parametrize("bad", [raises, exits, cancelled, plain, 3])
@virtual
async def test_its_failure_is_logged_and_the_handler_goes_on(bad: Any) -> None:
    went_on: list[str] = []

    async def look(params: FunctionCallParams) -> None:
        await params.result_callback("x", properties=FunctionCallResultProperties(on_context_updated=bad))
        went_on.append("look")

    async with ToolboxStand() as stand:
        stand.tools.register_function("look", look)
        assert await stand.run("look") == [ToolDone("c1", "completed", "x")]
        assert len(stand.log.failures) == 1
        assert "tool look: its on_context_updated failed" in stand.log.failures[0]
    assert went_on == ["look"]
