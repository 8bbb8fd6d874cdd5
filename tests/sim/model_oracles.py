"""What must hold between the core and the model: requests, calls that are told, settings, what each answer took."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from llm import cancel_tool
from llm.context import IN_PROGRESS
from llm.events import Ask, FunctionCall, Infer, Prepare, Request, ToolDone
from llm.function_calls import CANCELLED
from llm.items import AssistantMessage, Item, UserMessage
from server.call import events as e
from server.call import model_events as of_model
from server.call.states import CallState
from tests.sim.digest import WORD

if TYPE_CHECKING:
    from tests.sim.world import World


OF_REPLY = re.compile(r"\br(\d+)\b")


class ModelOracles:
    """Watches what one call asks of its model and tells of it."""

    def __init__(self, world: World, check: Callable[[bool, str], None]) -> None:
        self._world = world
        self._check = check
        self._settings = self._coming = world.settings  # what was handled, and what is being handled
        self._partial = not world.settings.calls.group_parallel_tools  # a result may ask before its group is complete
        self._announced: set[str] = set()
        self._before: Counter[Item] = Counter()
        self._turned = False  # the caller's turn was in the same moment, or the end of a frame
        self._results: dict[str, str] = {}  # the first that each tool gave
        self._asked: list[int] = []
        self._measured: list[int] = []
        self._discarded: set[str] = set()
        """Answers that were asked for early and not wanted, as their calls are named."""
        self.early = 0
        self._shown: set[tuple[str, int]] = set()
        self.cancelled_by_model: set[str] = set()
        self.read = 0
        self._switched = False  # in this very moment
        self._job = 0
        self.summaries = 0

    def fact(self, fact: e.Fact) -> None:
        """A fact is about to reach the core."""
        self._switched = False
        self._settings = self._coming
        match fact:
            case e.Configure(settings):
                self._switched = settings.model.service != self._settings.model.service
                self._coming = settings
            case e.Rewrite(items):
                self._before = Counter(items)
                self._turned = False
            case ToolDone(call_id, _, result, run_llm):
                self._partial |= run_llm is True
                self._results.setdefault(call_id, result)
            case FunctionCall(_, _, cancel_tool.NAME, arguments) if target := cancel_tool.target(arguments):
                self.cancelled_by_model.add(target)

    def after(self, fact: e.Fact) -> None:
        """A fact was handled."""
        if isinstance(fact, e.Rewrite) and self._world.core.state is CallState.READY and not self._turned:
            now = Counter(self._world.core.log.items())
            doubled = (now - self._before).keys() & self._before.keys()
            lost = {_words(item) for item in self._before - now} - {_words(item) for item in now}
            # A turn may end in the same moment, and cancel calls.
            self._check(not lost and not doubled, "a copy that was written back differs")

    def command(self, command: e.Command) -> None:
        """The core wants something."""
        match command:
            case Ask(reply, request):
                self._asked.append(reply)
                self._request(request)
                self._check(self._partial or not pending(request), "a request holds a call without a result")
            case e.RunTool(call_id):
                wanted = call_id[: call_id.index("t") + 1] not in self._discarded
                self._check(wanted, "a tool ran for an answer that nobody wanted")
            case Prepare(request):
                self._request(request)
                owed = self._world.core.answering.owed and not self._switched
                self._check(not owed, "warms up although there is something to ask")
            case Infer(job):
                self._check(self._job == 0, "two summaries at a time")
                self._job = job
            case e.RunTool(call_id):
                self._check(call_id in self._announced, "a call runs that was not told")
                self._announced.discard(call_id)
                messages = [item for item in self._world.core.log.items() if isinstance(item, AssistantMessage)]
                ids = [call.call_id for item in messages for call in item.calls]
                self._check(call_id in ids, "a call runs that is not in the log")
            case e.Speak(_, text):
                self._check("✓" not in text and "○" not in text, "a mark is spoken")
                self._check_trace(text)
            case e.Notify(event):
                self._event(event)

    def _request(self, request: Request) -> None:
        newest = request.instructions.startswith(self._coming.instructions)
        wanted = self._coming if newest else self._settings
        self._check(request.instructions.startswith(wanted.instructions), "the instructions are not the newest")
        self._check(request.settings == wanted.model, "the settings are not the newest")
        calls = [call for item in request.items if isinstance(item, AssistantMessage) for call in item.calls]
        self._check(len(calls) == len({call.call_id for call in calls}), "a request holds a call twice")
        for call in calls:
            told = (IN_PROGRESS, CANCELLED, self._results.get(call.call_id))
            known = call.output in told or call.output.startswith(("Error: ", "{"))
            self._check(known, f"{call.call_id} has a result that nobody gave: {call.output!r}")
        own = request.items[-1] if request.items else None
        mark = isinstance(own, AssistantMessage) and own.text == "✓" and not own.calls
        self._check(not mark, "the model is asked after a mark without words")
        names = [tool.name for tool in request.tools]
        offered = [spec.schema.name for spec in wanted.tools if spec.offered]
        can = wanted.calls.enable_async_tool_cancellation and "timer" in offered
        self._check(names == offered + [cancel_tool.NAME] * can, f"the tools are not the newest: {names}")
        self._check((cancel_tool.PARAGRAPH in request.instructions) is can, "the paragraph of the built-in function")
        places = [place for place, item in enumerate(request.items) if isinstance(item, UserMessage)]
        stale = request.items[: places[-1]] if places else ()
        thoughts = [item for item in stale if isinstance(item, AssistantMessage) and item.reasoning]
        self._check(not thoughts, "the model is shown what it thought before the caller's turn")

    def _event(self, event: e.Event) -> None:
        match event:
            case e.Interrupted() | e.UserTurn() | e.Problem("speech_failed"):
                self._turned = True
            case e.FunctionCallsStarted(calls):
                self._check(bool(calls), "nothing is told")
                self._check(cancel_tool.NAME not in [call.name for call in calls], "a built-in function is told of")
                self._announced |= {call.call_id for call in calls}
            case e.FunctionCallsCancelled(calls):
                self._check(bool(calls), "nothing is told")
            case of_model.ReplyMetrics(reply, outcome, first_s, duration_s):
                self._measured.append(reply)
                self._check(first_s is None or 0 <= first_s <= duration_s, "an answer's times do not fit")
                self._check(outcome != "stalled" or self._world.models.rude, "an answer stalled without a cause")
            case of_model.EarlyAnswer(reply, used):
                self.early += used
                if not used:
                    self._asked.remove(reply)
                    self._discarded.add(f"c{reply}t")
            case of_model.Summarised() | of_model.SummaryFailed():
                self._job = 0
                self.summaries += isinstance(event, of_model.Summarised)
            case e.AssistantTurn(text):
                self._shown |= {(name, int(number)) for name, number in WORD.findall(text)}

    def _check_trace(self, text: str) -> None:
        """The words of an answer say which one it is."""
        traces = {f"c{number}t" for number in OF_REPLY.findall(text)} & self._discarded
        self._check(not traces, "words of an early answer that nobody wanted")

    def words_to_read(self, heard: set[tuple[str, int]]) -> set[tuple[str, int]]:
        """Words of the bot's messages that were read and not heard."""
        spoken = " ".join(" ".join(words) for words in self._world.voice.words.values())
        unspoken = self._shown - {(name, int(number)) for name, number in WORD.findall(spoken)}
        half_words = self._world.swarm_has("untimed")
        excused = self._world.caller.reads or half_words
        self._check(not unspoken or excused, "words were not spoken to a caller who listens")
        words = self._shown - heard if self._world.caller.reads else set()
        self.read = len(words)
        return words

    def at_end(self) -> None:
        """Every answer was measured, once; those that were discarded left no trace."""
        for item in self._world.core.log.items():
            if isinstance(item, AssistantMessage):
                self._check_trace(item.text)
                ids = tuple(call.call_id for call in item.calls)
                traces = [call_id for call_id in ids if call_id[: call_id.index("t") + 1] in self._discarded]
                self._check(not traces, "a call of an early answer that nobody wanted")
        self._check(self._world.core.state is CallState.CLOSED, "the call is not over")
        self._check(self._measured == self._asked, "an answer was not measured, or twice")


def _words(item: Item) -> tuple[str, ...]:
    """What a message says and calls, whatever came of its calls."""
    calls = item.calls if isinstance(item, AssistantMessage) else ()
    return (item.text, *(call.call_id for call in calls))


def pending(request: Request) -> bool:
    """Whether a call of it has no result."""
    messages = (item for item in request.items if isinstance(item, AssistantMessage))
    return any(call.output in ("", IN_PROGRESS) for message in messages for call in message.calls)
