"""Event handlers in a real session, and the verbs that they have."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from llm.items import AssistantMessage, UserMessage
from llm.tools import tool
from server.agent import Agent
from server.call import handlers
from server.call.handle import CallHandle
from server.config import Limits
from tests.unit.server.call.session_stand import Stand, virtual
from tests.unit.server.parts import Answer, Call, DirectModel


@virtual
async def test_handlers_see_the_call_in_the_order_it_went() -> None:
    agent = Agent(greeting="Hello.")
    seen: list[str] = []

    def note(name: str) -> None:
        @agent.on(name)
        async def noted(call: CallHandle, event: Any) -> None:
            await asyncio.sleep(0.3)  # slower than the events come
            seen.append(name)

    for name in ("call_started", "link", "user_turn", "assistant_turn", "dtmf", "call_ended"):
        note(name)
    async with Stand(agent, [["Good."]]) as call:
        await call.hears_the_bot("Hello.")
        call.send("text", text="hi")
        await call.hears_the_bot("Good.")
        call.send("dtmf", digits="1")
        await asyncio.sleep(0.5)
    assert seen == ["call_started", "link", "assistant_turn", "user_turn", "assistant_turn", "dtmf", "call_ended"]


@virtual
async def test_every_event_of_the_agent_comes_to_its_handler() -> None:
    agent = Agent(greeting="Hello there, how are you today?")
    seen: dict[str, Any] = {}

    @tool
    async def nothing() -> None:
        """Do nothing."""

    agent.tools.register(nothing)
    for name in ("tool_started", "tool_finished", "interrupted", "idle", "error"):

        @agent.on(name)
        async def noted(call: CallHandle, event: Any, name: str = name) -> None:
            seen[name] = event

    async with Stand(agent, [[Call("nothing")], ["Yes."]], stt=None) as call:
        await call.hears("bot_started")
        await call.speak()
        await call.hears_the_bot("Yes.")
        await asyncio.sleep(16)
        assert seen["tool_started"].name == "nothing"
        assert seen["tool_finished"].result == "COMPLETED"
        assert {"interrupted", "idle"} <= seen.keys()
        assert "error" not in seen


@pytest.mark.parametrize("bad", [RuntimeError("no"), SystemExit(1), TimeoutError(), asyncio.CancelledError()], ids=repr)
@virtual
async def test_a_handler_that_fails_is_logged_and_the_call_goes_on(bad: BaseException) -> None:
    agent = Agent()
    seen: list[str] = []

    @agent.on("user_turn")
    async def broken(call: CallHandle) -> None:
        raise bad

    @agent.on("user_turn")
    async def after(call: CallHandle, event: Any) -> None:
        seen.append(event.text)

    async with Stand(agent, [["Yes."]], expects_failures=True) as call:
        call.send("text", text="hi")
        await call.hears_the_bot("Yes.")
        call.send("text", text="there")
        await call.hears("transcript", text="there")
        await asyncio.sleep(0.1)
        assert call.log.said("the handler broken failed; the call goes on", "ERROR")
        assert not call.log.said("did not end")
    assert seen == ["hi", "there"]


@virtual
async def test_a_handler_that_hangs_is_cut_off_and_the_next_runs() -> None:
    agent = Agent()
    seen: list[str] = []

    @agent.on("user_turn")
    async def hangs(call: CallHandle, event: Any) -> None:
        seen.append(event.text)
        await asyncio.Event().wait()

    async with Stand(agent, expects_failures=True) as call:
        call.send("text", text="one")
        await asyncio.sleep(1)
        call.send("text", text="two")
        await asyncio.sleep(handlers.TIMEOUT_S - 2)
        assert seen == ["one"]
        await asyncio.sleep(2)
        assert seen == ["one", "two"]
        assert call.log.said("the handler hangs did not end within 30 s", "ERROR")


@virtual
async def test_the_last_handler_is_waited_for() -> None:
    agent = Agent()
    seen: list[str] = []

    @agent.on("call_ended")
    async def report(call: CallHandle, event: Any) -> None:
        await asyncio.sleep(3)
        seen.append(event.reason)

    async with Stand(agent) as call:
        call.send("end")
        await call.ended()
        assert seen == ["the client ended the call"]


@virtual
async def test_the_last_handler_is_not_waited_for_for_ever() -> None:
    agent = Agent()

    @agent.on("call_ended")
    async def hangs(call: CallHandle) -> None:
        await asyncio.Event().wait()

    async with Stand(agent) as call:
        begin = asyncio.get_running_loop().time()
        call.send("end")
        await call.ended()
        assert asyncio.get_running_loop().time() - begin == pytest.approx(5.0)
        assert call.log.said("the handlers of call_ended did not end within 5 s", "WARNING")


@virtual
async def test_events_that_handlers_are_too_slow_for_are_counted() -> None:
    agent = Agent()

    @agent.on("dtmf")
    async def slow(call: CallHandle) -> None:
        await asyncio.sleep(10)

    async with Stand(agent, limits=Limits(events=4)) as call:
        for _ in range(10):
            call.send("dtmf", digits="1")
        await asyncio.sleep(0.1)
        assert call.log.said("event handlers are too slow", "WARNING")
    assert call.dropped["handler_events"] >= 5


@virtual
async def test_what_a_handler_says_follows_the_greeting_and_survives_a_barge_in() -> None:
    agent = Agent(greeting="Hello there, this is the greeting.")

    @agent.on("call_started")
    async def started(call: CallHandle) -> None:
        await call.say("This call may be recorded.", interruptible=False)

    async with Stand(agent, [["Yes?"]], lines=["wait"]) as call:
        await call.hears("bot_started")
        await call.speak(0.6)
        await call.hears_the_bot("This call may be recorded.")
        await call.hears_the_bot("Yes?")
    assert call.bot[0] in "Hello there, this is the greeting."
    assert call.bot[0] != "Hello there, this is the greeting."
    assert call.bot[1:] == ["This call may be recorded.", "Yes?"]


@virtual
async def test_a_handler_hangs_up_after_its_words() -> None:
    agent = Agent()

    @agent.on("dtmf")
    async def bye(call: CallHandle) -> None:
        await call.say("Goodbye to you.")
        await call.hang_up("pressed a key")

    async with Stand(agent) as call:
        call.send("dtmf", digits="#")
        end = await call.ended()
        assert (end.reason, end.code, call.bot) == ("pressed a key", 1000, ["Goodbye to you."])


@virtual
async def test_a_message_keeps_its_place_among_the_speech() -> None:
    agent = Agent()

    @agent.on("user_turn")
    async def show(call: CallHandle) -> None:
        await call.say("Look at this picture.")
        await call.send({"type": "picture", "n": 1})
        await call.say("And at that one.")
        await call.send({"type": "picture", "n": 2})

    async with Stand(agent) as call:
        call.send("text", text="hi")
        await call.hears("picture", n=2)
        first, second = call.at("picture", n=1), call.at("picture", n=2)
        audio = [at for at, message in call.socket.sent if isinstance(message, bytes)]
        assert audio[0] < first < second
        assert any(first < at < second for at in audio)


@virtual
async def test_a_handler_interrupts() -> None:
    agent = Agent(greeting="Hello there, this is a rather long greeting which goes on.")

    @agent.on("dtmf")
    async def stop(call: CallHandle) -> None:
        await call.interrupt()

    async with Stand(agent) as call:
        await asyncio.sleep(1)
        call.send("dtmf", digits="0")
        await call.hears("clear")
        await call.hears("bot_stopped")
        assert call.bot[0].startswith("Hello there")
        assert not call.bot[0].endswith("goes on.")


@virtual
async def test_a_handler_changes_instructions_and_tools() -> None:
    agent = Agent(instructions="Be brief.")

    @tool
    async def new_tool() -> str:
        """New."""
        return "new"

    @agent.on("call_started")
    async def change(call: CallHandle) -> None:
        await call.update(instructions="Be long.")
        await call.set_tools([new_tool])
        await call.update()

    answers: list[Answer] = [[Call("new_tool")], ["Done."]]
    async with Stand(agent, answers) as call:
        await asyncio.sleep(0.1)
        call.send("text", text="hi")
        await call.hears_the_bot("Done.")
        assert call.of("tool_result")[0]["result"] == "new"
    assert isinstance(call.model, DirectModel)
    request = call.model.asked[0]
    assert (request.instructions, [each.name for each in request.tools]) == ("Be long.", ["new_tool"])
    assert len(agent.tools.specs()) == 0, "the agent is shared; one call's tools are its own"


@virtual
async def test_the_log_is_what_was_said_and_heard() -> None:
    logs: list[Any] = []
    agent = Agent(greeting="Hello.")

    @agent.on("call_ended")
    async def keep(call: CallHandle) -> None:
        logs.extend(call.log)

    async with Stand(agent, [["Fine."]]) as call:
        await call.hears_the_bot("Hello.")
        call.send("text", text="how are you")
        await call.hears_the_bot("Fine.")
    assert logs == [AssistantMessage("Hello."), UserMessage("how are you"), AssistantMessage("Fine.")]


@virtual
async def test_after_the_end_the_verbs_do_nothing() -> None:
    agent = Agent()
    done: list[bool] = []

    @agent.on("call_ended")
    async def too_late(call: CallHandle) -> None:
        await call.say("Hello?")
        await call.send({"type": "x"})
        await call.interrupt()
        await call.update(instructions="x")
        await call.set_tools([])
        await call.hang_up()
        done.append(True)

    async with Stand(agent) as call:
        call.send("end")
        await call.ended()
        assert call.seen[-1]["type"] == "ended"
    assert done == [True]


@virtual
async def test_verbs_refuse_what_is_no_text_and_the_call_goes_on() -> None:
    agent = Agent()
    errors: list[str] = []

    @agent.on("call_started")
    async def wrong(call: CallHandle) -> None:
        for verb in (call.say, call.hang_up):
            with pytest.raises(TypeError, match="a text is wanted, not int"):
                await verb(5)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            await call.update(instructions=["x"])  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            await call.send(object())
        await call.say("half \ud800 pair")
        errors.append("all")

    async with Stand(agent) as call:
        await call.hears_the_bot("half ? pair")
    assert errors == ["all"]
