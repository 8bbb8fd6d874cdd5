"""A conversation, item by item, becomes a list of exchanges: what asked for an answer, and what was answered. Pure.

An answer is known by the words that were heard of it and the calls that it made. So the last exchange of a request
says both what to answer and how much of that answer was given already: that is how an answer goes on after a drop.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal, get_args

import msgspec
from msgspec import Struct

from llm.local.request import Assistant, Called, Developer, Item, Result, User

CANCEL_ASYNC = "cancel_async_tool_call"
"""The function by which an agent of voicewire lets async calls be cancelled. It takes a `tool_call_id`."""

AsyncStatus = Literal["started", "running", "finished", "failed", "timed_out", "cancelled"]
Status = Literal["done", "in_progress", AsyncStatus, "stopped", "not_stopped"]
"""What is known of a call; `stopped` and `not_stopped` are what came of CANCEL_ASYNC for it."""
NoteKind = Literal["unclear", "silence", "greet", "farewell", "say"]


class Finding(Struct, frozen=True):
    """What came of a call. `value` is decoded JSON where the output was JSON, else text."""

    call: Called | None
    status: Status
    value: Any = None

    @property
    def unfinished(self) -> bool:
        """Whether more is to come of the call."""
        return self.status in {"started", "running", "in_progress"}


class Note(Struct, frozen=True):
    """A message of the application that wants an answer."""

    kind: NoteKind
    text: str = ""


class Exchange(Struct):
    """Prompts, in groups, and the answer to them. `number` counts from the start of the log."""

    number: int
    findings: list[Finding] = []
    notes: list[Note] = []
    users: list[str] = []
    said: str = ""
    calls: list[Called] = []
    running: tuple[Called, ...] = ()
    """The async calls that run when the answer is given, the newest last."""

    @property
    def answered(self) -> bool:
        """Whether anything was answered."""
        return bool(self.said or self.calls)

    @property
    def prompted(self) -> bool:
        """Whether anything asks for an answer."""
        return bool(self.findings or self.notes or self.users)


MAX_TURN = 600  # characters of a turn of the caller that are read: half a minute of speech
MAX_MESSAGES = 8  # messages of a turn that are read, the last ones
MAX_SAID = 64_000  # characters of an answer that are kept, the last ones

_ASYNC_STATUSES: frozenset[AsyncStatus] = frozenset(get_args(AsyncStatus))
_FAILED = re.compile(r"(?i)\s*error\b[:\s]")
_TIMED_OUT = re.compile(r"(?i)\btimed?[ _-]?out\b")
_CONTINUE = re.compile(r"(?i)\b(continue|call them now)\b")
_CUT_SHORT = re.compile(r"(?i)\bcall them now\b")
_NOTES: tuple[tuple[re.Pattern[str], NoteKind], ...] = (
    (re.compile(r"(?i)\b(not|nothing)( be| been| was)? understood\b|\bunclear\b|\bunintelligible\b"), "unclear"),
    (re.compile(r"(?i)\bsay:?\s+[\"“](?P<text>[^\"”]{1,500})[\"”]"), "say"),
    (re.compile(r"(?i)\b(say goodbye|hang(s|ing)? up|end(s|ing)? the call)\b"), "farewell"),
    (re.compile(r"(?i)\b(greet|welcome)\b"), "greet"),
    (re.compile(r"(?i)\b(silent|silence|idle|quiet|still there|said nothing)\b"), "silence"),
)


def exchanges(items: Iterable[Item]) -> list[Exchange]:
    """The exchanges of a log, oldest first. Items that ask for nothing are skipped."""
    log: list[Exchange] = []
    calls: dict[str, Called] = {}
    for item in items:
        if isinstance(item, User | Result | Developer):
            _prompt(log, item, calls)
        elif isinstance(item, Assistant):
            if item.text:
                current = log[-1] if log else _next(log)
                current.said = _join(current.said, item.text)[-MAX_SAID:]
        else:
            calls[item.call_id] = item
            _call(log, item)
    return log


def calls_were_cut_short(items: Sequence[Item]) -> bool:
    """The application says, last of all, that an answer broke off after a call."""
    return bool(items) and isinstance(items[-1], Developer) and bool(_CUT_SHORT.search(items[-1].text))


def _prompt(log: list[Exchange], item: User | Result | Developer, calls: dict[str, Called]) -> None:
    if isinstance(item, Result):
        _add(log, _finding(item, calls))
    elif isinstance(item, User):
        users = _open(log).users
        users.append(item.text[:MAX_TURN])
        while len(users) > MAX_MESSAGES or sum(map(len, users)) > MAX_TURN:
            del users[0]
    elif finding := _async_finding(item.text, calls):  # never from a caller, who could type one
        if not (finding.status == "cancelled" and _wanted_cancelled(finding.call, calls)):
            _add(log, finding)
    elif note := _note(item.text):
        _open(log).notes.append(note)


def _add(log: list[Exchange], finding: Finding) -> None:
    """Add what came of a call, and keep account of what runs."""
    current = _open(log)
    current.findings.append(finding)
    if finding.call is None or finding.status in {"running", "in_progress"}:
        return
    others = tuple(call for call in current.running if call.call_id != finding.call.call_id)
    current.running = (*others, finding.call) if finding.status == "started" else others


def _call(log: list[Exchange], item: Called) -> None:
    """Add a call to the answer that made it; calls and outputs of one response may come in turns."""
    current = log[-1] if log else _next(log)
    only_findings = current.findings and not (current.users or current.notes or current.answered)
    owner = log[-2] if only_findings and len(log) > 1 else current
    owner.calls.append(item)


def _open(log: list[Exchange]) -> Exchange:
    """The exchange that takes a further prompt: the last one, or a new one if that is answered."""
    return log[-1] if log and not log[-1].answered else _next(log)


def _next(log: list[Exchange]) -> Exchange:
    log.append(Exchange(log[-1].number + 1, running=log[-1].running) if log else Exchange(0))
    return log[-1]


def _join(before: str, after: str) -> str:
    space = before and not before[-1].isspace() and not after[0].isspace()
    return f"{before} {after}" if space else before + after


def _finding(item: Result, calls: dict[str, Called]) -> Finding:
    """What the output of a call says; that of CANCEL_ASYNC speaks of another call."""
    call, output = calls.get(item.call_id), item.output
    value = _decode(output)
    if call and call.name == CANCEL_ASYNC:
        stopped = isinstance(value, dict) and value.get("status") == "cancelled"
        return Finding(_target(call, calls), "stopped" if stopped else "not_stopped")
    if isinstance(value, dict) and value.get("type") == "async_tool":
        return Finding(call, _status(value), value.get("result"))
    if output in {"IN_PROGRESS", "CANCELLED"}:
        return Finding(call, "in_progress" if output == "IN_PROGRESS" else "cancelled")
    if isinstance(value, str) and (_FAILED.match(value) or value.lower().startswith("timed out")):
        return Finding(call, "timed_out" if _TIMED_OUT.search(value) else "failed", value)
    if isinstance(value, dict) and set(value) <= {"error", "message", "code", "status", "type"} and value.get("error"):
        error = str(value["error"])
        return Finding(call, "timed_out" if _TIMED_OUT.search(error) else "failed", error)
    return Finding(call, "done", None if output == "COMPLETED" else value)


def _wanted_cancelled(call: Called | None, calls: dict[str, Called]) -> bool:
    """Whether CANCEL_ASYNC was called for a call: its output tells what came of that, and a message tells it again."""
    return any(_target(each, calls) is call for each in calls.values() if each.name == CANCEL_ASYNC)


def _target(call: Called, calls: dict[str, Called]) -> Called | None:
    """The call that a call of CANCEL_ASYNC is for."""
    arguments = _decode(call.arguments)
    return calls.get(str(arguments.get("tool_call_id"))) if isinstance(arguments, dict) else None


def _async_finding(text: str, calls: dict[str, Called]) -> Finding | None:
    """The later result of an async call, which comes as a message."""
    if not text.lstrip().startswith("{"):
        return None
    value = _decode(text)
    if not isinstance(value, dict) or value.get("type") != "async_tool":
        return None
    return Finding(calls.get(str(value.get("tool_call_id"))), _status(value), value.get("result"))


def _status(value: dict[str, Any]) -> Status:
    status = value.get("status")
    return status if status in _ASYNC_STATUSES else "finished"


def _note(text: str) -> Note | None:
    """What an application's message wants said; None where it wants nothing, or that the answer goes on."""
    if _CONTINUE.search(text):
        return None
    for pattern, kind in _NOTES:
        if found := pattern.search(text):
            return Note(kind, found.groupdict().get("text") or "")
    return None


def _decode(output: str) -> Any:
    try:
        return msgspec.json.decode(output)
    except (msgspec.DecodeError, RecursionError):
        return output
