"""The conversation log of one call, from the application's side: `params.context`, `call.context`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llm import messages, messages_json
from llm.items import Item
from llm.tokens import estimated_tokens
from server.call.core import Core
from server.call.events import Append, Fact, Rewrite


class LogHandle:
    """What was said and called so far. Messages are values: a copy is what `messages` gives.

    Changes hold from the next request on. What is being said and calls that run are not touched by any of them.
    """

    def __init__(self, core: Core, post: Callable[[Fact], None]) -> None:
        self._core = core
        self._post = post

    @property
    def messages(self) -> tuple[Item, ...]:
        """The conversation so far, the bot's words as they were heard."""
        return self._core.log.items()

    @property
    def estimated_tokens(self) -> int:
        """How many tokens the messages are, by a rule of thumb."""
        return estimated_tokens(self.messages)

    def append(self, message: Item, *, ask: bool = False, skip_tts: bool = False) -> None:
        """Add a message. `ask`: the model is to answer it; `skip_tts`: the answer is to be read, not heard."""
        self._post(Append(message, ask, skip_tts))

    def insert(self, at: int, message: Item) -> None:
        """Add a message before the one that is number `at`. Raises ValueError when there are not so many."""
        self.rewrite(messages.inserted(self.messages, at, message))

    def truncate(self, max_messages: int) -> None:
        """Keep the newest turns only, at most so many messages."""
        self.rewrite(messages.truncated(self.messages, max_messages))

    def merge(self, others: Sequence[Item]) -> None:
        """Add those of another conversation that are not there yet."""
        self.rewrite(messages.merged(self.messages, others))

    def rewrite(self, items: Sequence[Item]) -> None:
        """Make these the conversation."""
        self._post(Rewrite(tuple(items)))

    def to_json(self) -> str:
        """The conversation as JSON, as `load_json` reads it."""
        return messages_json.to_json(self.messages)

    def load_json(self, text: str) -> None:
        """Make this the conversation. Raises MessagesError, which says what is wrong where."""
        self.rewrite(messages_json.from_json(text))
