"""The conversation log of one call, from the application's side: `params.context`, `call.context`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from link.tasks import RunSync
from llm import messages, messages_json
from llm.images import needs_scaling, with_scaled_images
from llm.items import Item
from llm.tokens import estimated_tokens
from server.call.core import Core
from server.call.events import Append, Fact, Rewrite


class LogHandle:
    """What was said and called so far. Messages are values: a copy is what `messages` gives.

    Changes hold from the next request on. What is being said and calls that run are not touched by any of them.
    Pictures are scaled to the size that they ask for. Raises MediaError for one that is none.
    """

    def __init__(self, core: Core, post: Callable[[Fact], None], run_sync: RunSync) -> None:
        """`run_sync(function, **arguments)` runs a plain function off the loop."""
        self._core = core
        self._post = post
        self._run_sync = run_sync

    @property
    def messages(self) -> tuple[Item, ...]:
        """The conversation so far, the bot's words as they were heard."""
        return self._core.log.items()

    @property
    def estimated_tokens(self) -> int:
        """How many tokens the messages are, by a rule of thumb."""
        return estimated_tokens(self.messages)

    async def append(self, message: Item, *, ask: bool = False, skip_tts: bool = False) -> None:
        """Add a message. `ask`: the model is to answer it; `skip_tts`: the answer is to be read, not heard."""
        [scaled] = await self._scaled([message])
        self._post(Append(scaled, ask, skip_tts))

    async def insert(self, at: int, message: Item) -> None:
        """Add a message before the one that is number `at`. Raises ValueError when there are not so many."""
        [scaled] = await self._scaled([message])
        self._write(messages.inserted(self.messages, at, scaled))

    async def truncate(self, max_messages: int) -> None:
        """Keep the newest turns only, at most so many messages; pinned ones stay besides."""
        self._write(messages.truncated(self.messages, max_messages))

    async def merge(self, others: Sequence[Item]) -> None:
        """Add those of another conversation that are not there yet."""
        scaled = await self._scaled(others)
        self._write(messages.merged(self.messages, scaled))

    async def rewrite(self, items: Sequence[Item]) -> None:
        """Make these the conversation."""
        self._write(await self._scaled(items))

    def _write(self, items: Sequence[Item]) -> None:
        """What is made of the log is written before anything else can happen to it."""
        self._post(Rewrite(tuple(items)))

    def to_json(self) -> str:
        """The conversation as JSON, as `load_json` reads it."""
        return messages_json.to_json(self.messages)

    async def load_json(self, text: str) -> None:
        """Make this the conversation. Raises MessagesError, which says what is wrong where."""
        await self.rewrite(messages_json.from_json(text))

    async def _scaled(self, items: Sequence[Item]) -> tuple[Item, ...]:
        """The messages with pictures of the size that they ask for; that takes a while, so it is done off the loop.

        What UTF-8 cannot say becomes `?`: it could be neither sent nor kept.
        """
        items = [messages.encodable(item) for item in items]
        if any(needs_scaling(item) for item in items):
            return tuple(await self._run_sync(with_scaled_images, items=items))
        return tuple(items)
