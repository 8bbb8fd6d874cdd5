"""Chat Completions: a model at any endpoint that speaks OpenAI's older protocol, over HTTP.

An answer is one request and its stream; there is no link to keep. An answer that is abandoned has its stream closed at
once, and with it its connection: the provider stops, and the next request finds another connection.
"""

from __future__ import annotations

import asyncio
from typing import Any

from link.errors import ProviderError
from link.inbox import Inbox
from link.tasks import Spawn
from llm.chat_client import ChatClient
from llm.chat_options import ChatOptions
from llm.events import (
    Ask,
    Cancel,
    Command,
    Delta,
    Infer,
    InferenceFailed,
    Inferred,
    LinkUp,
    Output,
    Prepare,
    ReplyDone,
    ReplyFailed,
    Request,
)
from llm.service import LanguageModel, Post

__all__ = ["ChatEngine", "ChatOptions", "ChatService"]

INFERENCES_AT_ONCE = 4
MAX_INFERENCES = 32
"""Of one call, with those that wait; more fail at once."""
MAX_CHARACTERS = 1 << 18
"""A longer text is not waited for: nothing that is inferred may be as large as the log."""
NOBODY = 0
"""The reply of an inference; replies are numbered from 1."""


class ChatEngine:
    """What the process has of an endpoint: one client for all calls."""

    free = 1 << 30

    def __init__(self, options: ChatOptions, *, transport: Any = None) -> None:
        """`transport` (of the package's HTTP library) is replaced where time is virtual."""
        self._options = options
        self._transport = transport
        self._client: ChatClient | None = None

    async def start(self) -> None:
        """Load the package. Raises ConfigError where it is missing or an option is wrong; nothing is sent yet."""
        self._client = ChatClient(self._options, self._transport)

    def open(self) -> LanguageModel:
        """A service for one call."""
        assert self._client, "start() comes first"
        return ChatService(self._client)

    async def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.close()


class ChatService:
    """One call's side of the client."""

    def __init__(self, client: ChatClient) -> None:
        self._client = client
        self._errand: _Errand | None = None  # the answer that is wanted
        self._inferring = 0
        self._inferences = asyncio.Semaphore(INFERENCES_AT_ONCE)
        self._warmed = False

    async def run(self, inbox: Inbox[Command], post: Post, spawn: Spawn) -> None:
        """Answer, for ever. There is no link that could be down: each request finds out for itself."""
        post(LinkUp())
        while True:
            self._obey(await inbox.get(), post, spawn)

    def _obey(self, command: Command, post: Post, spawn: Spawn) -> None:
        match command:
            case Ask(reply, request):
                self._abandon()
                self._warmed = True
                self._errand = _Errand(reply, post)
                spawn(self._errand.run(self._client, request))
            case Cancel(reply):
                if self._errand is not None and self._errand.reply == reply:
                    self._abandon()
            case Infer():
                self._begin_inference(command, post, spawn)
            case Prepare():
                if not self._warmed:
                    self._warmed = True
                    spawn(self._client.warm())

    def _abandon(self) -> None:
        if self._errand is not None:
            self._errand.stop()
            self._errand = None

    def _begin_inference(self, command: Infer, post: Post, spawn: Spawn) -> None:
        if self._inferring >= MAX_INFERENCES:
            post(InferenceFailed(command.job, f"{MAX_INFERENCES} inferences of this call wait already"))
            return
        self._inferring += 1
        spawn(self._infer(command, post))

    async def _infer(self, command: Infer, post: Post) -> None:
        text = _Text(command.job)
        try:
            async with asyncio.timeout(command.limit_s), self._inferences:
                await self._client.answer(NOBODY, command.request, text.take)
        except TimeoutError:
            text.fail(f"no answer within {command.limit_s:g} s")
        except ProviderError as error:
            text.fail(str(error))
        finally:
            self._inferring -= 1
        post(text.outcome)


class _Errand:
    """An answer in a task of its own, which can be stopped at any time, also before it has begun."""

    def __init__(self, reply: int, post: Post) -> None:
        self.reply = reply
        self._post = post
        self._stopped = False
        self._task: asyncio.Task[Any] | None = None

    async def run(self, client: ChatClient, request: Request) -> None:
        """Ask and post what comes, unless it is stopped."""
        if not self._stopped:
            self._task = asyncio.current_task()
            await client.answer(self.reply, request, self._take)

    def stop(self) -> None:
        """Nothing is posted from now on, and the stream is closed."""
        self._stopped = True
        if self._task is not None:
            self._task.cancel()

    def _take(self, fact: Output) -> None:
        if not self._stopped:
            self._post(fact)


class _Text:
    """What an inference comes to: one text, or a reason why there is none."""

    def __init__(self, job: int) -> None:
        self._job = job
        self._words: list[str] = []
        self._characters = 0
        self.outcome: Inferred | InferenceFailed = InferenceFailed(job, "the provider gave no answer")

    def take(self, fact: Output) -> None:
        """A fact of the answer. Raises ProviderError where there is no end to it."""
        match fact:
            case Delta(_, text):
                self._words.append(text)
                self._characters += len(text)
                if self._characters > MAX_CHARACTERS:
                    raise ProviderError(f"the answer is longer than {MAX_CHARACTERS} characters")
            case ReplyDone(_, usage):
                self.outcome = Inferred(self._job, "".join(self._words), usage)
            case ReplyFailed(_, reason):
                self.fail(reason)
            case _:
                pass

    def fail(self, reason: str) -> None:
        """It came to nothing."""
        self.outcome = InferenceFailed(self._job, reason)
