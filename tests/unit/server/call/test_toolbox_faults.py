"""A bad tool gets one result like any other, and never takes the call down."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from llm.events import ToolDone
from llm.tools import FunctionCallParams, ToolError, tool
from tests.unit.server.call.session_stand import virtual
from tests.unit.server.call.toolbox_stand import LATE, Later, ToolboxStand

# --- cancelled --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["returns", "handler", "direct"])
@virtual
async def test_a_cancelled_tool_stops_and_posts_nothing(style: str) -> None:
    ended: list[str] = []

    async def sleep() -> None:
        try:
            await asyncio.sleep(100)
        finally:
            ended.append(style)

    async def slow(params: FunctionCallParams) -> str:
        """Slow."""
        await sleep()
        await params.result_callback("never")
        return "never"

    async with ToolboxStand() as stand:
        match style:
            case "returns":
                stand.tools.register(slow)
            case "handler":
                stand.tools.register_function("slow", slow)
            case _:
                stand.tools.register_direct_function(slow)
        call_id = stand.start("slow")
        await asyncio.sleep(1)
        stand.toolbox.cancel(call_id)
        stand.toolbox.cancel(call_id)
        await asyncio.sleep(0)
        assert ended == [style]
        await asyncio.sleep(200)
        assert stand.posted == []
        assert stand.log.entries == []


@virtual
async def test_a_tool_that_is_cancelled_before_it_began_does_not_begin() -> None:
    later = Later()
    async with ToolboxStand() as stand:
        stand.tools.register_function("later", later)
        stand.toolbox.cancel(stand.start("later"))
        await asyncio.sleep(1)
        assert stand.posted == []
    assert not hasattr(later, "give")


@virtual
async def test_what_a_tool_says_that_does_not_obey_is_ignored() -> None:
    @tool
    async def stubborn() -> str:
        """Stubborn."""
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            await asyncio.sleep(5)
        return "all the same"

    async def last_word(params: FunctionCallParams) -> None:
        try:
            await asyncio.sleep(100)
        finally:
            await params.result_callback("a last word")

    async with ToolboxStand() as stand:
        stand.tools.register(stubborn)
        stand.tools.register_function("last_word", last_word)
        for name in ("stubborn", "last_word"):
            call_id = stand.start(name)
            await asyncio.sleep(1)
            stand.toolbox.cancel(call_id)
            await asyncio.sleep(200)
            assert len(stand.say(f"tool {name}: {LATE}")) == 1
        assert stand.log.failures == []
        assert [done.call_id for done in stand.posted] == ["c1", "c2"]  # for the ledger to count


def running(name: str) -> list[asyncio.Task[Any]]:
    """The tasks of a tool."""
    return [each for each in asyncio.all_tasks() if each.get_name() == f"the tool {name}"]


@virtual
async def test_a_tool_that_somebody_else_cancels_is_answered() -> None:
    async def slow(params: FunctionCallParams) -> None:
        await asyncio.sleep(100)

    async with ToolboxStand() as stand:
        stand.tools.register_function("slow", slow, cancel_on_interruption=False)
        stand.start("slow")
        await asyncio.sleep(1)
        (task,) = running("slow")
        task.cancel()
        await asyncio.sleep(1)
        assert stand.posted == [ToolDone("c1", "failed", "Error: CancelledError: ")]
        assert stand.say("tool slow was cancelled from outside")


@virtual
async def test_cancelling_what_does_not_run_is_nothing() -> None:
    async with ToolboxStand() as stand:
        stand.toolbox.cancel("c9")
        assert stand.posted == []


# --- failures ---------------------------------------------------------------------------------------------------------


class Broken(Exception):
    """An error that cannot say what it is."""

    def __str__(self) -> str:
        """Nothing."""
        raise LookupError("no words")


class Odd(BaseException):
    """Derived from what is not to be derived from."""


def endless(depth: int) -> int:
    """Never ends."""
    return endless(depth + 1)


@pytest.mark.parametrize(
    ("raises", "says"),
    [
        (lambda: 1 / 0, "Error: ZeroDivisionError: division by zero"),
        (lambda: exec("raise SystemExit(3)"), "Error: SystemExit: 3"),
        (lambda: throw(Broken()), "Error: Broken: [no words for it]"),
        (lambda: throw(Odd("odd")), "Error: Odd: odd"),
        (lambda: throw(ExceptionGroup("two", [ValueError(1), KeyError(2)])), "Error: ExceptionGroup: two (2 sub-"),
        (lambda: throw(asyncio.CancelledError()), "Error: CancelledError: "),
        (lambda: throw(StopAsyncIteration()), "Error: "),
        (lambda: endless(0), "Error: RecursionError: "),
        (lambda: throw(RuntimeError("\ud800")), "Error: RuntimeError: ?"),
    ],
    ids="zero exit broken odd group cancelled stop endless surrogate".split(),
)
@virtual
async def test_whatever_a_handler_raises_the_model_is_told(raises: Callable[[], Any], says: str) -> None:
    async def bad(params: FunctionCallParams) -> None:
        """Bad."""
        await asyncio.sleep(1)
        raises()

    async with ToolboxStand() as stand:
        stand.tools.register_function("handler", bad)
        stand.tools.register_direct_function(bad)
        stand.tools.register(tool(name="returns")(bad))
        for name in ("handler", "bad", "returns"):
            (done,) = await stand.run(name)
            assert isinstance(done, ToolDone)
            assert done.outcome == "failed"
            assert done.result.startswith(says)
            assert any(f"tool {name} failed; the model is told" in line for line in stand.log.failures)


def throw(error: BaseException) -> None:
    """Raise it."""
    raise error


@virtual
async def test_a_failure_after_the_result_is_logged_only() -> None:
    async def done_and_broken(params: FunctionCallParams) -> None:
        await params.result_callback("done")
        raise RuntimeError("too late to matter")

    async with ToolboxStand() as stand:
        stand.tools.register_function("x", done_and_broken)
        assert await stand.run("x") == [ToolDone("c1", "completed", "done")]
        assert any("tool x failed after the call was over" in line for line in stand.log.failures)


@virtual
async def test_a_handler_that_failed_cannot_call_back_later() -> None:
    callbacks: list[Any] = []

    async def bad(params: FunctionCallParams) -> None:
        callbacks.append(params.result_callback)
        raise RuntimeError("no luck")

    async with ToolboxStand() as stand:
        stand.tools.register_function("bad", bad)
        assert await stand.run("bad") == [ToolDone("c1", "failed", "Error: RuntimeError: no luck")]
        await callbacks[0]("late")
        assert stand.say("tool bad", LATE)


class Untold:
    """What nothing can say."""

    def __str__(self) -> str:
        """Nothing."""
        raise LookupError("no words")

    __repr__ = __str__


class Exits:
    """Worse."""

    def __str__(self) -> str:
        """Goes away."""
        raise SystemExit(4)


@pytest.mark.parametrize(
    ("value", "outcome", "says"),
    [
        (Untold(), "completed", "[a Untold that cannot be shown]"),
        ({"a": [Untold()]}, "completed", "[a dict that cannot be shown]"),
        (Exits(), "failed", "Error: SystemExit: 4"),
    ],
)
@virtual
async def test_a_result_that_cannot_be_said_is_said_to_be_one(value: object, outcome: str, says: str) -> None:
    async def by_callback(params: FunctionCallParams) -> None:
        await params.result_callback(value)

    async def by_return() -> object:
        return value

    async with ToolboxStand() as stand:
        stand.tools.register_function("by_callback", by_callback)
        stand.tools.register(by_return)
        for name in ("by_callback", "by_return"):
            (done,) = await stand.run(name)
            assert isinstance(done, ToolDone)
            assert (done.outcome, done.result) == (outcome, says)


@virtual
async def test_properties_of_another_kind_are_the_tool_s_fault() -> None:
    async def look(params: FunctionCallParams) -> None:
        await params.result_callback("x", properties={"run_llm": False})  # type: ignore[arg-type]

    async with ToolboxStand() as stand:
        stand.tools.register_function("look", look)
        (done,) = await stand.run("look")
        assert isinstance(done, ToolDone)
        assert done.result.startswith("Error: AttributeError: ")


# --- threads ----------------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_a_sync_tool_runs_in_a_thread_and_cannot_call_back_from_there() -> None:
    threads: list[object] = []

    @tool
    def other_thread(params: FunctionCallParams) -> str:
        """As some try."""
        threads.append(threading.current_thread())
        asyncio.run(give(params))
        return "never"

    async def give(params: FunctionCallParams) -> None:
        await params.result_callback("from another loop")

    async with ToolboxStand(run_sync=asyncio.to_thread) as stand, asyncio.timeout(20):
        stand.tools.register(other_thread)
        stand.start("other_thread")
        (task,) = running("other_thread")
        await task
        (done,) = stand.posted
        assert isinstance(done, ToolDone)
        assert done.outcome == "failed"
        assert "result_callback was called in another thread's loop" in done.result
    assert threads != [threading.current_thread()]


@virtual
async def test_a_sync_tool_is_run_by_what_was_given_for_it() -> None:
    ran: list[tuple[object, dict[str, Any]]] = []

    async def elsewhere(function: Any, /, **arguments: Any) -> Any:
        ran.append((function, arguments))
        return function(**arguments)

    def add(function: int, self_: int) -> int:
        """Names that the machinery uses itself are fine."""
        return function + self_

    async with ToolboxStand(run_sync=elsewhere) as stand:
        stand.tools.register(add)
        done = await stand.run("add", '{"function": 2, "self_": 3}')
        assert done == [ToolDone("c1", "completed", "5")]
    assert ran == [(add, {"function": 2, "self_": 3})]


@virtual
async def test_a_tool_says_in_its_own_words_that_it_failed() -> None:
    async def order(number: int) -> str:
        """Look an order up."""
        raise ToolError(f"There is no order {number}.")

    async with ToolboxStand() as stand:
        stand.tools.register(order)
        [done] = await stand.run("order", '{"number": 7}')
        assert done == ToolDone("c1", "failed", "There is no order 7.")
        assert stand.say("tool order failed; the model is told")
        assert not stand.log.failures, "a line, and no traceback"
