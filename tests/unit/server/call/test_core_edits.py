"""The log of a call: written back by the application, with calls from elsewhere, filled by the model and the tools."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest

from audio.events import SpeechStarted, SpeechStopped, Transcript
from llm.context import IN_PROGRESS, LIMIT_BYTES
from llm.events import Ask, Delta, FunctionCall, LinkDown, LinkUp, ReplyDone, ReplyFailed, Thought, ToolDone, ToolUpdate
from llm.function_calls import CANCELLED, MAX_RESULT_BYTES
from llm.items import AssistantMessage, Call, DeveloperMessage, Image, Item, Reasoning, UserMessage
from llm.turn_completion import TurnCompletionOptions
from server.call import events as e
from tests.unit.server.call.core_stand import Stand, spec

THOUGHT = Reasoning("here", "{}")
CUT_NOTE_BYTES = 50  # what a bounded text says of its cut


def calls(items: tuple[Item, ...]) -> list[Call]:
    """The calls of all messages."""
    return [call for item in items if isinstance(item, AssistantMessage) for call in item.calls]


def outcomes(stand: Stand) -> list[tuple[str, str]]:
    """The calls in the log, each with its output."""
    return [(call.call_id, call.output) for call in calls(stand.core.log.items())]


def calling(*names: str) -> Stand:
    """A stand whose first answer calls these tools."""
    stand = Stand(tools=tuple(spec(name) for name in names))
    stand.hear("look it up")
    for name in names:
        stand.post(FunctionCall(1, name, name, "{}"))
    stand.post(ReplyDone(1))
    return stand


def answer(stand: Stand, text: str) -> None:
    """The model answers what it was asked last, and the caller hears it."""
    stand.post(Delta(stand.reply, text))
    stand.post(ReplyDone(stand.reply))
    stand.voice()
    stand.wait(stand.now + 3.0)


# --- a copy that is written back ------------------------------------------------------------------------------------


def test_a_stale_copy_does_not_bring_a_call_back_in_progress() -> None:
    stand = calling("look")
    stale = stand.core.log.items()
    stand.post(ToolDone("look", "completed", "42"))
    stand.post(e.Rewrite(stale))
    assert outcomes(stand) == [("look", "42")]


def test_a_stale_copy_does_not_double_a_message_whose_other_call_runs() -> None:
    stand = calling("look", "find")
    stale = stand.core.log.items()
    stand.post(ToolDone("look", "completed", "42"))
    stand.post(e.Rewrite(stale))
    assert outcomes(stand) == [("look", "42"), ("find", IN_PROGRESS)]
    stand.post(ToolDone("find", "completed", "43"))
    assert outcomes(stand) == [("look", "42"), ("find", "43")]


def test_a_message_that_looks_like_the_one_being_spoken_is_not_lost() -> None:
    stand = Stand()
    stand.hear("is it open")
    answer(stand, "Yes.")
    stand.hear("and tomorrow")
    stand.post(Delta(2, "Yes."))
    stand.post(ReplyDone(2))
    before = stand.core.log.items()
    stand.post(e.Rewrite(before))
    assert stand.core.log.items() == before
    assert [item.text for item in before] == ["is it open", "Yes.", "and tomorrow", "Yes."]


def test_a_turn_that_is_over_while_the_log_is_written_back_is_not_lost() -> None:
    """It becomes known with what was played, which is told before whatever else happens."""
    stand = Stand()
    stand.post(e.Say("These are protected words of the bot.", interruptible=False))
    stand.voice()
    stand.post(SpeechStarted(64.0), 0.2)
    stand.post(SpeechStopped(0.0), 0.4)
    stand.post(Transcript("hello", True))
    stand.now += 0.3  # the turn is over, and nobody has looked yet
    stand.playout.take(stand.now)
    stand.post(e.Rewrite(stand.core.log.items()))
    assert [item.text for item in stand.core.log.items() if isinstance(item, UserMessage)] == ["hello"]


def test_thoughts_that_were_written_back_are_forgotten_at_the_next_turn_all_the_same() -> None:
    stand = Stand(tools=(spec("look"),))
    stand.hear("look it up")
    stand.post(Thought(1, THOUGHT))
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(ReplyDone(1))
    stand.post(ToolDone("c1", "completed", "42"))
    answer(stand, "It is 42.")
    assert THOUGHT in [each for item in stand.core.log.items() for each in getattr(item, "reasoning", ())]
    stand.post(e.Rewrite(stand.core.log.items()))
    stand.hear("thanks")
    assert [each for item in stand.request.items for each in getattr(item, "reasoning", ())] == []


# --- calls that came from elsewhere ---------------------------------------------------------------------------------


def elsewhere(output: str) -> tuple[Item, ...]:
    """A conversation that was held before, with a call."""
    return (UserMessage("look"), AssistantMessage("", (Call("c1", "look", "{}", output),)))


def test_a_call_that_ran_when_the_agents_context_was_kept_is_cancelled() -> None:
    stand = Stand(context=elsewhere(IN_PROGRESS))
    stand.hear("hello")
    assert [call.output for call in calls(stand.request.items)] == [CANCELLED]


def test_a_call_that_ran_when_a_message_was_kept_is_cancelled() -> None:
    stand = Stand()
    stand.post(e.Rewrite(elsewhere(IN_PROGRESS)))
    stand.post(e.Append(AssistantMessage("", (Call("c2", "look", "{}", IN_PROGRESS),))))
    assert outcomes(stand) == [("c1", CANCELLED), ("c2", CANCELLED)]


@pytest.mark.parametrize("how", ["context", "append", "rewrite"])
def test_a_call_of_the_model_is_another_one_than_that_of_its_name_from_elsewhere(how: str) -> None:
    stand = Stand(context=elsewhere("old") if how == "context" else (), tools=(spec("look"),))
    if how == "append":
        stand.post(e.Append(elsewhere("old")[1]))
    if how == "rewrite":
        stand.post(e.Rewrite(elsewhere("old")))
    stand.hear("look again")
    stand.post(FunctionCall(1, "c1", "look", "{}"))
    stand.post(ReplyDone(1))
    [run] = stand.commands(e.RunTool)
    stand.post(ToolDone(run.call_id, "completed", "new"))
    assert outcomes(stand) == [("c1", "old"), (run.call_id, "new")]
    assert run.call_id != "c1"


# --- bounds ---------------------------------------------------------------------------------------------------------


def test_an_answer_of_calls_has_an_end() -> None:
    stand = Stand(tools=(spec("look"),))
    stand.hear("look it up")
    for number in range(300):
        stand.post(FunctionCall(1, f"c{number}", "look", json.dumps({"x": "y" * 2000})))
    assert [each.code for each in stand.told(e.Problem)] == ["answer_too_long"]
    assert stand.core.log.size_bytes <= 2 * stand.core.settings.policy.max_answer_bytes


def test_an_answer_of_thoughts_has_an_end() -> None:
    stand = Stand()
    stand.hear("think")
    for _ in range(100):
        stand.post(Thought(1, Reasoning("here", "x" * 10_000)))
    assert stand.told(e.Problem)[0].code == "answer_too_long"
    assert stand.core.log.size_bytes <= 2 * stand.core.settings.policy.max_answer_bytes


def test_the_results_of_one_message_do_not_fill_the_log_beyond_its_bound() -> None:
    stand = calling(*"abcdef")
    for name in "abcdef":
        stand.post(ToolDone(name, "completed", "z" * 65_000))
    assert stand.core.log.size_bytes <= LIMIT_BYTES
    assert [each.outcome for each in stand.told(e.ToolFinished)] == ["completed"] * 6


def test_what_is_told_and_logged_of_a_result_is_bounded() -> None:
    stand = calling("look")
    stand.post(ToolDone("look", "completed", "z" * 1_000_000))
    [told] = stand.told(e.ToolFinished)
    assert outcomes(stand) == [("look", told.result)]
    assert MAX_RESULT_BYTES < len(told.result) < MAX_RESULT_BYTES + CUT_NOTE_BYTES


def test_what_is_told_and_logged_of_an_update_is_bounded() -> None:
    stand = Stand(tools=(spec("timer", cancel_on_interruption=False),))
    stand.hear("set a timer")
    stand.post(FunctionCall(1, "c1", "timer", "{}"))
    stand.post(ReplyDone(1))
    stand.post(ToolUpdate("c1", "z" * 1_000_000))
    [told] = stand.told(e.ToolUpdated)
    assert MAX_RESULT_BYTES < len(told.result) < MAX_RESULT_BYTES + CUT_NOTE_BYTES
    note = stand.core.log.items()[-1]
    assert json.loads(note.text)["result"] == told.result


def test_pictures_that_are_too_much_for_the_model_go() -> None:
    stand = Stand()
    stand.post(e.Append(UserMessage("", (Image(b"x" * 1_000_000),))))
    stand.post(e.Append(UserMessage("", (Image(b"y" * 1_000_000),)), ask=True))
    stand.post(ReplyFailed(1, "too long", "too_long"))
    stand.wait(stand.now + 2.0)
    assert stand.reply == 2
    assert stand.request.items == (UserMessage("[image left out]"), UserMessage("[image left out]"))


# --- at random instants of random conversations ---------------------------------------------------------------------


class Talk:
    """A conversation in which anything happens at any time; a seed gives the same one again."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        marks = TurnCompletionOptions(filter_incomplete_user_turns=self.random.random() < 0.5)
        tools = (spec("look"), spec("timer", cancel_on_interruption=False), spec("end", when="after_speech"))
        self.stand = Stand(greeting="Hello there.", tools=tools, turn_completion=marks)
        self.count = 0

    def act(self) -> None:
        """Something happens; while an answer comes, the model is the likeliest to do something."""
        model = (self.words, self.words, self.call, self.done)
        caller = (self.turn, self.turn, self.cough, self.type, self.stop)
        world = (self.drop, self.application, self.listen, self.listen, self.result, self.result)
        times = 4 if self.stand.core.answering.reply else 0
        self.random.choice((*model * times, *caller, *world))()

    def words(self) -> None:
        """The model says more; few words, so that messages often look alike."""
        if reply := self.stand.core.answering.reply:
            self.stand.post(Delta(reply.number, self.random.choice(("✓ ", "○", "Yes. ", "Yes", " of course. "))))

    def call(self) -> None:
        """The model calls a function, after a thought; a provider may use an id twice."""
        if reply := self.stand.core.answering.reply:
            if self.random.random() < 0.3:
                self.stand.post(Thought(reply.number, THOUGHT))
            call_id = f"c{self.random.randrange(8)}"
            self.stand.post(FunctionCall(reply.number, call_id, self.random.choice(("look", "timer", "end")), "{}"))

    def done(self) -> None:
        if reply := self.stand.core.answering.reply:
            self.stand.post(ReplyDone(reply.number))

    def result(self) -> None:
        """A tool has something: an update, or its result."""
        if running := self.stand.core.calling.ledger.open():
            call_id = self.random.choice(running).call_id
            update = self.random.random() < 0.3
            self.stand.post(ToolUpdate(call_id, "half") if update else ToolDone(call_id, "completed", "all"))

    def listen(self) -> None:
        """Some of what is being said is heard."""
        self.stand.voice(frames=self.random.choice((1, 99)))
        self.stand.wait(self.stand.now + self.random.choice((0.05, 0.2, 1.0)))

    def turn(self) -> None:
        """The caller speaks: a barge-in where something is being said."""
        self.count += 1
        self.stand.hear(self.random.choice(("yes", f"turn {self.count}")))

    def cough(self) -> None:
        """A sound, long enough to cut off what is being said, or not, that was nothing."""
        self.stand.post(SpeechStarted(64.0))
        self.stand.wait(self.stand.now + self.random.choice((0.2, 0.7)))
        self.probe()
        self.stand.post(SpeechStopped(200.0))
        self.stand.post(Transcript("", True))

    def type(self) -> None:
        self.stand.post(e.UserText("yes", skip_tts=self.random.random() < 0.3))

    def drop(self) -> None:
        """The link to the model is lost, and is there again."""
        self.stand.post(LinkDown("reset"))
        self.probe()
        self.stand.post(LinkUp())

    def stop(self) -> None:
        self.stand.post(e.Interrupt())

    def application(self) -> None:
        self.stand.post(self.random.choice((e.Say("Yes."), e.Append(DeveloperMessage("note")))))

    def probe(self) -> None:
        """What is done at a random instant."""


class Copied(Talk):
    """The application writes back what stands in the log."""

    probes = 0

    def probe(self) -> None:
        self.stand.post(e.Tick())  # what is due happens before the copy, not with it
        before = self.stand.core.log.items()
        self.stand.post(e.Rewrite(before))
        after = self.stand.core.log.items()
        assert Counter(after) == Counter(before)
        check_ids(after)
        self.probes += 1


class Stale(Talk):
    """The application writes back what stood in the log some time ago."""

    kept: tuple[Item, ...] = ()
    probes = 0

    def probe(self) -> None:
        results = final(self.stand.core.log.items())
        if self.random.random() < 0.3:
            self.stand.post(e.Rewrite(self.kept))
            items = self.stand.core.log.items()
            check_ids(items)
            assert final(items).items() <= results.items(), "each call that stays has the result that it had"
            running = {call.call_id for call in self.stand.core.calling.ledger.open()}
            assert {call.call_id for call in calls(items) if call.output == IN_PROGRESS} <= running
            self.probes += 1
        if self.random.random() < 0.3:
            self.kept = self.stand.core.log.items()


def check_ids(items: tuple[Item, ...]) -> None:
    """No two calls have one id."""
    ids = Counter(call.call_id for call in calls(items))
    assert [call_id for call_id, times in ids.items() if times > 1] == []


def final(items: tuple[Item, ...]) -> dict[str, str]:
    """The results of the calls that have one."""
    return {call.call_id: call.output for call in calls(items) if call.output != IN_PROGRESS}


@pytest.mark.parametrize("kind", [Copied, Stale])
@pytest.mark.parametrize("seed", range(25))
def test_a_log_that_is_written_back_loses_and_doubles_nothing(kind: type[Copied | Stale], seed: int) -> None:
    talk = kind(seed)
    for _ in range(120):
        talk.act()
        if talk.random.random() < 0.5:
            talk.probe()
    assert talk.probes > 5
    assert len(talk.stand.commands(e.RunTool)) > 2
    for ask in talk.stand.commands(Ask):
        check_ids(ask.request.items)
