"""What a user's tools and handlers hold of a call: `call.say(…)`, `call.hang_up()`, and so on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec import structs

from audio.dtmf import are_keys
from link.tasks import RunSync
from link.text import utf8_text
from llm.events import Infer, ModelSettings
from llm.items import Item
from llm.registry import ToolRegistry
from llm.tools import Tool
from server.call.core import Core
from server.call.events import Configure, Fact, HangUp, Interrupt, Say, Send
from server.call.keypad import MAX_KEYS
from server.call.line_events import SendDigits, Transfer
from server.call.log_handle import LogHandle
from server.call.model_handle import ModelHandle
from server.protocols.wire import Opened, Phone


class CallHandle:
    """One call, from the application's side. After the end of the call its verbs do nothing."""

    def __init__(
        self,
        call_id: str,
        core: Core,
        tools: ToolRegistry,
        post: Callable[[Fact], None],
        infer: Callable[[Infer], None],
        *,
        run_sync: RunSync,
        models: tuple[str, ...] = (),
        opened: Opened | None = None,
    ) -> None:
        """`tools` are this call's own; `infer` hands an inference to the service; `models` are those of a `Switch`."""
        self.call_id = call_id
        self.llm = ModelHandle(core, tools, post, infer, models)
        """The model: functions, settings, inference beside the conversation."""
        self.context = LogHandle(core, post, run_sync)
        """The conversation log: read, append, rewrite."""
        self.metadata: dict[str, Any] = opened.metadata if opened else {}
        """What the client sent with `start`."""
        self.phone: Phone | None = opened.phone if opened else None
        """What the carrier tells of a call by telephone."""
        self.state: dict[str, Any] = {}
        """Whatever the application wants to remember of this call."""
        self._core = core
        self._post = post

    @property
    def tools(self) -> ToolRegistry:
        """The functions that the model can call in this call."""
        return self.llm.tools

    @property
    def log(self) -> tuple[Item, ...]:
        """The conversation so far; the bot's words as they were heard."""
        return self._core.log.items()

    async def say(self, text: str, interruptible: bool = True) -> None:
        """Say something, after what is being said. Returns when it is queued, not when it was heard.

        Raises TypeError for what is no text, as the other verbs do.
        """
        self._post(Say(_text(text), interruptible))

    async def send(self, event: Any, interruptible: bool = True) -> None:
        """Send a JSON message to the client, in its place among the speech."""
        self._post(Send(msgspec.json.encode(event).decode(), interruptible))

    async def hang_up(self, reason: str = "the agent hung up") -> None:
        """End the call, once what was said is heard.

        Tools that still run then are cancelled, the one that hangs up too: what is to be done after the call belongs
        into a handler of `call_ended`.
        """
        self._post(HangUp(_text(reason)))

    async def transfer(self, to: str, words: str = "") -> None:
        """Connect the caller to a number (`+49…`) or a `sip:` address, once what was said is heard.

        With `words` the transfer is warm: whoever answers hears them before the caller is there. When it fails, the
        handlers of `error` are told (`transfer_failed`), the model too, and the call goes on.
        """
        self._post(Transfer(_text(to), _text(words)))

    async def send_dtmf(self, digits: str) -> None:
        """Press keys (0-9, *, #, A-D; `w` waits half a second), after what is being said.

        They are tones, on every wire, so they keep their place among the words; nobody interrupts them. Returns when
        they are queued. Raises ValueError for what is no key, and for more than MAX_KEYS.
        """
        if not _text(digits) or len(digits) > MAX_KEYS or not are_keys(digits):
            raise ValueError(f"{digits[:80]!r}: 1 to {MAX_KEYS} of 0-9, *, #, A-D and w (half a second) can be sent")
        self._post(SendDigits(digits))

    async def interrupt(self) -> None:
        """Stop talking: drop what may be dropped and what is owed."""
        self._post(Interrupt())

    async def update(
        self,
        *,
        instructions: str | None = None,
        model: ModelSettings | None = None,
        skip_tts: bool | None = None,
        filter_incomplete_user_turns: bool | None = None,
    ) -> None:
        """Change settings, from the next answer on; what is None stays. `skip_tts`: to be read, not heard.

        Raises ConfigError for a model that the `Switch` does not have.
        """
        settings = self._core.settings
        if instructions is not None:
            settings = structs.replace(settings, instructions=_text(instructions))
        if model is not None:
            settings = structs.replace(settings, model=self.llm.checked(model))
        if skip_tts is not None:
            settings = structs.replace(settings, skip_tts=skip_tts)
        if filter_incomplete_user_turns is not None:
            completion = structs.replace(
                settings.turn_completion, filter_incomplete_user_turns=filter_incomplete_user_turns
            )
            settings = structs.replace(settings, turn_completion=completion)
        self._post(Configure(settings))

    async def set_tools(self, tools: Iterable[Tool | Callable[..., Any]]) -> None:
        """Offer other tools, from the next answer on. Raises ConfigError for one that cannot be one."""
        self.llm.set_tools(tools)


def _text(value: str) -> str:
    """A text that can be spoken and sent."""
    if not isinstance(value, str):
        raise TypeError(f"a text is wanted, not {type(value).__name__}")
    return utf8_text(value)
