"""A bounded queue between the call and one service, with a policy for when it is full."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, Literal, TypeVar

from link.errors import VoicewireError

T = TypeVar("T")

MAX_ITEMS = 8192
"""The bound on items of no cost; 15 s of audio are 750 items of 20 ms."""


class InboxFull(VoicewireError):
    """A command was put into a full inbox: the service does not keep up, and the call ends with an error."""


class Inbox(Generic[T]):
    """First in, first out, for one reader. `limit` bounds the sum of `cost(item)` over the items that wait.

    Policy `refuse` raises InboxFull; `drop_oldest` drops from the front the items that cost something and adds what
    they cost to `dropped` (items of no cost are markers and stay). Under both policies 8192 items are too many.
    """

    def __init__(
        self,
        limit: int,
        policy: Literal["refuse", "drop_oldest"] = "refuse",
        cost: Callable[[T], int] = lambda _: 1,
    ) -> None:
        self._items: deque[T] = deque()
        self._limit = limit
        self._policy = policy
        self._cost = cost
        self._held = 0
        self._reader: asyncio.Future[None] | None = None
        self.dropped = 0

    def put(self, item: T) -> None:
        """Add an item. Raises InboxFull under the policy `refuse`, and where the service has stopped to read."""
        if len(self._items) >= MAX_ITEMS:
            raise InboxFull(f"an inbox holds {MAX_ITEMS} items; its service does not read it")
        self._held += self._cost(item)
        if self._held > self._limit:
            self._make_room(item)
        self._items.append(item)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def get(self) -> T:
        """The next item; waits for one."""
        while not self._items:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        item = self._items.popleft()
        self._held -= self._cost(item)
        return item

    def __len__(self) -> int:
        return len(self._items)

    def _make_room(self, item: T) -> None:
        if self._policy == "refuse":
            self._held -= self._cost(item)
            raise InboxFull(f"an inbox is full ({self._limit}); its service does not keep up")
        kept: deque[T] = deque()
        while self._held > self._limit and self._items:
            oldest = self._items.popleft()
            cost = self._cost(oldest)
            self._held -= cost
            self.dropped += cost
            if cost == 0:
                kept.append(oldest)
        self._items.extendleft(reversed(kept))
