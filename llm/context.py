"""The conversation log: what was said and heard, what was called and what came of it. Pure.

It is the truth of the call; whatever a provider remembers of it is a cache. The assistant's words stand in segments,
one for each frame of the playout, so that a barge-in can cut them at what was heard.
"""

from __future__ import annotations

from llm.items import AssistantMessage, Call, DeveloperMessage, Item, UserMessage

IN_PROGRESS = "IN_PROGRESS"
LIMIT_BYTES = 256 * 1024
DROPPED = "[dropped: the conversation became too long]"


class _Segment:
    """A piece of the assistant's words; `frame` is its place in the playout."""

    __slots__ = ("frame", "text")

    def __init__(self, frame: int, text: str) -> None:
        self.frame = frame
        self.text = text


class Entry:
    """One message of the log, still changing while it is spoken or its calls run."""

    __slots__ = ("_rendered", "calls", "joint", "pending", "placed", "role", "segments", "size", "speaking")

    def __init__(self, role: type[Item], text: str = "") -> None:
        self.role = role
        self.segments: list[_Segment] = [_Segment(0, text)] if text else []
        self.calls: dict[str, Call] = {}
        self.pending: set[str] = set()  # calls without a final result
        self.speaking: set[int] = set()  # frames not yet heard nor cut
        self.placed = False  # it stands in the log
        self.joint = False  # another reply goes on with this text
        self.size = len(text.encode())
        self._rendered: Item | None = None

    @property
    def empty(self) -> bool:
        """Nothing was said and nothing called."""
        return not self.segments and not self.calls

    @property
    def text(self) -> str:
        """The words, as heard so far and about to be."""
        return "".join(segment.text for segment in self.segments)

    def heard_text(self, frame: int, part: str) -> str:
        """The words heard while `frame` is being spoken, `part` of it so far."""
        spoken = (part if each.frame == frame else each.text for each in self.segments if self._begun(each, frame))
        return "".join(spoken)

    def _begun(self, segment: _Segment, frame: int) -> bool:
        return segment.frame == frame or segment.frame not in self.speaking

    def changed(self) -> None:
        """Forget the rendering and measure again."""
        self._rendered = None
        self.size = sum(len(segment.text.encode()) for segment in self.segments) + sum(
            len(call.arguments.encode()) + len(call.output.encode()) for call in self.calls.values()
        )

    def render(self) -> Item:
        """The message as a request shows it."""
        if self._rendered is None:
            if self.role is AssistantMessage:
                self._rendered = AssistantMessage(self.text, tuple(self.calls.values()))
            else:
                self._rendered = self.role(self.text)
        return self._rendered


class Log:
    """The messages of one call, oldest first; at most `limit_bytes` of text, the oldest turns go first."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._entries: list[Entry] = []
        self._by_frame: dict[int, Entry] = {}
        self._by_call: dict[str, Entry] = {}
        self._limit = limit_bytes
        self._size = 0
        self.truncated = 0
        """How many messages, and results of calls, were dropped to stay within the limit."""

    def user(self, text: str) -> None:
        """Append a turn of the caller."""
        self._place(Entry(UserMessage, text))

    def developer(self, text: str) -> None:
        """Append a message of the application."""
        self._place(Entry(DeveloperMessage, text))

    def assistant(self, unfinished: Entry | None = None) -> Entry:
        """The place for the words of a new reply: `unfinished` where that is the newest message and has no calls.

        A new message stands in the log from now on, unseen while it is empty: what is appended before its first word
        comes after it.
        """
        if unfinished is not None and unfinished.placed and unfinished is self._entries[-1] and not unfinished.calls:
            unfinished.joint = True
            return unfinished
        entry = Entry(AssistantMessage)
        self._place(entry)
        return entry

    def forget(self, entry: Entry) -> None:
        """A message that came to nothing leaves the log."""
        if entry.placed and entry.empty:
            self._remove(entry)

    def say(self, entry: Entry, frame: int, text: str) -> None:
        """Add words to an assistant message; they count as heard unless they are cut."""
        if entry.joint and entry.segments:
            last = entry.segments[-1]
            last.text += " " if not last.text[-1:].isspace() and not text[:1].isspace() else ""
        entry.joint = False
        entry.segments.append(_Segment(frame, text))
        entry.speaking.add(frame)
        self._by_frame[frame] = entry
        self._place(entry)

    def shorten(self, frame: int, text: str) -> None:
        """Leave of a frame's words only these; they are still to be heard."""
        entry = self._by_frame.get(frame)
        if entry is None:
            return
        for segment in entry.segments:
            if segment.frame == frame:
                segment.text = text
        entry.segments = [segment for segment in entry.segments if segment.text]
        self._measure(entry)

    def cut(self, frame: int, heard: str) -> None:
        """Leave of a frame's words only what was heard; the frame is over."""
        self.shorten(frame, heard)
        self.heard(frame)

    def heard(self, frame: int) -> None:
        """A frame was heard to its end; its words can no longer be cut."""
        if entry := self._by_frame.pop(frame, None):
            entry.speaking.discard(frame)

    def entry_of(self, frame: int) -> Entry | None:
        """The message that a frame belongs to, while it may still be cut."""
        return self._by_frame.get(frame)

    def call(self, entry: Entry, call: Call) -> None:
        """Add a function call to an assistant message, with a placeholder as output."""
        entry.calls[call.call_id] = call
        entry.pending.add(call.call_id)
        self._by_call[call.call_id] = entry
        self._place(entry)

    def result(self, call_id: str, output: str | None) -> None:
        """Record a call's final result. None leaves its output as it is (an async call's result is told elsewhere)."""
        entry = self._by_call.pop(call_id)
        entry.pending.discard(call_id)
        if output is not None:
            old = entry.calls[call_id]
            entry.calls[call_id] = Call(old.call_id, old.name, old.arguments, output)
            self._measure(entry)
            self._truncate()

    def items(self) -> tuple[Item, ...]:
        """The log as a request shows it."""
        return tuple(entry.render() for entry in self._entries if not entry.empty)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size_bytes(self) -> int:
        """UTF-8 bytes of all text, arguments and results."""
        return self._size

    def _place(self, entry: Entry) -> None:
        """Put an entry at the end, unless it stands somewhere already, and keep the bound."""
        if not entry.placed:
            entry.placed = True
            entry.size = 0
            self._entries.append(entry)
        self._measure(entry)
        self._truncate()

    def _measure(self, entry: Entry) -> None:
        before = entry.size
        entry.changed()
        if entry.placed:
            self._size += entry.size - before

    def _remove(self, entry: Entry) -> None:
        self._entries.remove(entry)
        self._size -= entry.size
        entry.placed = False

    def _truncate(self) -> None:
        """Drop the oldest turn, again and again; never the caller's newest words, nor what came last."""
        while self._size > self._limit and (turn := self._oldest_turn()):
            for entry in turn:
                self._drop(entry)
        answers = [entry for entry in self._entries[self._newest_turn() + 1 :] if not entry.empty][:-1]
        for shorten in (self._drop_results, self._drop):
            for entry in answers:
                if self._size > self._limit and not entry.pending:
                    shorten(entry)

    def _drop(self, entry: Entry) -> None:
        self._remove(entry)
        self.truncated += 1

    def _oldest_turn(self) -> list[Entry]:
        """Without calls that have no result yet."""
        turn: list[Entry] = []
        for entry in self._entries[: self._newest_turn()]:
            if turn and entry.role is UserMessage:
                return turn
            if not entry.pending:
                turn.append(entry)
        return turn

    def _newest_turn(self) -> int:
        """Where the turn that is being answered begins: the newest words of the caller, or the newest message."""
        for place in range(len(self._entries) - 1, -1, -1):
            if self._entries[place].role is UserMessage:
                return place
        return len(self._entries) - 1

    def _drop_results(self, entry: Entry) -> None:
        for call in list(entry.calls.values()):
            if len(call.output) > len(DROPPED):
                entry.calls[call.call_id] = Call(call.call_id, call.name, call.arguments, DROPPED)
                self.truncated += 1
        self._measure(entry)
