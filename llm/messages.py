"""Conversations as values: copied, cut, merged, shown to people. Pure.

A message is never changed in place. A call and its result stand in one message and so stay together; only the results
of async calls come later, as messages of their own (`AsyncNote`), and go where their call goes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from link.text import utf8_text
from llm.context import IN_PROGRESS
from llm.function_calls import CANCELLED, async_note
from llm.items import AssistantMessage, Audio, Call, DeveloperMessage, Item, Media, UserMessage

MAX_RESULT_CHARS = 500
"""So much of a function's result is shown to people."""


class AsyncNote(Struct, frozen=True):
    """What a developer message, or the output of a call, says of an async call."""

    type: Literal["async_tool"]
    tool_call_id: str
    status: Literal["started", "running", "finished", "failed", "timed_out", "cancelled"]
    result: str = ""

    @property
    def is_final(self) -> bool:
        """Nothing more comes of the call."""
        return self.status not in ("started", "running")


_note = msgspec.json.Decoder(AsyncNote)


def note_in(text: str) -> AsyncNote | None:
    """The note that a text is; None for all other text."""
    if not text.startswith("{") or '"async_tool"' not in text:
        return None
    try:
        return _note.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def note_of(item: Item) -> AsyncNote | None:
    """The note that a message is: an update or the result of an async call."""
    return note_in(item.text) if isinstance(item, DeveloperMessage) else None


def is_started(call: Call) -> bool:
    """The call is async: what its output says is only that it has begun."""
    note = note_in(call.output)
    return note is not None and note.status == "started" and note.tool_call_id == call.call_id


def running_calls(items: Sequence[Item]) -> frozenset[str]:
    """The ids of the calls without a final result: those IN_PROGRESS, and the async ones without their last note."""
    running: set[str] = set()
    for item in items:
        if isinstance(item, AssistantMessage):
            running |= {call.call_id for call in item.calls if call.output == IN_PROGRESS or is_started(call)}
        elif note := _final(item):
            running.discard(note.tool_call_id)
    return frozenset(running)


def call_ids(item: Item) -> frozenset[str]:
    """The calls of a message."""
    return frozenset(call.call_id for call in item.calls) if isinstance(item, AssistantMessage) else frozenset()


def is_pinned(item: Item) -> bool:
    """The application wants the message to stay when the older part of the log goes."""
    return not isinstance(item, AssistantMessage) and item.pinned


def encodable(item: Item) -> Item:
    """The message as UTF-8 can say it: half a surrogate pair (a file's odd name, say) becomes `?`."""
    try:
        msgspec.json.encode(item)
    except UnicodeEncodeError:
        plain = _replaced(msgspec.to_builtins(item, builtin_types=(bytes,)))
        item = msgspec.convert(plain, type(item), builtin_types=(bytes,))
    return item


def _replaced(value: Any) -> Any:
    if isinstance(value, str):
        return utf8_text(value)
    if isinstance(value, dict):
        return {name: _replaced(each) for name, each in value.items()}
    return [_replaced(each) for each in value] if isinstance(value, list | tuple) else value


def truncated(items: Sequence[Item], max_messages: int) -> tuple[Item, ...]:
    """The newest turns, at most `max_messages` of them together; the newest turn stays whole, however long it is.

    Besides them stay the developer messages at the beginning, pinned messages, and those with calls that still run.
    Notes of calls that went go too.
    """
    rest = next((at for at, item in enumerate(items) if not _leads(item)), len(items))
    start = _edge(items, rest, max_messages)
    return _without_orphans(items, [*items[:rest], *_held(items, items[rest:start]), *items[start:]])


def merged(items: Sequence[Item], others: Sequence[Item]) -> tuple[Item, ...]:
    """The messages of `items`, and after them those of `others` that are not among them, in their order.

    What is said twice in `others` is there twice afterwards. A message with a call that is in both is not appended.
    """
    there = Counter(items)
    called = _calls_of(items)
    new: list[Item] = []
    for item in others:
        if there[item]:
            there[item] -= 1
        elif not call_ids(item) & called:
            new.append(item)
    return (*items, *new)


def inserted(items: Sequence[Item], at: int, item: Item) -> tuple[Item, ...]:
    """The messages with one more, before the one that is number `at` (from 0; `len(items)` appends)."""
    if not 0 <= at <= len(items):
        raise ValueError(f"a message cannot be inserted at {at}: there are {len(items)}")
    return (*items[:at], item, *items[at:])


def without_calls(items: Sequence[Item]) -> tuple[Item, ...]:
    """Only what was said: no calls, no results, no reasoning; a message that was nothing else is gone."""
    said: list[Item] = []
    for item in items:
        if not isinstance(item, AssistantMessage):
            said += [] if note_of(item) else [item]
        elif not item.calls:
            said.append(AssistantMessage(item.text) if item.reasoning else item)
        elif item.text:
            said.append(AssistantMessage(item.text))
    return tuple(said)


def settled(items: Sequence[Item]) -> tuple[Item, ...]:
    """The conversation as it is when nobody waits for its calls any more: those that run are cancelled.

    This is what is loaded from a file, or handed to a place where the calls do not run.
    """
    running = running_calls(items)
    notes: list[Item] = []
    done: list[Item] = []
    for item in items:
        if isinstance(item, AssistantMessage) and call_ids(item) & running:
            open_calls = [call for call in item.calls if call.call_id in running and is_started(call)]
            notes += [DeveloperMessage(async_note(call.call_id, "cancelled", CANCELLED)) for call in open_calls]
            calls = tuple(_cancelled(call) if call.output == IN_PROGRESS else call for call in item.calls)
            done.append(AssistantMessage(item.text, calls, item.reasoning))
        else:
            done.append(item)
    return (*done, *notes)


def text_of(items: Sequence[Item], max_result_chars: int = MAX_RESULT_CHARS) -> str:
    """The conversation for people, a line for each message, call and result; further lines of a text are indented."""
    names = {call.call_id: call.name for item in items if isinstance(item, AssistantMessage) for call in item.calls}
    lines = (line for item in items for line in _lines(item, names, max_result_chars))
    return "\n".join("\n  ".join(line.splitlines()) for line in lines)


def _lines(item: Item, names: dict[str, str], limit: int) -> Iterator[str]:
    if isinstance(item, UserMessage):
        yield " ".join(filter(None, ("Caller:", item.text, *map(_shown, item.media))))
    elif isinstance(item, AssistantMessage):
        if item.text:
            yield f"Assistant: {item.text}"
        for call in item.calls:
            result = "started" if is_started(call) else call.output
            yield f"Function {call.name}({_cut(call.arguments, limit)}): {_cut(result, limit)}"
    elif note := note_of(item):
        name = names.get(note.tool_call_id, note.tool_call_id)
        yield f"Function {name} {note.status}: {_cut(note.result, limit)}"
    else:
        yield f"Application: {item.text}"


def _shown(medium: Media) -> str:
    return "[audio]" if isinstance(medium, Audio) else "[image]"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}… [cut: {len(text)} characters]"


def _leads(item: Item) -> bool:
    """A message of the application that does not speak of a call."""
    return isinstance(item, DeveloperMessage) and note_of(item) is None


def _edge(items: Sequence[Item], rest: int, max_messages: int) -> int:
    """Where the kept turns begin: the first words of the caller that are in reach, else their last ones."""
    reach = max(rest, len(items) - max(max_messages, 0))
    if reach == rest:
        return rest
    turns = [at for at in range(rest, len(items)) if isinstance(items[at], UserMessage)]
    return next((at for at in turns if at >= reach), turns[-1] if turns else reach)


def _held(items: Sequence[Item], old: Sequence[Item]) -> list[Item]:
    """The old messages that stay: pinned ones, and calls that still run or whose result is pinned.

    With them stay the results that others of their calls have already.
    """
    wanted = running_calls(items) | {note.tool_call_id for item in items if is_pinned(item) and (note := note_of(item))}
    held = _calls_of(item for item in old if call_ids(item) & wanted)
    return [
        item
        for item in old
        if is_pinned(item) or call_ids(item) & held or ((note := _final(item)) and note.tool_call_id in held)
    ]


def _final(item: Item) -> AsyncNote | None:
    note = note_of(item)
    return note if note is not None and note.is_final else None


def _calls_of(items: Iterable[Item]) -> frozenset[str]:
    return frozenset[str]().union(*map(call_ids, items))


def _without_orphans(items: Sequence[Item], kept: Sequence[Item]) -> tuple[Item, ...]:
    """Without the notes whose call is among the items and was not kept."""
    gone = _calls_of(items) - _calls_of(kept)
    return tuple(item for item in kept if (note := note_of(item)) is None or note.tool_call_id not in gone)


def _cancelled(call: Call) -> Call:
    return Call(call.call_id, call.name, call.arguments, CANCELLED)
