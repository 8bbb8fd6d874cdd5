"""`voicewire brain`: the brain's server alone, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import signal

from loguru import logger

from link.errors import ConfigError
from llm.local.faults import Faults
from llm.local.server import PACE, LocalBrain


def run_brain(
    host: str = "127.0.0.1",
    port: int = 8089,
    *,
    token: str | None = None,
    insecure: bool = False,
    faults: Faults = PACE,
    allow_fault_requests: bool = False,
) -> None:
    """Serve until SIGINT or SIGTERM. Raises ConfigError: beyond loopback a token is needed, or `insecure`."""
    if not (token or insecure or _is_loopback(host)):
        raise ConfigError(f"the brain binds to {host}, beyond this machine, only with a token (or --insecure)")
    asyncio.run(_serve(LocalBrain(faults=faults, token=token, allow_fault_requests=allow_fault_requests), host, port))


async def _serve(brain: LocalBrain, host: str, port: int) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows ends the process instead
            loop.add_signal_handler(number, stopped.set)
    await brain.start(host, port)
    try:
        await stopped.wait()
    finally:
        await brain.close()
        logger.info("brain: stopped")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
