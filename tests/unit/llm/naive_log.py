"""The conversation log, written again as simply as it can be: everything is computed anew each time."""

from __future__ import annotations

from dataclasses import dataclass, field

from llm.context import DROPPED
from llm.items import AssistantMessage, Call, DeveloperMessage, Item, UserMessage


@dataclass(eq=False)
class NaiveMessage:
    """A message. `words` are pairs of frame and text; what the caller or the application says is frame 0."""

    role: type[Item]
    words: list[tuple[int, str]] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    open_calls: set[str] = field(default_factory=set)
    joint: bool = False
    seams: set[int] = field(default_factory=set)
    """Frames at which another reply begins."""

    def items(self) -> list[Item]:
        """As a request shows it; an empty one is not shown."""
        if not self.words and not self.calls:
            return []
        text = ""
        for frame, words in self.words:
            apart = frame not in self.seams or not text or text[-1].isspace() or words[0].isspace()
            text += words if apart else f" {words}"
        return [AssistantMessage(text, tuple(self.calls)) if self.role is AssistantMessage else self.role(text)]


def size(items: list[Item]) -> int:
    """UTF-8 bytes of text, arguments and results."""
    calls = [call for item in items if isinstance(item, AssistantMessage) for call in item.calls]
    texts = [item.text for item in items] + [call.arguments + call.output for call in calls]
    return len("".join(texts).encode())


class NaiveLog:
    """What `llm.context.Log` must do."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit = limit_bytes
        self.messages: list[NaiveMessage] = []
        self.known: list[NaiveMessage] = []
        self.over: set[int] = set()  # frames that were heard or cut
        self.truncated = 0

    def items(self) -> list[Item]:
        """What a request shows."""
        return [item for message in self.messages for item in message.items()]

    def user(self, text: str) -> None:
        """A turn of the caller."""
        self._place(NaiveMessage(UserMessage, [(0, text)] if text else []))

    def developer(self, text: str) -> None:
        """A message of the application."""
        self._place(NaiveMessage(DeveloperMessage, [(0, text)] if text else []))

    def assistant(self, unfinished: NaiveMessage | None) -> NaiveMessage:
        """A place for words."""
        if unfinished in self.messages[-1:] and unfinished is not None and not unfinished.calls:
            unfinished.joint = True
            return unfinished
        message = NaiveMessage(AssistantMessage)
        self.known.append(message)
        self._place(message)
        return message

    def forget(self, message: NaiveMessage) -> None:
        """A message with nothing in it goes."""
        if message in self.messages and not message.items():
            self.messages.remove(message)

    def say(self, message: NaiveMessage, frame: int, text: str) -> None:
        """More words."""
        if message.joint:
            message.seams.add(frame)
        message.joint = False
        message.words.append((frame, text))
        self._place(message)

    def shorten(self, frame: int, text: str) -> None:
        """Other words for a frame that is not over."""
        for message in self.known if frame not in self.over else []:
            message.words = [(each, text if each == frame else old) for each, old in message.words]
            message.words = [(each, words) for each, words in message.words if words]

    def call(self, message: NaiveMessage, call: Call) -> None:
        """A function call."""
        message.calls.append(call)
        message.open_calls.add(call.call_id)
        self._place(message)

    def result(self, message: NaiveMessage, call_id: str, output: str | None) -> None:
        """Its result; None leaves the placeholder."""
        message.open_calls.discard(call_id)
        if output is not None:
            message.calls = [
                Call(call.call_id, call.name, call.arguments, output) if call.call_id == call_id else call
                for call in message.calls
            ]
            self._drop_old_turns()

    def _place(self, message: NaiveMessage) -> None:
        if message not in self.messages:
            self.messages.append(message)
        self._drop_old_turns()

    def _drop_old_turns(self) -> None:
        """Whole turns from the front; then results, then messages after the caller's newest words. Nothing pending."""
        while size(self.items()) > self.limit:
            may_go = [message for message in self.messages[: self._newest_turn()] if not message.open_calls]
            if not may_go:
                break
            turns = [at for at, message in enumerate(may_go) if message.role is UserMessage and at > 0]
            for message in may_go[: turns[0]] if turns else may_go:
                self._drop(message)
        newer = [message for message in self.messages[self._newest_turn() + 1 :] if message.items()]
        answers = [message for message in newer[:-1] if not message.open_calls]
        for message in answers:
            if size(self.items()) > self.limit:
                self._drop_results(message)
        for message in answers:
            if size(self.items()) > self.limit:
                self._drop(message)

    def _newest_turn(self) -> int:
        turns = [at for at, message in enumerate(self.messages) if message.role is UserMessage]
        return turns[-1] if turns else max(len(self.messages) - 1, 0)

    def _drop(self, message: NaiveMessage) -> None:
        self.messages.remove(message)
        self.truncated += 1

    def _drop_results(self, message: NaiveMessage) -> None:
        for at, call in enumerate(message.calls):
            if len(call.output) > len(DROPPED):
                message.calls[at] = Call(call.call_id, call.name, call.arguments, DROPPED)
                self.truncated += 1
