"""The telephone line of a call: what its carrier is told, besides what the wire says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from loguru import logger

from link.errors import VoicewireError
from server.call.events import Fact
from server.call.line_events import Redirect, TransferFailed, Transferred
from server.protocols.wire import Phone

HANG_UP_S = 10.0
TRANSFER_S = 60.0
"""Telling the carrier, and for a warm transfer until somebody answers."""
NO_PHONE = "this call did not come by telephone"
NO_CONTROL = "the carrier's keys are not configured"


class Control(Protocol):
    """What the carriers can be told. Each verb raises VoicewireError that says what is to be done."""

    async def hang_up(self, phone: Phone) -> None:
        """End the call; one that is over already is no error."""

    async def transfer(self, phone: Phone, to: str, words: str) -> None:
        """Connect the caller to a number or `sip:` address; with `words`, whoever answers hears them first."""


class Line:
    """The line of one call."""

    def __init__(
        self,
        control: Control | None,
        phone: Phone | None,
        post: Callable[[Fact], None],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._control = control
        self._phone = phone
        self._post = post
        self._spawn = spawn

    def redirect(self, command: Redirect) -> None:
        """Tell the carrier; the fact comes when it has done it, or has not."""
        if self._phone is None or self._control is None:
            self._post(TransferFailed(NO_CONTROL if self._phone else NO_PHONE))
        else:
            self._spawn(self._redirect(self._control, self._phone, command))

    async def _redirect(self, control: Control, phone: Phone, command: Redirect) -> None:
        try:
            async with asyncio.timeout(TRANSFER_S):
                await control.transfer(phone, command.to, command.words)
        except (VoicewireError, TimeoutError) as error:
            reason = str(error) or f"nobody took the call within {TRANSFER_S:g} s"
            logger.error("the call was not transferred: {}", reason)
            self._post(TransferFailed(reason))
        else:
            self._post(Transferred())

    async def hang_up(self) -> None:
        """End the call at the carrier too: a closed socket alone does not do it everywhere."""
        if self._phone is None or self._control is None:
            return
        try:
            async with asyncio.timeout(HANG_UP_S):
                await self._control.hang_up(self._phone)
        except (VoicewireError, TimeoutError) as error:
            logger.error("the carrier was not told that the call is over: {}", str(error) or "it did not answer")
