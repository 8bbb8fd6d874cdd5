"""The tools' side of the core: function calls between the ledger, the log and the tool tasks. Pure."""

from __future__ import annotations

from llm import cancel_tool
from llm.context import Log
from llm.entry import Entry
from llm.events import FunctionCall, Outcome
from llm.function_calls import ANY, CANCELLED, Ledger, State, async_note, bounded
from llm.function_calls import Entry as Called
from llm.items import Call
from server.call import events as e
from server.call.outbox import Outbox
from server.call.policy import CallSettings


class Calling:
    """The function calls of one conversation."""

    def __init__(self, settings: CallSettings, log: Log, out: Outbox) -> None:
        self.ledger = Ledger(settings.calls)
        self._log = log
        self._out = out
        self._async_results = False
        self.configure(settings)

    def configure(self, settings: CallSettings) -> None:
        """Other tools, from the next call on."""
        self.ledger.options = settings.calls
        self._tools = {spec.schema.name: spec for spec in settings.tools}
        self._can_cancel = cancel_tool.offered(settings.calls, settings.tools)

    def call(self, entry: Entry, group: int, call: FunctionCall) -> None:
        """The model made a call; it stands in the log from now on, and gets exactly one result."""
        call_id = self.ledger.admit(call.call_id, group)
        if call_id is None:
            return
        call = FunctionCall(call.reply, call_id, call.name, call.arguments)
        reserved = call.name == cancel_tool.NAME
        spec = None if reserved else self._tools.get(call.name) or self._tools.get(ANY)
        if reserved and self._can_cancel:
            self._cancel_async(entry, group, call)
        elif spec is None:
            self._refuse(entry, group, call, f"Error: function '{call.name}' is not registered.")
        elif not self.ledger.has_room(spec):
            self._refuse(entry, group, call, "Error: too many functions run in the background already.")
        else:
            placeholder = self.ledger.dispatch(call, spec, group)
            self._log.call(entry, Call(call_id, call.name, call.arguments, placeholder))

    def _refuse(self, entry: Entry, group: int, call: FunctionCall, error: str) -> None:
        self._answer(entry, group, call, error)
        self._out.tell(e.ToolFinished(call.call_id, call.name, "failed", error))

    def _answer(self, entry: Entry, group: int, call: FunctionCall, output: str) -> None:
        """A call that is over before it began."""
        self.ledger.refuse(group)
        self._log.call(entry, Call(call.call_id, call.name, call.arguments, output))
        self._log.result(call.call_id, None)

    def _cancel_async(self, entry: Entry, group: int, call: FunctionCall) -> None:
        """The built-in function: the model does not want an async call any more. No event tells of it."""
        target = cancel_tool.target(call.arguments)
        found = [each for each in self.ledger.open() if each.is_async and each.call_id == target]
        self._answer(entry, group, call, cancel_tool.result(target, found=bool(found)))
        self._cancel(found, run_llm=False)

    def start(self, now: float, *, words_heard: bool) -> None:
        """Start what may start; `words_heard`: nothing is being said."""
        calls = self.ledger.startable(words_heard=words_heard)
        if calls:
            self._out.tell(e.FunctionCallsStarted(tuple(map(_brief, calls))))
        for call in calls:
            self.ledger.start(call, now)
            self._out.emit(e.RunTool(call.call_id, call.name, call.arguments))
            self._out.tell(e.ToolStarted(call.call_id, call.name, call.arguments))

    def update(self, call_id: str, result: str) -> None:
        """An async call has an intermediate result; of other calls it is refused."""
        if name := self.ledger.async_name(call_id):
            result = bounded(result)
            self._log.developer(async_note(call_id, "running", result))
            self._out.tell(e.ToolUpdated(call_id, name, result))

    def finish(self, call_id: str, outcome: Outcome, result: str, run_llm: bool | None = None) -> None:
        """A call has its final result; a second one is late and counted."""
        finished = self.ledger.finish(call_id, outcome, result, run_llm)
        if finished is None:
            return
        self._log.result(call_id, finished.output)
        if finished.developer is not None:
            self._log.developer(finished.developer)
            self._async_results |= run_llm is not False
        self._out.tell(e.ToolFinished(call_id, finished.name, outcome, bounded(result)))

    def interrupt(self) -> None:
        """A turn of the caller cancels what can be cancelled; the model is not asked for what came of the rest."""
        self._cancel(self.ledger.interruptible())
        self.ledger.forget_wishes()

    def close(self) -> None:
        """The end of the call cancels everything."""
        self._cancel(self.ledger.open())

    def expire(self, now: float) -> None:
        """Calls whose time is over say so."""
        for call in self.ledger.expired(now):
            self._out.emit(e.CancelTool(call.call_id))
            limit_s = call.deadline - call.started_at
            self.finish(call.call_id, "timed_out", f"Error: timed out after {limit_s:g} seconds.")

    def settle(self, open_group: int | None) -> bool:
        """True when a group of calls has all its results and the model is to hear of them."""
        return self.ledger.settle(open_group)

    def take_at_once(self) -> bool:
        """True once when the model is to hear of a result before the rest of its group has one."""
        return self.ledger.take_at_once()

    def take_async_results(self) -> bool:
        """True once for async results that the model is to hear of."""
        wanted, self._async_results = self._async_results, False
        return wanted

    def deadline(self) -> float:
        """When the next call's time is over; inf for never."""
        return self.ledger.deadline()

    @property
    def blocking(self) -> bool:
        """A call holds the next answer back."""
        return self.ledger.blocking

    @property
    def filler(self) -> str | None:
        """What a tool that the model waits for wants said meanwhile; None for whatever the agent says.

        One that wants silence says nothing itself, and lets the others speak.
        """
        wanted = self.ledger.fillers()
        return next(filter(None, wanted), None if None in wanted else "")

    @property
    def open(self) -> bool:
        """A call has no final result yet."""
        return bool(self.ledger.open())

    def _cancel(self, calls: list[Called], *, run_llm: bool | None = None) -> None:
        if calls:
            self._out.tell(e.FunctionCallsCancelled(tuple(map(_brief, calls))))
        for call in calls:
            if call.state is State.RUNNING:
                self._out.emit(e.CancelTool(call.call_id))
            self.finish(call.call_id, "cancelled", CANCELLED, run_llm)


def _brief(call: Called) -> e.CallInfo:
    return e.CallInfo(call.call_id, call.name, call.arguments)
