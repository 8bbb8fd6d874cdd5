"""What the call expects of a language model service. A service object belongs to one call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from link.inbox import Inbox
from link.tasks import Spawn
from llm.events import Command, Fact

Post = Callable[[Fact], None]


class LanguageModel(Protocol):
    """Answers requests; says when it can be asked and when it cannot."""

    async def run(self, inbox: Inbox[Command], post: Post, spawn: Spawn) -> None:
        """Take commands and post facts, for ever; after a fatal LinkDown only inferences are refused."""
