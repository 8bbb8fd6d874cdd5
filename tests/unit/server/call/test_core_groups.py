"""When the results of a group of calls ask the model, and the built-in function that cancels an async call."""

from __future__ import annotations

import json

import pytest

from llm import cancel_tool
from llm.context import IN_PROGRESS
from llm.events import Ask, Delta, FunctionCall, ReplyDone, ToolDone
from llm.function_calls import ANY, CallOptions
from llm.items import AssistantMessage, DeveloperMessage
from server.call import events as e
from tests.unit.server.call.core_stand import Stand, spec

GROUPED = CallOptions()
SINGLE = CallOptions(group_parallel_tools=False)
CANCELLABLE = CallOptions(enable_async_tool_cancellation=True)


def two_calls(options: CallOptions = GROUPED) -> Stand:
    """A stand whose first answer made two calls."""
    stand = Stand(tools=(spec("look"),), calls=options)
    stand.hear("look both up")
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(FunctionCall(1, "c2", "look", "{}"))
    stand.post(ReplyDone(1))
    return stand


def outputs(stand: Stand) -> list[str]:
    """The outputs that the newest request shows."""
    return [call.output for item in stand.request.items if isinstance(item, AssistantMessage) for call in item.calls]


def test_each_result_asks_where_calls_are_not_grouped() -> None:
    stand = two_calls(SINGLE)
    stand.post(ToolDone("c1", "completed", "one"))
    assert (stand.reply, outputs(stand)) == (2, ["one", IN_PROGRESS])
    stand.post(Delta(2, " The first is one."))
    stand.post(ToolDone("c2", "completed", "two"))
    assert stand.reply == 2, "one answer at a time"
    stand.post(ReplyDone(2))
    assert (stand.reply, outputs(stand)) == (3, ["one", "two"])


def test_a_model_that_spoke_of_the_first_result_is_told_of_the_second() -> None:
    stand = two_calls(SINGLE)
    stand.post(ToolDone("c1", "completed", "one"))
    assert stand.request.note == ""
    stand.post(Delta(2, " The first is one."))
    stand.post(ReplyDone(2))
    stand.post(ToolDone("c2", "completed", "two"))
    assert stand.request.note == stand.core.settings.sentences.new_result


def test_a_result_that_wants_the_model_does_not_wait_for_its_group() -> None:
    stand = two_calls()
    stand.post(ToolDone("c1", "completed", "one", run_llm=True))
    assert (stand.reply, outputs(stand)) == (2, ["one", IN_PROGRESS])


def test_results_that_do_not_want_the_model_do_not_ask() -> None:
    stand = two_calls(SINGLE)
    stand.post(ToolDone("c1", "completed", "one", run_llm=False))
    stand.post(ToolDone("c2", "completed", "two", run_llm=False))
    assert len(stand.commands(Ask)) == 1


def test_one_that_does_not_want_the_model_does_not_silence_the_other() -> None:
    stand = two_calls()
    stand.post(ToolDone("c1", "completed", "one"))
    stand.post(ToolDone("c2", "completed", "two", run_llm=False))
    assert outputs(stand) == ["one", "two"]


def test_a_turn_of_the_caller_forgets_that_a_result_wanted_the_model() -> None:
    stand = two_calls(SINGLE)
    stand.post(ToolDone("c1", "completed", "one"))
    stand.post(ToolDone("c2", "completed", "two"))
    stand.post(e.UserText("never mind"))
    assert stand.reply == 3
    stand.post(Delta(3, " As you like."))
    stand.post(ReplyDone(3))
    assert len(stand.commands(Ask)) == 3


def test_calls_are_told_before_they_run_and_when_they_are_cancelled() -> None:
    stand = two_calls()
    kinds = [type(each.event if isinstance(each, e.Notify) else each) for each in stand.all]
    assert kinds.index(e.FunctionCallsStarted) < kinds.index(e.RunTool)
    stand.post(e.UserText("never mind"))
    [told] = stand.told(e.FunctionCallsCancelled)
    assert [(call.call_id, call.name) for call in told.calls] == [("c1", "look"), ("c2", "look")]


def test_calls_that_may_start_together_are_told_together() -> None:
    stand = Stand(tools=(spec("look", when="after_speech"),))
    stand.hear("look both up")
    stand.post(Delta(1, "Let me see."))
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(FunctionCall(1, "c2", "look", "{}"))
    stand.post(ReplyDone(1))
    assert stand.told(e.FunctionCallsStarted) == []
    stand.voice()
    stand.wait(stand.now + 1.0)
    [told] = stand.told(e.FunctionCallsStarted)
    assert [call.call_id for call in told.calls] == ["c1", "c2"]


def test_a_handler_for_every_function_takes_the_unknown_ones() -> None:
    stand = Stand(tools=(spec(ANY, offered=False),))
    stand.hear("do magic")
    stand.post(FunctionCall(1, "c1", "magic", '{"a":1}'))
    assert stand.commands(e.RunTool) == [e.RunTool("c1", "magic", '{"a":1}')]
    assert stand.request.tools == ()


# --- the built-in function ----------------------------------------------------------------------------------------


def with_timer(options: CallOptions = CANCELLABLE) -> Stand:
    """A stand whose timer runs in the background."""
    stand = Stand(instructions="Be brief.", tools=(spec("timer", cancel_on_interruption=False),), calls=options)
    stand.hear("set a timer")
    stand.post(FunctionCall(1, "c1", "timer", "{}"))
    stand.post(ReplyDone(1))
    stand.post(ReplyDone(2))
    stand.hear("stop the timer")
    return stand


def cancel(stand: Stand, arguments: str) -> str:
    """Have the model call the built-in function; what it is told."""
    stand.post(FunctionCall(stand.reply, "c2", cancel_tool.NAME, arguments))
    stand.post(ReplyDone(stand.reply))
    return outputs(stand)[-1]


def test_the_model_cancels_an_async_call() -> None:
    stand = with_timer()
    result = cancel(stand, '{"tool_call_id": "c1"}')
    assert json.loads(result) == {"tool_call_id": "c1", "status": "cancelled"}
    assert stand.commands(e.CancelTool) == [e.CancelTool("c1")]
    assert [call.name for told in stand.told(e.FunctionCallsCancelled) for call in told.calls] == ["timer"]
    notes = [json.loads(item.text) for item in stand.request.items if isinstance(item, DeveloperMessage)]
    assert [(note["tool_call_id"], note["status"]) for note in notes] == [("c1", "cancelled")]
    assert stand.reply == 4, "the result of the built-in function asks, once"
    stand.post(Delta(4, " It is stopped."))
    stand.post(ReplyDone(4))
    assert stand.reply == 4


def test_no_event_tells_of_the_built_in_function() -> None:
    stand = with_timer()
    cancel(stand, '{"tool_call_id": "c1"}')
    told = [call.name for each in stand.told(e.FunctionCallsStarted) for call in each.calls]
    assert told == ["timer"]
    assert [each.name for each in stand.told(e.ToolFinished)] == ["timer"]


@pytest.mark.parametrize(
    ("arguments", "words"), [('{"tool_call_id": "c9"}', 'no function runs with the tool_call_id "c9"'), ("{", "fit")]
)
def test_what_cannot_be_cancelled_is_said(arguments: str, words: str) -> None:
    stand = with_timer()
    result = cancel(stand, arguments)
    assert result.startswith("Error: ")
    assert words in result
    assert stand.commands(e.CancelTool) == []


def test_a_blocking_call_is_not_for_the_built_in_function() -> None:
    stand = Stand(tools=(spec("look"), spec("timer", cancel_on_interruption=False)), calls=CANCELLABLE)
    stand.hear("look it up")
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(FunctionCall(1, "c2", cancel_tool.NAME, '{"tool_call_id": "c1"}'))
    stand.post(ReplyDone(1))
    assert stand.commands(e.CancelTool) == []


def test_the_built_in_function_comes_and_goes_with_the_last_async_tool() -> None:
    stand = with_timer()
    assert [tool.name for tool in stand.request.tools] == ["timer", cancel_tool.NAME]
    assert stand.request.instructions == f"Be brief.\n\n{cancel_tool.PARAGRAPH}"
    settings = stand.core.settings
    stand.post(e.Configure(type(settings)(instructions="Be brief.", calls=CANCELLABLE, tools=(spec("look"),))))
    stand.post(e.UserText("hello"))
    assert [tool.name for tool in stand.request.tools] == ["look"]
    assert stand.request.instructions == "Be brief."
    result = cancel(stand, '{"tool_call_id": "c1"}')
    assert result == f"Error: function '{cancel_tool.NAME}' is not registered."


def test_it_is_off_unless_it_is_switched_on() -> None:
    stand = with_timer(GROUPED)
    assert [tool.name for tool in stand.request.tools] == ["timer"]
    assert "not registered" in cancel(stand, '{"tool_call_id": "c1"}')
