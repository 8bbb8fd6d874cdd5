"""One message of the log while it still changes: it is being spoken, or its calls run. Pure.

The assistant's words stand in segments, one for each frame of the playout, so that a barge-in can cut them at what was
heard.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile

from llm.items import AssistantMessage, Call, DeveloperMessage, Item, Media, Reasoning, UserMessage


class Segment:
    """A piece of the assistant's words; `frame` is its place in the playout.

    `joint`: another reply goes on here; a space sets it off, wherever the words before it were cut.
    """

    __slots__ = ("frame", "joint", "text")

    def __init__(self, frame: int, text: str, *, joint: bool = False) -> None:
        self.frame = frame
        self.joint = joint
        self.text = text


class Entry:
    """One message."""

    __slots__ = (
        "_rendered",
        "calls",
        "joint",
        "mark",
        "media",
        "pending",
        "pinned",
        "placed",
        "reasoning",
        "role",
        "segments",
        "size",
        "speaking",
        "tells",
    )

    def __init__(
        self, role: type[Item], text: str = "", media: tuple[Media, ...] = (), *, pinned: bool = False
    ) -> None:
        self.role = role
        self.segments: list[Segment] = [Segment(0, text)] if text else []
        self.media = media
        self.pinned = pinned
        self.mark = ""  # stands before the words and is never spoken
        self.tells = False  # the mark says something also without words
        self.calls: dict[str, Call] = {}
        self.reasoning: tuple[Reasoning, ...] = ()
        self.pending: set[str] = set()  # calls without a final result
        self.speaking: set[int] = set()  # frames not yet heard nor cut
        self.placed = False  # it stands in the log
        self.joint = False  # another reply goes on with this text
        self.size = len(text.encode())
        self._rendered: Item | None = None

    @classmethod
    def of(cls, item: Item) -> Entry:
        """A message that is complete."""
        match item:
            case UserMessage(text, media, pinned):
                return cls(UserMessage, text, media, pinned=pinned)
            case DeveloperMessage(text, pinned):
                return cls(DeveloperMessage, text, pinned=pinned)
        entry = cls(AssistantMessage, item.text)
        entry.calls = {call.call_id: call for call in item.calls}
        entry.reasoning = item.reasoning
        return entry

    @property
    def empty(self) -> bool:
        """Nothing was said or shown, and nothing called."""
        return self.wordless and not self.media and not self.tells

    @property
    def wordless(self) -> bool:
        """Nothing was said and nothing called; there may be a mark."""
        return not self.segments and not self.calls

    @property
    def finished(self) -> bool:
        """Nobody is speaking it and none of its calls waits for a result."""
        return not self.speaking and not self.pending

    @property
    def text(self) -> str:
        """The words, as heard so far and about to be."""
        return _joined((segment.joint, segment.text) for segment in self.segments)

    def heard_text(self, frame: int, part: str) -> str:
        """The words heard while `frame` is being spoken, `part` of it so far."""
        begun = (each for each in self.segments if self._begun(each, frame))
        return _joined((each.joint, part if each.frame == frame else each.text) for each in begun)

    def text_before(self, frame: int) -> str:
        """The words that stand before those of a frame."""
        before = takewhile(lambda each: each.frame != frame, self.segments)
        return _joined((each.joint, each.text) for each in before)

    def _begun(self, segment: Segment, frame: int) -> bool:
        return segment.frame == frame or segment.frame not in self.speaking

    def changed(self) -> None:
        """Forget the rendering and measure again: UTF-8 bytes of all but the media."""
        self._rendered = None
        texts = [self.mark, self.text, *(each.item for each in self.reasoning)]
        for call in self.calls.values():
            texts += (call.arguments, call.output)
        self.size = sum(len(text.encode()) for text in texts)

    def render(self) -> Item:
        """The message as a request shows it; the same object until it changes."""
        if self._rendered is None:
            self._rendered = self._render()
        return self._rendered

    def _render(self) -> Item:
        if self.role is AssistantMessage:
            text = f"{self.mark} {self.text.lstrip()}".rstrip() if self.mark else self.text
            return AssistantMessage(text, tuple(self.calls.values()), self.reasoning)
        if self.role is UserMessage:
            return UserMessage(self.text, self.media, self.pinned)
        return DeveloperMessage(self.text, self.pinned)


def _joined(parts: Iterable[tuple[bool, str]]) -> str:
    text = ""
    for joint, part in parts:
        text += " " + part if joint and text and part and not text[-1].isspace() and not part[0].isspace() else part
    return text
