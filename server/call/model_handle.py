"""The language model of one call, from the application's side: `params.llm`, `call.llm`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec import structs

from link.errors import ConfigError, ProviderError
from link.text import utf8_text
from llm.events import Infer, InferenceFailed, Inferred, ModelSettings, Request, ToolSchema
from llm.function_calls import When
from llm.items import Item
from llm.messages import encodable
from llm.registry import Handler, ToolRegistry
from llm.switch import known
from llm.tools import Tool
from server.call.core import Core
from server.call.events import Configure, Fact

LATE_S = 5.0  # a service keeps its own deadline; this is for one that does not
MAX_JOBS = 3
"""Services take four at once; the fourth place is for the summary."""


class ModelHandle:
    """Functions, settings and inferences of one call's model. Changes hold from the next request on."""

    def __init__(
        self,
        core: Core,
        tools: ToolRegistry,
        post: Callable[[Fact], None],
        infer: Callable[[Infer], None],
        services: tuple[str, ...],
    ) -> None:
        """`infer` hands an inference to the service; `services` are the models of a `Switch`."""
        self.tools = tools
        self.services = services
        self._core = core
        self._post = post
        self._infer = infer
        self._job = 0
        self._jobs: dict[int, asyncio.Future[str]] = {}

    # --- functions --------------------------------------------------------------------------------------------------

    def register(self, function: Tool | Callable[..., Any]) -> None:
        """As `ToolRegistry.register`, for this call: a tool, or a plain function as one."""
        self.tools.register(function)
        self._offer()

    def register_function(
        self,
        name: str | None,
        handler: Handler,
        *,
        schema: ToolSchema | dict[str, Any] | None = None,
        cancel_on_interruption: bool = True,
        timeout_secs: float | None = None,
        when: When = "now",
    ) -> None:
        """As `ToolRegistry.register_function`, for this call."""
        self.tools.register_function(
            name,
            handler,
            schema=schema,
            cancel_on_interruption=cancel_on_interruption,
            timeout_secs=timeout_secs,
            when=when,
        )
        self._offer()

    def register_direct_function(
        self,
        fn: Callable[..., Any],
        *,
        cancel_on_interruption: bool = True,
        timeout_secs: float | None = None,
        when: When = "now",
    ) -> None:
        """As `ToolRegistry.register_direct_function`, for this call."""
        self.tools.register_direct_function(
            fn, cancel_on_interruption=cancel_on_interruption, timeout_secs=timeout_secs, when=when
        )
        self._offer()

    def unregister_function(self, name: str | None) -> None:
        """Take a function away from this call; its calls that wait are answered with an error."""
        self.tools.unregister_function(name)
        self._offer()

    def unregister_direct_function(self, fn: Callable[..., Any]) -> None:
        """The same for a direct function."""
        self.tools.unregister_direct_function(fn)
        self._offer()

    def has_function(self, name: str) -> bool:
        """Whether somebody takes the calls of this name; with a catch-all, of every name."""
        return self.tools.has_function(name)

    def set_tools(self, tools: Iterable[Tool | Callable[..., Any]]) -> None:
        """Have these functions and no others. Raises ConfigError for one that cannot be one."""
        self.tools = ToolRegistry(tools)
        self._offer()

    def _offer(self) -> None:
        self._post(Configure(structs.replace(self._core.settings, tools=self.tools.specs())))

    # --- settings ---------------------------------------------------------------------------------------------------

    @property
    def settings(self) -> ModelSettings:
        """What is asked of the model now."""
        return self._core.settings.model

    def update(self, settings: ModelSettings) -> None:
        """Ask for something else from the next request on: another temperature, another model of a `Switch`.

        Raises ConfigError for a model that the `Switch` does not have.
        """
        self._post(Configure(structs.replace(self._core.settings, model=self.checked(settings))))

    def checked(self, settings: ModelSettings) -> ModelSettings:
        """The settings, if their model is there and they can be sent. Raises ConfigError."""
        known(settings.service, self.services)
        try:
            msgspec.json.encode(settings)
        except (TypeError, ValueError, RecursionError) as error:
            raise ConfigError(f"the model's settings cannot be said in JSON: {error}") from error
        return settings

    def switch(self, service: str) -> None:
        """Answer with this model of a `Switch` from the next request on. Raises ConfigError where there is none."""
        self.update(structs.replace(self.settings, service=service))

    # --- inference beside the conversation ----------------------------------------------------------------------------

    async def run_inference(
        self,
        context: Iterable[Item] | None = None,
        *,
        max_tokens: int | None = None,
        system_instruction: str | None = None,
        timeout_secs: float = 120.0,
    ) -> str:
        """Ask the model beside the conversation; its whole text. `context` is the conversation itself where it is None.

        The caller hears nothing of it and no tool is offered. Raises ProviderError, with the reason.
        """
        if len(self._jobs) >= MAX_JOBS:
            raise ProviderError(f"{MAX_JOBS} inferences run already")
        core = self._core
        items = core.log.items() if context is None else tuple(map(encodable, context))
        instructions = core.settings.instructions if system_instruction is None else utf8_text(system_instruction)
        settings = core.settings.model
        if max_tokens is not None:
            settings = structs.replace(settings, max_output_tokens=max_tokens)
        self._job -= 1  # the core numbers its own upwards
        job = self._job
        done = self._jobs[job] = asyncio.get_running_loop().create_future()
        try:
            self._infer(Infer(job, Request(instructions, items, settings=settings), timeout_secs))
            async with asyncio.timeout(timeout_secs + LATE_S):
                text: str = await done
                return text
        except TimeoutError as error:
            raise ProviderError(f"no answer within {timeout_secs:g} s") from error
        finally:
            del self._jobs[job]

    def take(self, fact: Inferred | InferenceFailed) -> bool:
        """What comes of an inference; False when it is not one of ours."""
        if fact.job >= 0:
            return False
        waiting = self._jobs.get(fact.job)
        if waiting is not None and not waiting.done():
            if isinstance(fact, Inferred):
                waiting.set_result(fact.text)
            else:
                waiting.set_exception(ProviderError(fact.reason))
        return True
