"""The conversation log: what was said and heard, what was called and what came of it. Pure.

It is the truth of the call; whatever a provider remembers of it is a cache. A message that is being spoken or whose
calls run still changes (llm/entry.py); it stands in its place from the beginning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from llm.entry import Entry, Segment
from llm.items import AssistantMessage, Call, DeveloperMessage, Item, Media, Reasoning, UserMessage
from llm.media import bounded, size_bytes, without_media

IN_PROGRESS = "IN_PROGRESS"
LIMIT_BYTES = 256 * 1024
MEDIA_LIMIT_BYTES = 4 * 1024 * 1024
DROPPED = "[dropped: the conversation became too long]"


class Log:
    """The messages of one call, oldest first; at most `limit_bytes` of text, the oldest turns go first, pinned or not.

    Of pictures and recordings at most `media_limit_bytes`; the oldest is replaced by a note.
    """

    def __init__(
        self,
        items: Iterable[Item] = (),
        limit_bytes: int = LIMIT_BYTES,
        media_limit_bytes: int = MEDIA_LIMIT_BYTES,
    ) -> None:
        """`items` are there from the beginning."""
        self._entries: list[Entry] = []
        self.marked = False
        """The model has begun an answer with a mark, and may do so again."""
        self._thoughtful: list[Entry] = []  # with reasoning that the model may need again
        self._media_limit = media_limit_bytes
        self._by_frame: dict[int, Entry] = {}
        self._by_call: dict[str, Entry] = {}
        self._limit = limit_bytes
        self._size = 0
        self.truncated = 0
        """How many messages, results of calls and media were dropped to stay within the limits."""
        for item in items:
            self.append(item)

    def user(self, text: str, media: tuple[Media, ...] = (), *, pinned: bool = False) -> None:
        """Append a turn of the caller. What the model thought before is of no use any more."""
        self._forget_thoughts()
        self._place(Entry(UserMessage, text, media, pinned=pinned))
        if media:
            self._bound_media()

    def append(self, item: Item) -> None:
        """Append a message that is complete."""
        if isinstance(item, UserMessage):
            self.user(item.text, item.media, pinned=item.pinned)
            return
        entry = Entry.of(item)
        self._place(entry)
        self._thoughtful += [entry] if entry.reasoning else []

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
        entry.segments.append(Segment(frame, text, joint=entry.joint))
        entry.joint = False
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

    def said_before(self, frame: int) -> str:
        """What a message said before the words of a frame, while that may still be cut."""
        entry = self._by_frame.get(frame)
        return entry.text_before(frame) if entry else ""

    def mark(self, entry: Entry, mark: str, *, tells: bool = False) -> None:
        """The model's own mark stands before the words of its message; nobody hears it.

        `tells`: it says something also without words. Another is shown only with them.
        """
        entry.mark, entry.tells = mark, tells
        self.marked |= bool(mark)
        self._place(entry)

    def think(self, entry: Entry, reasoning: Reasoning) -> None:
        """What the model thought before the calls of a message, until the caller's next turn."""
        entry.reasoning += (reasoning,)
        self._thoughtful.append(entry)
        self._measure(entry)
        self._truncate()

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

    def finished(self, going_on: Collection[Entry]) -> tuple[bool, ...]:
        """Of each of the `items`: it will not change any more. More words may come of those that are `going_on`."""
        return tuple(entry.finished and entry not in going_on for entry in self._entries if not entry.empty)

    def replace(self, before: Sequence[Item], after: Sequence[Item]) -> bool:
        """Put `after` where the messages `before` stand, one after the other: all of them, as `items` gave them.

        Messages of both keep what they are. False, and nothing is changed, when they do not stand there any more.
        """
        seen = [entry for entry in self._entries if not entry.empty]
        places = {id(entry.render()): place for place, entry in enumerate(seen)}
        start = places.get(id(before[0]), 0) if before else 0
        old = seen[start : start + len(before)]
        if not before or [id(entry.render()) for entry in old] != [id(item) for item in before]:
            return False
        kept = {id(entry.render()): entry for entry in old}
        new = [kept.get(id(item)) or Entry.of(item) for item in after]
        place = self._entries.index(old[0])
        for entry in old:
            self._remove(entry)
        self._insert(place, new)
        return True

    def rewrite(self, items: Sequence[Item], going_on: Collection[Entry]) -> None:
        """Make these the conversation; what is unfinished or `going_on` stays as it is, after them."""
        unfinished = [each for each in self._entries if not each.finished or each.empty or each in going_on]
        shown = Counter(entry.render() for entry in unfinished)
        for entry in [entry for entry in self._entries if entry not in unfinished]:
            self._remove(entry)
        wanted: list[Entry] = []
        for item in reversed(items):  # of messages that look alike, the newest is the one that stays
            if shown[item] > 0:
                shown[item] -= 1
            else:
                wanted.insert(0, Entry.of(item))
        self._insert(0, wanted)

    def calling(self) -> dict[str, Entry]:
        """The messages that have calls, by the ids of these."""
        return {call_id: entry for entry in self._entries for call_id in entry.calls}

    def _insert(self, place: int, entries: Sequence[Entry]) -> None:
        for offset, entry in enumerate(entries):
            entry.placed = True
            entry.size = 0
            self._entries.insert(place + offset, entry)
            self._thoughtful += [entry] if entry.reasoning else []
            self._measure(entry)
        self._truncate()
        self._bound_media()

    def halve(self) -> bool:
        """Drop the oldest half of the text, at a turn's edge, else all media; False when there is nothing to drop."""
        before, limit = self.truncated, self._limit
        self._limit = self._size // 2
        self._truncate()
        self._limit = limit
        return self.truncated > before or self.drop_media()

    def drop_media(self) -> bool:
        """Replace all pictures and recordings by notes; False when there are none."""
        shown = [entry for entry in self._entries if entry.media]
        for entry in shown:
            self._leave_out(entry, without_media(UserMessage(entry.text, entry.media)))
        return bool(shown)

    @property
    def ends_in_words(self) -> bool:
        """The newest message is the assistant's own, without calls."""
        newest = next((entry for entry in reversed(self._entries) if not entry.empty), None)
        return newest is not None and newest.role is AssistantMessage and not newest.calls

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

    def _forget_thoughts(self) -> None:
        for entry in self._thoughtful:
            entry.reasoning = ()
            self._measure(entry)
        self._thoughtful.clear()

    def _bound_media(self) -> None:
        """Replace the oldest pictures and recordings by notes."""
        shown = [entry for entry in self._entries if entry.media]
        excess = sum(size_bytes(each) for entry in shown for each in entry.media) - self._media_limit
        for entry in shown:
            if excess > 0:
                message, excess = bounded(UserMessage(entry.text, entry.media), excess)
                self._leave_out(entry, message)

    def _leave_out(self, entry: Entry, message: UserMessage) -> None:
        self.truncated += len(entry.media) - len(message.media)
        entry.media, entry.segments = message.media, [Segment(0, message.text)] if message.text else []
        self._measure(entry)

    def _truncate(self) -> None:
        """Drop the oldest turn, again and again; never the caller's newest words, nor what came last."""
        while self._size > self._limit and (turn := self._oldest_turn()):
            for entry in turn:
                self._drop(entry)
        answers = [entry for entry in self._entries[self._newest_turn() + 1 :] if not entry.empty]
        for shorten, entries in ((self._drop_results, answers), (self._drop, answers[:-1])):
            for entry in entries:
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
