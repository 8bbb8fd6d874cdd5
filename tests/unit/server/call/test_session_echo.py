"""A client whose microphone hears its loudspeaker: the bot does not interrupt itself."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from server.agent import Agent
from tests.unit.server.call.session_stand import Stand, virtual

GREETING = "This is a long greeting that comes back into the microphone, word by word, and some of it is loud."
WAY_S = 0.1


async def echo(call: Stand, seconds: float) -> None:
    """Play what comes, and send it back: what was heard WAY_S ago."""
    loop, frame = asyncio.get_running_loop(), 640
    played, taken = bytearray(round(WAY_S / 0.02) * frame), 0
    until = loop.time() + seconds
    while loop.time() < until:
        played += call.heard[taken : taken + frame].ljust(frame, b"\0")
        taken = min(len(call.heard), taken + frame)
        call.socket.incoming.put_nowait(bytes(played[:frame]))
        del played[:frame]
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("said", "configured", "heard"),
    [(None, False, True), (True, False, False), (None, True, False), (False, True, True)],
)
@virtual
async def test_the_client_says_whether_it_echoes_and_else_the_configuration(
    said: bool | None, configured: bool, heard: bool
) -> None:
    start: dict[str, Any] = {} if said is None else {"echo": said}
    async with Stand(Agent(greeting=GREETING), start=start, lines=[None] * 9, echo_guard=configured) as call:
        await echo(call, len(GREETING) * 0.05 + 1.0)
        assert bool(call.of("speech_started")) == heard
        if not heard:
            assert call.bot == [GREETING]
            await call.talk(0.5, loud=False)
            await call.speak()
            await call.hears("speech_started")  # the line is open again


@virtual
async def test_a_caller_is_heard_over_the_echo() -> None:
    async with Stand(Agent(greeting=GREETING), start={"echo": True}, lines=["stop please"]) as call:
        await echo(call, 3.0)
        assert not call.of("speech_started")
        await call.talk(1.0, level=8000)
        await call.talk(1.0, loud=False)
        await call.hears("transcript", role="user", final=True, text="stop please")
