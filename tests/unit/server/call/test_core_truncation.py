"""Truncation instead of a summary, from the core's side; which part goes: tests/unit/llm/test_summary_truncation.py."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import dropwhile
from random import Random

import pytest
from msgspec import structs

from llm.events import Delta, FunctionCall, Infer, Inferred, ReplyDone, ToolDone, ToolUpdate
from llm.items import AssistantMessage, DeveloperMessage, Item, UserMessage
from llm.messages import call_ids, is_pinned, note_of
from llm.summary import SummaryOptions
from server.call import events as e
from server.call import model_events as of_model
from server.call.policy import Policy
from tests.unit.server.call.core_stand import Stand, spec
from tests.unit.server.call.test_core_summary import talk, turn

OPTIONS = SummaryOptions(mode="truncate", max_unsummarized_messages=6, min_messages_to_keep=2)


def test_a_log_that_is_too_long_is_truncated_at_once() -> None:
    stand = talk(3, OPTIONS)
    before = stand.core.log.items()
    assert stand.told(of_model.Truncated) == []
    turn(stand, 3)
    assert stand.told(of_model.Truncated) == [of_model.Truncated(4)]
    after = stand.core.log.items()
    assert after[:3] == (before[0], *before[5:])
    assert isinstance(after[1], UserMessage)
    assert stand.commands(Infer) == []
    turn(stand, 4)
    assert stand.request.items[:5] == after, "the next request is shorter"
    assert len(stand.told(of_model.Truncated)) == 1


def test_a_summary_that_is_under_way_is_waited_for() -> None:
    stand = talk(4, structs.replace(OPTIONS, mode="summary"))
    stand.post(e.Configure(structs.replace(stand.core.settings, summary=OPTIONS)))
    turn(stand, 4)
    assert stand.told(of_model.Truncated) == []
    stand.post(Inferred(1, "They talked about numbers."))
    assert len(stand.told(of_model.Summarised)) == 1
    turn(stand, 5)
    turn(stand, 6)
    assert stand.told(of_model.Truncated) != []
    assert len(stand.commands(Infer)) == 1


# --- at random ------------------------------------------------------------------------------------------------------

NAME = re.compile(r"#\d+")
PATIENT = Policy(idle_ms=1e9, first_output_s=1e6, next_output_s=1e6, give_up_s=1e6)


def name(item: Item) -> str:
    """What tells a message from all others, however much of it was heard."""
    if not isinstance(item, AssistantMessage):
        return item.text
    return next(NAME.finditer(" ".join([item.text, *(call.call_id for call in item.calls)])))[0]


class Talk:
    """A conversation of random turns, answers, calls, updates, results and notes; all that must hold is checked."""

    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)
        self.keep = self.dice.randint(2, 5)
        options = structs.replace(OPTIONS, min_messages_to_keep=self.keep)
        tools = (spec("look"), spec("export", cancel_on_interruption=False))
        lead = (DeveloperMessage("The caller is Ann."),)
        self.stand = Stand(summary=options, tools=tools, context=lead, policy=PATIENT)
        self.do(lambda: self.stand.post(e.UserText("#0 Hello.")))
        self.number = 0
        self.held = 0  # truncations that left older messages

    def step(self) -> None:
        """One more fact, and some time after words."""
        dice, stand = self.dice, self.stand
        self.number += 1
        mark = f"#{self.number}"
        call_id = dice.choice(self.running() or [""])
        match dice.choice(["turn", "turn", "answer", "answer", "call", "call", "result", "update", "note"]):
            case "turn":
                self.do(lambda: stand.post(e.UserText(f"{mark} a question")))
            case "answer":
                self.answer(mark)
            case "call":
                tool = dice.choice(("look", "export"))
                self.do(lambda: stand.post(FunctionCall(stand.reply, mark, tool, "{}")))
                self.do(lambda: stand.post(ReplyDone(stand.reply)))
            case "result":
                self.do(lambda: stand.post(ToolDone(call_id, "completed", mark)))
            case "update":
                self.do(lambda: stand.post(ToolUpdate(call_id, mark)))
            case _:
                note = DeveloperMessage(f"{mark} a note", pinned=dice.random() < 0.2)
                self.do(lambda: stand.post(e.Append(note)))

    def answer(self, mark: str) -> None:
        """The bot says two words, which are heard."""
        self.do(lambda: self.stand.post(Delta(self.stand.reply, f"{mark} well.")))
        self.do(lambda: self.stand.post(ReplyDone(self.stand.reply)))
        self.do(self.stand.voice)
        for _ in range(30):
            self.do(lambda: self.stand.wait(self.stand.now + 0.01))

    def running(self) -> list[str]:
        """The calls that have no final result yet."""
        over = {each.call_id for each in self.stand.told(e.ToolFinished)}
        return [each.call_id for each in self.stand.told(e.ToolStarted) if each.call_id not in over]

    def do(self, what: Callable[[], object]) -> None:
        """Let something happen."""
        before, told = self.stand.core.log.items(), len(self.stand.told(of_model.Truncated))
        what()
        after = self.stand.core.log.items()
        calls = {call_id for item in after for call_id in call_ids(item)}
        assert set(self.running()) <= calls, "a call that runs is lost"
        assert {note.tool_call_id for item in after if (note := note_of(item))} <= calls, "a result without its call"
        if truncations := self.stand.told(of_model.Truncated)[told:]:
            self.check(before, after, sum(each.messages for each in truncations))

    def check(self, before: tuple[Item, ...], after: tuple[Item, ...], count: int) -> None:
        """The log was truncated: what must not go is there, and what is newer begins with a turn and is long enough."""
        there = {name(item) for item in after}
        gone = [at for at, item in enumerate(before) if name(item) not in there]
        assert len(gone) == count
        assert not any(is_pinned(before[at]) for at in gone)
        older = {name(item) for item in before[: gone[-1]]}
        held = [item for item in after if name(item) in older]
        assert held[0] == before[0]
        assert all(is_pinned(item) or call_ids(item) or note_of(item) for item in held[1:])
        newer = [item for item in after if name(item) not in older]
        assert len(newer) >= self.keep
        assert isinstance(next(dropwhile(may_stand_before_a_turn, newer)), UserMessage)
        self.held += len(held) > 1


def may_stand_before_a_turn(item: Item) -> bool:
    """It was kept for another reason than its age."""
    return not isinstance(item, UserMessage) and bool(is_pinned(item) or call_ids(item) or note_of(item))


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_random_conversations_are_truncated_where_they_may_be(first: int) -> None:
    truncations = held = 0
    for seed in range(first, first + 20):
        talk = Talk(seed)
        for _ in range(60):
            talk.step()
        truncations += len(talk.stand.told(of_model.Truncated))
        held += talk.held
    assert truncations > 100
    assert held > 40
