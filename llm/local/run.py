"""`voicewire brain`: the brain's servers alone, until they are told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import signal

from loguru import logger

from link.errors import ConfigError
from llm.local.chat_server import LocalChat
from llm.local.faults import Faults
from llm.local.server import PACE, LocalBrain


def run_brain(
    host: str = "127.0.0.1",
    port: int = 8089,
    *,
    chat_port: int | None = None,
    token: str | None = None,
    insecure: bool = False,
    faults: Faults = PACE,
    allow_fault_requests: bool = False,
) -> None:
    """Serve until SIGINT or SIGTERM. Raises ConfigError: beyond loopback a token is needed, or `insecure`.

    With `chat_port` it serves Chat Completions too.
    """
    if not (token or insecure or _is_loopback(host)):
        raise ConfigError(f"the brain binds to {host}, beyond this machine, only with a token (or --insecure)")
    brain = LocalBrain(faults=faults, token=token, allow_fault_requests=allow_fault_requests)
    servers: list[tuple[LocalBrain | LocalChat, int]] = [(brain, port)]
    if chat_port is not None:
        chat = LocalChat(faults=faults, token=token, allow_fault_requests=allow_fault_requests)
        servers.append((chat, chat_port))
    asyncio.run(_serve(servers, host))


async def _serve(servers: list[tuple[LocalBrain | LocalChat, int]], host: str) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows ends the process instead
            loop.add_signal_handler(number, stopped.set)
    async with contextlib.AsyncExitStack() as started:
        for server, port in servers:
            await server.start(host, port)
            started.push_async_callback(server.close)
        await stopped.wait()
    logger.info("brain: stopped")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
