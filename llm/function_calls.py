"""The ledger of function calls: which wait, which run, which are done, and when the model is asked again. Pure.

A call is WAITING (for its turn, for the caller's silence, for the words before it to be heard), RUNNING, or DONE. Every
call that enters ends in exactly one final result; what comes after that is late, and counted.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from enum import Enum, auto
from typing import Literal

from msgspec import Struct

from link.errors import ConfigError
from llm.context import IN_PROGRESS
from llm.events import FunctionCall, Outcome, ToolSchema

CANCELLED = "CANCELLED"
COMPLETED = "COMPLETED"
ANY = "*"
"""The name of the tool that takes the calls of every function without a handler of its own."""
ELSEWHERE = -1
"""The group of calls that were not made here; groups are numbered by replies, from 1."""
NEVER_S = 1e9
"""A time-out that does not come, some thirty years: JSON, in which journals are kept, has no infinity."""
MAX_RUNNING = 8  # blocking calls at once; the others wait
MAX_ASYNC = 32  # async calls without a result; more are refused
MAX_RESULT_BYTES = 64 * 1024


When = Literal["now", "after_speech"]
"""When a tool starts: at once, or when the words before it were heard."""


class ToolSpec(Struct, frozen=True):
    """How a tool is offered and run. `cancel_on_interruption=False` makes it async: the model goes on at once."""

    schema: ToolSchema
    cancel_on_interruption: bool = True
    timeout_s: float | None = None
    when: When = "now"
    offered: bool = True
    """The model is told of it here; else it is described elsewhere (in the instructions, say)."""
    filler: str | None = None
    """What the caller hears when it takes long; empty for nothing, None for what the agent says then."""


class CallOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """How the calls of one response are run. Raises ConfigError."""

    run_in_parallel: bool = True
    """All calls of a response at once, or one after the other."""
    group_parallel_tools: bool = True
    """The model is asked once, after the last result of a response; else after each."""
    enable_async_tool_cancellation: bool = False
    """The model can cancel async calls, with a function of its own."""
    function_call_timeout_secs: float = 30.0
    """A blocking call that takes longer is given up, `inf` for never; a tool may have a limit of its own."""

    def __post_init__(self) -> None:
        if not self.function_call_timeout_secs > 0:
            what = f"not {self.function_call_timeout_secs}; `inf` means none"
            raise ConfigError(f"calls: function_call_timeout_secs must be above zero, {what}")


class State(Enum):
    """Where a call stands."""

    WAITING = auto()
    RUNNING = auto()
    DONE = auto()


class Entry:
    """One call."""

    __slots__ = ("arguments", "call_id", "deadline", "group", "name", "spec", "started_at", "state")

    def __init__(self, call: FunctionCall, spec: ToolSpec, group: int) -> None:
        self.call_id = call.call_id
        self.name = call.name
        self.arguments = call.arguments
        self.spec = spec
        self.group = group
        self.state = State.WAITING
        self.started_at = 0.0
        self.deadline = math.inf

    @property
    def is_async(self) -> bool:
        """The model does not wait for it."""
        return not self.spec.cancel_on_interruption


class Finished(Struct, frozen=True):
    """A call's one final result for the log: `output` in its place, or a `developer` message for async calls."""

    call_id: str
    name: str
    outcome: Outcome
    output: str | None
    developer: str | None


class Ledger:
    """The calls of one conversation. Calls of one response form a group, numbered by the reply."""

    def __init__(self, options: CallOptions) -> None:
        self.options = options
        self._calls: dict[str, Entry] = {}  # not DONE
        self._seen: dict[str, int] = {}  # call id -> its group
        self._wants: dict[int, bool] = {}  # group -> some result of it wants the model
        self._at_once = False  # a result wants the model although others of its group are still to come
        self.late = 0
        """Results that came after the final one, and duplicates of calls."""

    def admit(self, call_id: str, group: int) -> str | None:
        """The name of a call here: its id, or one made of it where another response used that. None for a duplicate."""
        if self._seen.get(call_id, group) != group:
            call_id = f"{call_id}.{group}"
        if call_id in self._seen:
            self.late += 1
            return None
        self._seen[call_id] = group
        return call_id

    def know(self, call_ids: Iterable[str]) -> None:
        """These stand in the log already, from elsewhere: no call of the model may have their names."""
        for call_id in call_ids:
            self._seen.setdefault(call_id, ELSEWHERE)

    def dispatch(self, call: FunctionCall, spec: ToolSpec, group: int) -> str:
        """Enter a call. Returns the placeholder that stands as its output until the result."""
        self._calls[call.call_id] = Entry(call, spec, group)
        self._wants.setdefault(group, False)
        if spec.cancel_on_interruption:
            return IN_PROGRESS
        self._wants[group] = True
        return started_note(call.call_id, call.name)

    def refuse(self, group: int) -> None:
        """A call is over before it began."""
        self._wants[group] = True

    def has_room(self, spec: ToolSpec) -> bool:
        """Whether a call may enter: those in the background are bounded, the others wait for one another."""
        waits = sum(call.is_async for call in self._calls.values())
        return spec.cancel_on_interruption or waits < MAX_ASYNC

    def startable(self, *, words_heard: bool) -> list[Entry]:
        """The calls that may start now; `words_heard`: what was said before them was heard."""
        running = sum(call.state is State.RUNNING and not call.is_async for call in self._calls.values())
        ready: list[Entry] = []
        busy: set[int] = set()
        for call in self._calls.values():
            held = not self.options.run_in_parallel and call.group in busy
            full = not call.is_async and running >= MAX_RUNNING
            if not call.is_async:
                busy.add(call.group)
            if call.state is not State.WAITING or held or full:
                continue
            if words_heard or call.spec.when == "now":
                ready.append(call)
                running += not call.is_async
        return ready

    def start(self, call: Entry, now: float) -> None:
        """A call begins to run; its time-out counts from here."""
        call.state = State.RUNNING
        limit = call.spec.timeout_s
        if limit is None:
            limit = math.inf if call.is_async else self.options.function_call_timeout_secs
        call.started_at = now
        call.deadline = now + limit

    def async_name(self, call_id: str) -> str | None:
        """The name of an async call that has no final result; None for every other call."""
        call = self._calls.get(call_id)
        return call.name if call is not None and call.is_async else None

    def finish(self, call_id: str, outcome: Outcome, result: str, run_llm: bool | None = None) -> Finished | None:
        """A call's final result; None (and counted) when it has one already."""
        call = self._calls.pop(call_id, None)
        if call is None:
            self.late += 1
            return None
        call.state = State.DONE
        if outcome == "cancelled":
            result = CANCELLED
        text = bounded(result)
        if call.is_async:
            return Finished(call_id, call.name, outcome, None, async_note(call_id, outcome, text))
        wanted = run_llm is not False and outcome != "cancelled"
        self._wants[call.group] |= wanted
        self._at_once |= wanted and (run_llm is True or not self.options.group_parallel_tools)
        return Finished(call_id, call.name, outcome, text, None)

    def forget_wishes(self) -> None:
        """The caller does not want to hear of the groups so far."""
        self._wants = dict.fromkeys(self._wants, False)

    def take_at_once(self) -> bool:
        """True once when the model is to hear of a result before the rest of its group has one."""
        wanted, self._at_once = self._at_once, False
        return wanted

    def interruptible(self) -> list[Entry]:
        """The calls that a barge-in cancels."""
        return [call for call in self._calls.values() if not call.is_async]

    def open(self) -> list[Entry]:
        """All calls without a final result."""
        return list(self._calls.values())

    @property
    def blocking(self) -> bool:
        """Some call holds the next answer back."""
        return any(not call.is_async for call in self._calls.values())

    def fillers(self) -> list[str | None]:
        """What the tools that the model waits for want said meanwhile, oldest first."""
        return [call.spec.filler for call in self._calls.values() if not call.is_async]

    def expired(self, now: float) -> list[Entry]:
        """The calls whose time is over."""
        return [call for call in self._calls.values() if call.deadline <= now]

    def deadline(self) -> float:
        """When the next call's time is over; inf for never."""
        return min((call.deadline for call in self._calls.values()), default=math.inf)

    def settle(self, open_group: int | None) -> bool:
        """Take out the groups whose calls all have results; True when one of them wants the model asked.

        `open_group` is the response that is still coming: more calls of it may follow.
        """
        waiting = {call.group for call in self._calls.values() if not call.is_async}
        wanted = False
        for group in [group for group in self._wants if group != open_group and group not in waiting]:
            wanted |= self._wants.pop(group)
        return wanted


def bounded(text: str) -> str:
    """Text of at most 64 KiB, with a note where it was cut; what UTF-8 cannot say becomes `?`."""
    raw = text.encode(errors="replace")
    if len(raw) <= MAX_RESULT_BYTES:
        return raw.decode()
    return raw[:MAX_RESULT_BYTES].decode(errors="ignore") + f" [cut: {len(raw)} bytes]"


def started_note(call_id: str, name: str) -> str:
    """The tool message of an async call that runs."""
    description = (
        f"The function {name} runs in the background. Do not call it again and do not invent a result;"
        " the result follows in a later message."
    )
    return _json({"type": "async_tool", "status": "started", "tool_call_id": call_id, "description": description})


_STATUS = {"completed": "finished", "failed": "failed", "timed_out": "timed_out", "cancelled": "cancelled"}


def async_note(call_id: str, outcome: Outcome | Literal["running"], result: str) -> str:
    """The developer message of an async call's result or update."""
    status = "running" if outcome == "running" else _STATUS[outcome]
    return _json({"type": "async_tool", "tool_call_id": call_id, "status": status, "result": result})


def _json(note: dict[str, str]) -> str:
    """As the model reads it best: letters as they are, not as `\\u` escapes, which are also up to six times as long."""
    return json.dumps(note, ensure_ascii=False)
