"""Where rules of a call meet: settings that change, time-outs, marks and silence, what is read and what is heard."""

from __future__ import annotations

import math

import msgspec
import pytest
from msgspec import structs

from audio.events import SpeechStarted, SpeechStopped, Transcript
from audio.playout import Playout, PlayoutOptions
from llm import cancel_tool
from llm.events import (
    Ask,
    Delta,
    FunctionCall,
    LinkDown,
    LinkUp,
    ReplyDone,
    ToolDone,
)
from llm.function_calls import ANY, CallOptions
from llm.items import AssistantMessage, DeveloperMessage, UserMessage
from llm.tools import tool
from llm.turn_completion import TurnCompletionOptions
from server.agent import Agent
from server.call import events as e
from server.call.answering import Owed
from server.call.core import Core
from server.call.hub import Hub
from server.call.journal import Header, JournalFile, replay
from server.call.policy import CallSettings, Policy
from server.config import Settings
from tests.sim.replayed import KeptBytes
from tests.unit.server.call.core_stand import Stand, spec

MARKS = TurnCompletionOptions(filter_incomplete_user_turns=True)
DAY_S = 86_400.0


def answer(stand: Stand, text: str) -> None:
    """The model answers what it was asked last, and the caller hears it."""
    stand.post(Delta(stand.reply, text))
    stand.post(ReplyDone(stand.reply))
    stand.voice()
    stand.wait(stand.now + 3.0)


def configure(stand: Stand, **changes: object) -> None:
    """Change settings in the middle of the call."""
    stand.post(e.Configure(structs.replace(stand.core.settings, **changes)))


def marked(mark: str) -> Stand:
    """A stand whose caller said something, and the model's answer was a mark and nothing else."""
    stand = Stand(turn_completion=MARKS)
    stand.hear("hello")
    stand.post(Delta(1, mark))
    stand.post(ReplyDone(1))
    return stand


def calling(*names: str) -> Stand:
    """A stand whose first answer calls these tools, which are blocking ones."""
    stand = Stand(tools=tuple(spec(name) for name in names))
    stand.hear("look it up")
    for name in names:
        stand.post(FunctionCall(1, name, name, "{}"))
    stand.post(ReplyDone(1))
    return stand


def outputs(stand: Stand) -> list[str]:
    """The outputs in the log."""
    items = stand.core.log.items()
    return [call.output for item in items if isinstance(item, AssistantMessage) for call in item.calls]


# --- a time-out that never comes ------------------------------------------------------------------------------------


@tool(timeout_secs=math.inf)
def patient() -> str:
    """Take your time."""
    return "done"


@tool(name="patient")
def plain() -> str:
    """Take what you get."""
    return "done"


ENDLESS = {
    "of all tools": Agent(tools=[plain], calls=CallOptions(function_call_timeout_secs=math.inf)),
    "of one tool": Agent(tools=[patient], calls=CallOptions(function_call_timeout_secs=1.0)),
}
endless = pytest.mark.parametrize("agent", ENDLESS.values(), ids=ENDLESS.keys())


def settings_of(agent: Agent) -> CallSettings:
    """Of a call that may last for a week."""
    return agent.call_settings(Settings(policy=Policy(max_call_s=7 * DAY_S)))


@endless
def test_a_journal_keeps_a_time_out_that_never_comes(agent: Agent) -> None:
    header = Header("1", "c", settings_of(agent), PlayoutOptions())
    assert msgspec.json.decode(msgspec.json.encode(header), type=Header) == header


@endless
def test_a_call_without_a_time_out_still_runs_after_a_day(agent: Agent) -> None:
    settings = settings_of(agent)
    stand = Stand(tools=settings.tools, calls=settings.calls, policy=settings.policy)
    stand.post(e.UserText("take your time"))
    stand.post(FunctionCall(1, "c1", "patient", "{}"))
    stand.post(ReplyDone(1))
    stand.now += DAY_S
    stand.post(e.Tick())
    assert stand.told(e.ToolFinished) == []
    stand.post(ToolDone("c1", "completed", "found"))
    assert outputs(stand) == ["found"]


@endless
def test_a_call_without_a_time_out_is_replayed(agent: Agent) -> None:
    settings, options = settings_of(agent), PlayoutOptions()
    file = KeptBytes()
    playout = Playout(options)
    facts = (
        (0.0, e.Ready()),
        (0.0, LinkUp()),
        (0.0, e.UserText("take your time")),
        (1.0, FunctionCall(1, "c1", "patient", "{}")),
        (1.0, ReplyDone(1)),
        (DAY_S, e.Tick()),
        (DAY_S, ToolDone("c1", "completed", "found")),
    )
    now = 0.0
    journal = JournalFile(file, Header("1", "c", settings, options))
    hub = Hub(Core(settings, playout), playout, lambda: now, lambda command: None, journal)
    for at, fact in facts:
        now = at
        hub.post(fact)
    replayed = list(replay(file.getvalue().splitlines()))
    assert [(line.t, line.fact) for line, _ in replayed] == list(facts)
    assert [difference for _, difference in replayed if difference is not None] == []


# --- options of calls, changed in mid-call --------------------------------------------------------------------------


def test_calls_run_one_by_one_once_that_is_wanted() -> None:
    stand = Stand(tools=(spec("look"), spec("find")))
    configure(stand, calls=CallOptions(run_in_parallel=False))
    stand.hear("both please")
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(FunctionCall(1, "c2", "find", "{}"))
    assert [each.call_id for each in stand.commands(e.RunTool)] == ["c1"]
    stand.post(ToolDone("c1", "completed", "one"))
    assert [each.call_id for each in stand.commands(e.RunTool)] == ["c1", "c2"]


def test_another_time_out_holds_for_the_calls_that_begin_after_it() -> None:
    stand = calling("look")
    configure(stand, tools=(spec("look"), spec("find")), calls=CallOptions(function_call_timeout_secs=2.0))
    stand.wait(stand.now + 3.0)
    assert stand.told(e.ToolFinished) == [], "it began with 30 s"
    stand.hear("something else")
    stand.post(FunctionCall(stand.reply, "c2", "find", "{}"))
    stand.wait(stand.now + 3.0)
    assert [(each.name, each.outcome) for each in stand.told(e.ToolFinished)][1:] == [("find", "timed_out")]


def test_results_that_are_not_grouped_any_more_ask_one_by_one() -> None:
    stand = calling("look", "find")
    configure(stand, calls=CallOptions(group_parallel_tools=False))
    stand.post(ToolDone("look", "completed", "one"))
    assert len(stand.commands(Ask)) == 2


def test_the_built_in_function_comes_and_goes_with_its_option() -> None:
    stand = Stand(tools=(spec("timer", cancel_on_interruption=False),))
    offered = []
    for on in (True, False):
        configure(stand, calls=CallOptions(enable_async_tool_cancellation=on))
        stand.post(e.UserText("hello"))
        stand.post(FunctionCall(stand.reply, f"c{on}", cancel_tool.NAME, '{"tool_call_id": "c9"}'))
        offered.append([each.name for each in stand.request.tools])
    assert offered == [["timer", cancel_tool.NAME], ["timer"]]
    assert ["no function runs" in outputs(stand)[0], "not registered" in outputs(stand)[1]] == [True, True]


# --- the built-in function ------------------------------------------------------------------------------------------


def test_a_call_that_the_model_cancels_does_not_ask_once_more() -> None:
    options = CallOptions(enable_async_tool_cancellation=True)
    stand = Stand(tools=(spec("timer", cancel_on_interruption=False),), calls=options)
    stand.hear("set a timer")
    stand.post(FunctionCall(1, "c1", "timer", "{}"))
    stand.post(ReplyDone(1))
    answer(stand, "It runs.")
    stand.hear("stop it")
    asked = stand.reply
    stand.post(FunctionCall(asked, "c2", cancel_tool.NAME, '{"tool_call_id": "c1"}'))
    assert [each.outcome for each in stand.told(e.ToolFinished)] == ["cancelled"]
    assert stand.core.answering.owed is Owed.NONE, "the timer's result asks for nothing by itself"
    stand.post(ReplyDone(asked))
    assert stand.reply == asked + 1, "for the result of the built-in function"
    answer(stand, "It is stopped.")
    stand.wait(stand.now + 5.0)
    assert stand.reply == asked + 1, "not for that of the timer, when the words are over"


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("blocking", [True, False])
def test_a_handler_for_every_function_never_gets_the_reserved_name(enabled: bool, blocking: bool) -> None:
    every = spec(ANY, offered=False, cancel_on_interruption=blocking)
    stand = Stand(tools=(every,), calls=CallOptions(enable_async_tool_cancellation=enabled))
    stand.hear("stop it")
    stand.post(FunctionCall(1, "c1", cancel_tool.NAME, '{"tool_call_id": "c9"}'))
    assert stand.commands(e.RunTool) == []
    known = enabled and not blocking
    assert outputs(stand)[0].startswith("Error: no function runs" if known else "Error: function")


# --- what the model is told of the place where the log ends ---------------------------------------------------------


@pytest.mark.parametrize(("said", "noted"), [("One moment.", True), ("", False)])
def test_a_turn_after_which_the_application_spoke_is_still_to_be_answered(said: str, noted: bool) -> None:
    stand = Stand(connected=False)
    stand.post(e.UserText("what time is it"))
    stand.post(e.Say(said))
    stand.post(LinkUp())
    assert [item.text for item in stand.request.items] == ["what time is it", *filter(None, [said])]
    assert stand.request.note == (stand.core.settings.sentences.unanswered if noted else "")
    stand.post(ReplyDone(1))
    assert [each.code for each in stand.told(e.Problem)] == ["reply_empty"], "the caller would wait for ever"


# --- marks ----------------------------------------------------------------------------------------------------------


def test_a_mark_that_promises_words_and_brings_none_is_an_empty_answer() -> None:
    stand = marked("✓")
    assert [each.code for each in stand.told(e.Problem)] == ["reply_empty"]
    stand.wait(stand.now + 1.0)
    assert stand.reply == 2, "it is asked again"


@pytest.mark.parametrize("mark", ["✓", "○"])
def test_the_mark_of_a_lost_answer_leaves_the_log(mark: str) -> None:
    stand = Stand(turn_completion=MARKS)
    stand.hear("hello")
    stand.post(Delta(1, mark))
    stand.post(LinkDown("reset"))
    stand.post(LinkUp())
    assert stand.request.items == (UserMessage("hello"),)


def test_nobody_is_prompted_once_marks_are_switched_off() -> None:
    stand = marked("○")
    configure(stand, turn_completion=TurnCompletionOptions())
    stand.wait(stand.now + 6.0)
    assert len(stand.commands(Ask)) == 1


def test_marks_that_a_model_keeps_writing_are_not_spoken_once_they_are_switched_off() -> None:
    stand = Stand(turn_completion=MARKS)
    stand.hear("hello")
    answer(stand, "✓ Hello.")
    configure(stand, turn_completion=TurnCompletionOptions())
    stand.hear("how are you")
    answer(stand, "✓ Fine.")
    assert [each.text.strip() for each in stand.commands(e.Speak)] == ["Hello.", "Fine."]


def test_a_caller_who_stays_silent_is_prompted_once() -> None:
    stand = marked("○")
    stand.wait(stand.now + 6.0)
    assert stand.reply == 2
    stand.post(Delta(2, "○"))
    stand.post(ReplyDone(2))
    stand.wait(stand.now + 60.0)
    assert stand.reply == 2


def test_a_caller_who_typed_with_the_microphone_off_is_prompted_too() -> None:
    """Else a typed turn that the model took for unfinished would never be answered."""
    stand = marked("◐")
    stand.post(e.Muted(True))
    stand.wait(stand.now + 12.0)
    assert len(stand.commands(Ask)) == 2


# --- read or heard --------------------------------------------------------------------------------------------------


def test_who_speaks_after_typing_is_answered_aloud_although_nothing_was_understood() -> None:
    stand = Stand()
    stand.post(e.UserText("hello", skip_tts=True))
    answer(stand, "Hello.")
    assert stand.commands(e.Speak) == []
    stand.post(SpeechStarted(64.0))
    stand.wait(stand.now + 2.0)
    stand.post(SpeechStopped(200.0))
    stand.post(Transcript("", True))
    stand.wait(stand.now + 2.0)
    answer(stand, "Please repeat.")
    assert [each.text for each in stand.commands(e.Speak)] == ["Please repeat."]


def test_a_note_of_the_application_does_not_make_a_typed_turn_a_spoken_one() -> None:
    stand = Stand(connected=False)
    stand.post(e.UserText("hello", skip_tts=True))
    stand.post(e.Append(DeveloperMessage("The caller is Ann.")))
    stand.post(e.Append(DeveloperMessage("Greet them by name."), ask=True))
    stand.post(LinkUp())
    answer(stand, "Hello Ann.")
    assert stand.commands(e.Speak) == []


# --- the end --------------------------------------------------------------------------------------------------------


def test_a_farewell_is_not_followed_by_an_apology() -> None:
    stand = Stand(tools=(spec("look"),))
    stand.hear("goodbye")
    stand.post(Delta(1, " ".join(["word"] * 400) + "."))
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(ReplyDone(1))
    stand.post(e.HangUp("bye"))
    stand.post(ToolDone("c1", "completed", "an answer to this is owed, and nobody gives it"))
    while stand.playout.busy:
        stand.voice()
        stand.wait(stand.now + 1.0)
    assert stand.now > stand.core.settings.policy.give_up_s
    assert stand.told(e.Problem) == []
    assert stand.told(e.CallEnded) == [e.CallEnded("bye")]
